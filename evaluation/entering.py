"""Entering a study as services: a link, consent, what raters say of themselves, the beginning.

Nothing here imports or queries ground truth.
"""

import secrets
from collections.abc import Mapping
from statistics import median

from django.db.models import QuerySet, Sum
from django.utils import timezone

from evaluation.design.randomness import SeededStream
from evaluation.errors import InvitationInvalid
from evaluation.models import Invitation, OpenLink, Rater, Session
from evaluation.seal import digest

#: Seconds an image that raters are told to expect before anybody has finished.
EXPECTED_S = 10
#: Large columns that no page of a rater shows; reading them takes longer than the answer does.
NOT_FOR_READING = ("rater__study__protocol", "rater__about", "device")
#: What an answer and the turn after it need; reading all columns takes twice as long.
FOR_ANSWERING = (
    "images",
    "practice_images",
    *(
        f"rater__study__{name}"
        for name in (
            "questions",
            "entities",
            "confidence_levels",
            "corrections",
            "break_every",
            "staircase",
            "exposure_ms",
            "step_up_ms",
            "step_down_ms",
            "kind",
            "times_right",
            "sealed_at",
            "opens_at",
        )
    ),
)


def open_invitation(token: str) -> Session:
    """Return the session that a link leads to: the first that is not completed, or the last.

    Raises:
        InvitationInvalid: the link is unknown, revoked or expired.
    """
    invitation = Invitation.objects.select_related("rater__study").filter(token=token).first()
    if invitation is None:
        raise InvitationInvalid("unknown")
    contact = invitation.rater.study.contact
    if invitation.revoked_at:
        raise InvitationInvalid("revoked", contact)
    if invitation.expires_at and invitation.expires_at < timezone.now():
        raise InvitationInvalid("expired", contact)
    sessions = list(invitation.rater.sessions.order_by("occasion"))
    return next((each for each in sessions if each.completed_at is None), sessions[-1])


def find_open_link(token: str) -> OpenLink:
    """Return the open link at `token`.

    Raises:
        InvitationInvalid: it is unknown or revoked, or as many raters as it allows have come.
    """
    link = OpenLink.objects.select_related("study").filter(token=token).first()
    if link is None:
        raise InvitationInvalid("unknown")
    if link.revoked_at or link.study.closed_at:
        raise InvitationInvalid("revoked", link.study.contact)
    if link.raters.count() >= link.cap:
        raise InvitationInvalid("full", link.study.contact)
    return link


def find_session(key: str | None, *, for_answer: bool = False) -> Session | None:
    """Return the session that a rater's cookie names, with its rater and study, or None.

    Args:
        key: what the cookie says.
        for_answer: read no more than an answer and the turn after it need.
    """
    if not key:
        return None
    sessions = Session.objects.select_related("rater__study").filter(key=key).order_by()
    if for_answer:
        return sessions.only(*FOR_ANSWERING).first()
    return sessions.defer(*NOT_FOR_READING).first()


def usual_minutes(session: Session) -> int:
    """Return how long this reading takes: as long as those who finished it, else as expected."""
    done = Session.objects.filter(
        rater__study=session.rater.study, occasion=session.occasion, completed_at__isnull=False
    ).annotate(ms=Sum("trials__answers__response_ms"))
    spent = [each.ms / 1000 for each in done]
    showings = session.images * (session.rater.study.times_right or 1)
    expected = EXPECTED_S * (showings + session.practice_images)
    return max(1, round((median(spent) if spent else expected) / 60))


def entity_order(session: Session) -> list[str]:
    """Return the diagnoses as this rater's buttons stand, which follows from the seal."""
    study = session.rater.study
    if not study.shuffle_entities:
        return list(study.entities)
    stream = SeededStream(study.protocol_sha256, "entities", session.rater.reading_list)
    return stream.shuffled(study.entities)


def _reading(session: Session) -> QuerySet[Session]:
    """Return the session to be changed: that of a closed study stays as it is."""
    return Session.objects.filter(pk=session.pk, rater__study__closed_at=None)


def give_consent(session: Session) -> None:
    """Record that the rater agreed, and to which text; agreeing twice changes nothing."""
    _reading(session).filter(consented_at=None).update(
        consented_at=timezone.now(), consent_sha256=digest(session.rater.study.consent_text)
    )


def decline(session: Session) -> None:
    """Record that the rater does not wish to take part; they may still change their mind."""
    _reading(session).filter(consented_at=None).update(declined_at=timezone.now())


def describe_rater(session: Session, about: Mapping[str, object]) -> None:
    """Keep what the rater said of themselves; the first description stands."""
    raters = Rater.objects.filter(pk=session.rater_id, about__isnull=True)
    raters.filter(study__closed_at=None).update(about=dict(about))


def describe_device(session: Session, device: Mapping[str, object]) -> None:
    """Keep what the rater's screen is and shows, as it was when they began."""
    _reading(session).filter(started_at=None).update(device=dict(device))


def debrief(session: Session, said: Mapping[str, object]) -> None:
    """Keep what the rater says after the last image; the first word stands."""
    _reading(session).filter(completed_at__isnull=False, debrief__isnull=True).update(
        debrief=dict(said)
    )


def take_over(session: Session) -> str:
    """Let the window that is opened now read; one that was opened before is told so.

    Returns:
        A name for the window, which its answers carry.
    """
    window = secrets.token_urlsafe(9)
    _reading(session).update(window=window)
    return window


def start_reading(session: Session) -> None:
    """Record that a rater who has consented begins, if it is time; twice changes nothing."""
    if not (session.is_open and session.rater.study.takes_answers):
        return
    _reading(session).filter(started_at=None, consented_at__isnull=False).update(
        started_at=timezone.now()
    )
