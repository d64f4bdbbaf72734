"""Closing as a service: end the reading, open the truth, tell raters how they did."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from evaluation.audit_trail import record_event
from evaluation.certificates import page_names
from evaluation.dataset import unblinded_table
from evaluation.errors import EvaluationError, StudyNotOpen
from evaluation.hiding import names_of, show_originals
from evaluation.models import Image, Session, Study
from evaluation.record import readings_digest


@transaction.atomic
def close_study(study: Study, *, actor: User | None = None, reason: str = "") -> Study:
    """End the reading and open the ground truth, for good.

    Raises:
        StudyNotOpen: the study is a draft, or closed already.
        EvaluationError: raters have not finished, and no reason is given.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.teaches:
        raise StudyNotOpen(f"'{study.slug}' teaches: there is no truth to open; move its end")
    if study.state != Study.State.SEALED:
        raise StudyNotOpen(f"study '{study.slug}' is {study.state.label}; it cannot be closed")
    unfinished = Session.objects.filter(
        rater__study=study, rater__withdrawn_at=None, completed_at=None
    ).count()
    if unfinished and not reason:
        raise EvaluationError(
            f"raters who have not finished: {unfinished}; give a reason to close all the same"
        )
    study.closed_at = timezone.now()
    study.save(update_fields=["closed_at"])
    if study.tell_results:
        _tell_results(study)
    record_event(
        "close_study",
        study=study,
        actor=actor,
        reason=reason,
        unfinished=unfinished,
        readings=readings_digest(study),
    )
    shown = Image.objects.filter(drawn_for__study=study, sealed=False)
    names = [*names_of(shown), *page_names(study)]
    transaction.on_commit(lambda: show_originals(names))
    return study


def _tell_results(study: Study) -> None:
    """Keep each rater's own result beside their name, where their page finds it."""
    own = defaultdict(list)
    for row in unblinded_table(study.slug):
        if not (row["practice"] or row["check"] or row["repeat"]):
            own[row["rater"]].append(row)
    for rater in study.raters.filter(code__in=own):
        rater.results = own_results(own[rater.code])
        rater.save(update_fields=["results"])


def own_results(rows: Sequence[Mapping[str, object]]) -> dict[str, list[int]]:
    """Return a rater's right answers and all, on each question: {what: [right, answered]}.

    Args:
        rows: of the unblinded table, of one rater.
    """
    results: dict[str, list[int]] = {}
    for row in rows:
        paired = row["beside"] is not None
        for what, said, truth in (
            ("pairs" if paired else str(row["origin"]), row["answered_origin"], row["origin"]),
            ("entity", row["answered_entity"], row["entity"]),
        ):
            if said is not None:
                right, answered = results.get(what, [0, 0])
                results[what] = [right + (said == truth), answered + 1]
    return results
