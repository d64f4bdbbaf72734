"""Watching a study: how far and how fast each rater is, never how right but in attention checks."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import F, Max
from django.utils import timezone

from evaluation.csv_text import csv_text
from evaluation.design.items import Kind
from evaluation.design.questions import answered_origin, check_is_right
from evaluation.models import Answer, Invitation, Rater, Session, Study

CSV_COLUMNS = (
    "rater",
    "occasion",
    "state",
    "answered",
    "total",
    "started",
    "last_seen",
    "median_s",
    "images_per_hour",
    "checks_right",
    "checks_answered",
)
STALLED_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class RaterProgress:
    """One rater's standing in one session.

    Attributes:
        answered, total: images, practice apart.
        state: invited, declined, reading, stalled, withdrawn or finished.
        median_s: median time an image, in seconds; None before the first answer.
        checks_right, checks_answered: of the attention checks.
        link: token of the invitation that works.
    """

    rater: Rater
    occasion: int
    answered: int
    total: int
    state: str
    started: datetime | None
    last_seen: datetime | None
    median_s: float | None
    per_hour: float | None
    checks_right: int
    checks_answered: int
    link: str | None

    @property
    def percent(self) -> int:
        """Share of the images answered."""
        return round(100 * self.answered / self.total) if self.total else 0


@dataclass(frozen=True)
class Standing:
    """How many sessions there are in each state."""

    invited: int
    started: int
    finished: int
    declined: int
    stalled: int


def rater_progress(study: Study) -> list[RaterProgress]:
    """Return the standing of each session, in the order of invitation."""
    links = dict(
        Invitation.objects.filter(rater__study=study, revoked_at=None).values_list("rater", "token")
    )
    sessions = list(
        Session.objects.filter(rater__study=study)
        .select_related("rater")
        .annotate(last_shown=Max("trials__shown_at"))
        .order_by("rater__added_at", "occasion")
    )
    times, checks = _times(study), _checks(study)
    return [
        RaterProgress(
            rater=session.rater,
            occasion=session.occasion,
            answered=len(times[session.pk]),
            total=session.images,
            state=_state(session),
            started=session.started_at,
            last_seen=_last_seen(session),
            median_s=median(spent) / 1000 if (spent := times[session.pk]) else None,
            per_hour=3.6e6 * len(spent) / sum(spent) if spent else None,
            checks_right=sum(checks[session.pk]),
            checks_answered=len(checks[session.pk]),
            link=links.get(session.rater.pk),
        )
        for session in sessions
    ]


def standing(progress: list[RaterProgress]) -> Standing:
    """Count the sessions of a study by their state."""
    states = [row.state for row in progress]
    return Standing(
        invited=len(states),
        started=sum(row.started is not None for row in progress),
        finished=states.count("finished"),
        declined=states.count("declined"),
        stalled=states.count("stalled"),
    )


def progress_csv(progress: list[RaterProgress]) -> str:
    """Return the same as CSV, raters by their codes."""
    return csv_text(
        CSV_COLUMNS,
        (
            {
                "rater": row.rater.code,
                "occasion": row.occasion,
                "state": row.state,
                "answered": row.answered,
                "total": row.total,
                "started": row.started,
                "last_seen": row.last_seen,
                "median_s": None if row.median_s is None else f"{row.median_s:.1f}",
                "images_per_hour": None if row.per_hour is None else f"{row.per_hour:.0f}",
                "checks_right": row.checks_right,
                "checks_answered": row.checks_answered,
            }
            for row in progress
        ),
    )


def _times(study: Study) -> dict[int, list[int]]:
    """Return the response times of each session in ms, one a trial, practice apart."""
    times: dict[int, list[int]] = defaultdict(list)
    rows = (
        Answer.objects.filter(trial__session__rater__study=study)
        .exclude(trial__kind=Kind.PRACTICE)
        .filter(version=1)
        .values_list("trial__session", "response_ms")
    )
    for session, spent in rows:
        times[session].append(spent)
    return times


def _checks(study: Study) -> dict[int, list[bool]]:
    """Return for each session whether the answers to attention checks are right."""
    right: dict[int, list[bool]] = defaultdict(list)
    answers = (
        Answer.objects.filter(trial__session__rater__study=study, trial__kind=Kind.CHECK)
        .alias(last=Max("trial__answers__version"))
        .filter(version=F("last"))
        .select_related("trial__stimulus")
    )
    for answer in answers:
        truth = answer.trial.stimulus.feedback or {}
        said = answered_origin(answer.origin, answer.scale, study.confidence_levels)
        verdict = check_is_right((truth["origin"], truth["entity"]), (said, answer.entity))
        right[answer.trial.session_id].append(verdict)
    return right


def _state(session: Session) -> str:
    if session.rater.withdrawn_at:
        return "withdrawn"
    if session.completed_at:
        return "finished"
    if session.started_at is None:
        return "declined" if session.declined_at and not session.consented_at else "invited"
    seen = _last_seen(session)
    return "stalled" if seen and seen < timezone.now() - STALLED_AFTER else "reading"


def _last_seen(session: Session) -> datetime | None:
    """Return when the rater last sent an answer or was shown an image for the first time."""
    return session.completed_at or session.last_shown or session.started_at  # type: ignore[attr-defined]
