"""Background tasks: audits and quality reports that coordinators start from the desk."""

from pathlib import Path

from django.contrib.auth.models import User
from django_tasks import task

from analysis.blinding_audit import audit_and_keep
from analysis.errors import AnalysisError
from analysis.quality_reports import problem_file
from evaluation.auditing import note_problem
from evaluation.errors import EvaluationError


@task()
def make_audit(slug: str, account: int) -> None:
    """Audit a draft; what hinders it is written where coordinators see it."""
    actor = User.objects.get(pk=account)
    try:
        audit_and_keep(slug, actor=actor)
    except (AnalysisError, EvaluationError) as problem:
        note_problem(slug, str(problem), actor=actor)


@task()
def make_quality_report(generator: str, reference: str) -> None:
    """Write a quality report for the desk; what hinders it is written where coordinators see it."""
    # Imported here: the web process, which only enqueues, must not load torch.
    from analysis.image_quality import evaluate_images

    problem = problem_file(generator)
    problem.unlink(missing_ok=True)
    try:
        evaluate_images(generator, reference)
    except (AnalysisError, EvaluationError) as why:
        _write(problem, str(why))
    except Exception as why:  # not foreseen: the task fails, and coordinators read of it
        _write(problem, f"{type(why).__name__}: {why}")
        raise


def _write(problem: Path, why: str) -> None:
    problem.parent.mkdir(parents=True, exist_ok=True)
    problem.write_text(why, encoding="utf-8")
