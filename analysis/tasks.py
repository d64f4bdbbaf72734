"""Background tasks: audits that coordinators start from the desk."""

from django.contrib.auth.models import User
from django_tasks import task

from analysis.blinding_audit import audit_and_keep
from analysis.errors import AnalysisError
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
