"""What goes wrong in a reading, as services: a rater who leaves, an answer given by mistake.

All of it must be said while the study is blinded, with a reason that stays in the audit trail.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from evaluation.audit_trail import record_event
from evaluation.design.items import Kind
from evaluation.errors import EvaluationError, StudyNotOpen
from evaluation.models import Rater, Session, Study

LONGEST_REASON = 200


@transaction.atomic
def withdraw_rater(rater: Rater, *, reason: str, actor: User | None = None) -> None:
    """Take a rater out of a study: their links end, their answers are kept but counted nowhere.

    Raises:
        EvaluationError: no reason is given, or the rater is withdrawn already.
        StudyNotOpen: the study is closed, and its results stand.
    """
    study = _blinded(rater, reason)
    if not Rater.objects.filter(pk=rater.pk, withdrawn_at=None).update(withdrawn_at=timezone.now()):
        raise EvaluationError("this rater is withdrawn already")
    rater.invitations.filter(revoked_at=None).update(revoked_at=timezone.now())
    record_event("withdraw_rater", study=study, actor=actor, rater=rater.code, reason=reason)


@transaction.atomic
def void_answer(session: Session, number: int, *, reason: str, actor: User | None = None) -> None:
    """Let one answer count nowhere; it is kept, with the reason.

    Args:
        session: the rater's reading.
        number: which answer, as the rater counts: 1 is the first image after the practice.
        reason: why, in words.

    Raises:
        EvaluationError: no reason is given, there is no such answer, or it is void already.
        StudyNotOpen: the study is closed, and its results stand.
    """
    study = _blinded(session.rater, reason)
    answered = (
        session.trials.filter(answers__version=1)
        .exclude(kind=Kind.PRACTICE)
        .order_by("answers__pk")
    )
    if not 1 <= number <= answered.count():
        raise EvaluationError(
            f"there is no answer {number}; the rater has given {answered.count()} so far"
        )
    trial = answered[number - 1]
    if trial.void_reason:
        raise EvaluationError(f"answer {number} is void already: {trial.void_reason}")
    session.trials.filter(pk=trial.pk).update(void_reason=reason[:LONGEST_REASON])
    record_event(
        "void_answer",
        study=study,
        actor=actor,
        rater=session.rater.code,
        occasion=session.occasion,
        position=trial.position,
        reason=reason,
    )


def _blinded(rater: Rater, reason: str) -> Study:
    """Lock and return the rater's study, if it is not closed and there is a reason."""
    study = Study.objects.select_for_update(no_key=True).get(pk=rater.study_id)
    if study.closed_at:
        raise StudyNotOpen(f"study '{study.slug}' is closed; its results stand as they are")
    if not reason:
        raise EvaluationError("say why; the reason stays in the audit trail")
    return study
