"""Background tasks: batches of images and copies of photographs, started from the desk."""

from django.contrib.auth.models import User
from django.db import transaction
from django_tasks import task

from evaluation.copies import find_copies
from evaluation.errors import EvaluationError
from evaluation.models import Image
from generation.batches import generator_for, images_of, run_batch
from generation.engine.generator import GenerationError
from generation.models import Batch, Submission
from generation.submissions.services import make_copy


def start_batch(batch: Batch, actor: User) -> None:
    """Have a batch made in the background, or gone on with if it was stopped."""
    Batch.objects.filter(pk=batch.pk).update(stopped=False, problem="")
    Batch.objects.filter(pk=batch.pk, created_by=None).update(created_by=actor)
    transaction.on_commit(lambda: make_batch.enqueue(batch.pk))


@task()
def make_batch(batch_pk: int) -> None:
    """Make what is missing of a batch and compare it with the photographs.

    The generator stays loaded for the next task. What hinders it is written where coordinators
    see it.
    """
    batch = Batch.objects.get(pk=batch_pk)
    try:
        run_batch(batch, generator_for(batch, keep=True))
        find_copies(images_of(batch))
    except (GenerationError, EvaluationError) as problem:
        _write_problem(batch, str(problem))
    except Exception as problem:  # not foreseen: the task fails, and coordinators read of it
        _write_problem(batch, f"{type(problem).__name__}: {problem}")
        raise


def start_copy(submission: Submission) -> None:
    """Have the copy of a submission made in the background."""
    transaction.on_commit(lambda: make_submitted_copy.enqueue(submission.pk))


@task()
def make_submitted_copy(submission_pk: int) -> None:
    """Make and check the copy of a submitted photograph; the generator stays loaded."""
    make_copy(Submission.objects.get(pk=submission_pk))


@task()
def compare_image(image_pk: int) -> None:
    """Compare one generated image with the photographs of the catalogue."""
    find_copies(Image.objects.filter(pk=image_pk))


def _write_problem(batch: Batch, problem: str) -> None:
    Batch.objects.filter(pk=batch.pk).update(problem=problem)
