"""Background tasks: batches that coordinators start from the admin."""

from django_tasks import task

from evaluation.copies import find_copies
from evaluation.errors import EvaluationError
from generation.batches import generator_for, images_of, run_batch
from generation.engine.generator import GenerationError
from generation.models import Batch


@task()
def make_batch(batch_pk: int) -> None:
    """Make what is missing of a batch and compare it with the photographs.

    What hinders it is written where coordinators see it.
    """
    batch = Batch.objects.get(pk=batch_pk)
    try:
        run_batch(batch, generator_for(batch))
        find_copies(images_of(batch))
    except (GenerationError, EvaluationError) as problem:
        Batch.objects.filter(pk=batch.pk).update(problem=str(problem))
