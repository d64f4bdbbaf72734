"""Invitations as services: a rater with a reading list, their sessions, their link."""

import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from evaluation.accounts import is_of_the_desk
from evaluation.audit_trail import record_event
from evaluation.design.items import Kind
from evaluation.entering import find_open_link
from evaluation.errors import EvaluationError, StudyNotOpen
from evaluation.models import Invitation, OpenLink, Rater, ReadingList, Session, Study
from evaluation.models.session import new_key
from evaluation.seal import first_link

# A hundred trials a rater: written by the ORM they would be most of what an invitation takes.
PREPARE = """
    INSERT INTO evaluation_trial (session_id, exposure_ms, stimulus_id, beside_id, kind, block,
        token, position, answered, postponed, void_reason, times_shown)
    SELECT %(session)s, %(exposure)s, stimulus.id, beside.id, showing.kind, showing.block,
        showing.token, showing.place, false, 0, '', 0
    FROM unnest(%(numbers)s::int[], %(besides)s::int[], %(kinds)s::text[], %(blocks)s::int[],
        %(tokens)s::text[])
        WITH ORDINALITY AS showing (number, beside, kind, block, token, place)
    JOIN evaluation_stimulus stimulus
        ON stimulus.study_id = %(study)s AND stimulus.number = showing.number
    LEFT JOIN evaluation_stimulus beside
        ON beside.study_id = %(study)s AND beside.number = showing.beside
"""


@transaction.atomic
def invite_rater(
    study: Study,
    *,
    label: str = "",
    kind: str = Rater.Kind.HUMAN,
    expires_at: datetime | None = None,
    came_by: OpenLink | None = None,
    actor: User | None = None,
) -> Invitation:
    """Give a rater the next reading list of a sealed study, and return their link.

    Raises:
        StudyNotOpen: the study is a draft or closed, or all its lists are given out.
        EvaluationError: the name is that of an account of the desk.
    """
    if study.state != Study.State.SEALED:
        raise StudyNotOpen(
            f"study '{study.slug}' is {study.state.label}; raters can be invited "
            "while it is sealed and open"
        )
    if label and is_of_the_desk(label):
        raise EvaluationError(
            f"'{label}' has an account of the desk, and nobody both runs a study and reads it; "
            "invite somebody else, or take the account away first"
        )
    # Locking the study's row serialises two coordinators who invite at once.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    number = study.raters.count()
    plans = list(study.reading_lists.filter(number=number).order_by("occasion"))
    if not plans:
        raise StudyNotOpen(
            f"study '{study.slug}' was sealed for {number} raters, and all are invited"
        )
    rater = Rater.objects.create(
        study=study,
        code=secrets.token_hex(4),
        label=label,
        kind=kind,
        reading_list=number,
        came_by=came_by,
    )
    for plan in plans:
        _prepare(rater, plan)
    record_event("invite_rater", study=study, actor=actor, rater=rater.code, kind=kind)
    return _new_link(rater, expires_at)


def _prepare(rater: Rater, plan: ReadingList) -> None:
    """Make the session of one occasion, each trial under an address that nothing foretells."""
    practice = sum(kind == Kind.PRACTICE for _, _, kind, _ in plan.showings)
    # What follows the first case of a lesson depends on the answers.
    prepared = plan.showings[:1] if rater.study.teaches else plan.showings
    session = Session.objects.create(
        rater=rater,
        occasion=plan.occasion,
        images=len(plan.showings) - practice,
        practice_images=practice,
        head=first_link(rater.study.fingerprint, rater.code, rater.reading_list, plan.occasion),
    )
    columns = zip(*prepared, strict=True) if prepared else ((), (), (), ())
    numbers, besides, kinds, blocks = map(list, columns)
    values = {
        "session": session.pk,
        "study": rater.study_id,
        "exposure": rater.study.exposure_ms,
        "numbers": numbers,
        "besides": besides,
        "kinds": kinds,
        "blocks": blocks,
        "tokens": [new_key() for _ in prepared],
    }
    with connection.cursor() as cursor:
        cursor.execute(PREPARE, values)


@transaction.atomic
def make_open_link(study: Study, *, cap: int, actor: User | None = None) -> OpenLink:
    """Return a link by which up to `cap` raters may invite themselves; earlier ones stop working.

    Raises:
        StudyNotOpen: the study is a draft or closed.
        EvaluationError: the cap is no number from 1 to the number of raters at most.
    """
    if study.state != Study.State.SEALED:
        raise StudyNotOpen(f"study '{study.slug}' is {study.state.label}; seal it first")
    if not 1 <= cap <= study.raters_at_most:
        raise EvaluationError(
            f"an open link for {cap} raters makes no sense; choose 1 to {study.raters_at_most}"
        )
    study.open_links.filter(revoked_at=None).update(revoked_at=timezone.now())
    record_event("make_open_link", study=study, actor=actor, cap=cap)
    return OpenLink.objects.create(study=study, token=secrets.token_urlsafe(24), cap=cap)


@transaction.atomic
def join(token: str) -> Invitation:
    """Invite whoever came by an open link.

    Raises:
        InvitationInvalid: the link is unknown, revoked or full.
        StudyNotOpen: all reading lists are given out.
    """
    link = find_open_link(token)
    OpenLink.objects.select_for_update().get(pk=link.pk)  # two who come at once are counted
    return invite_rater(find_open_link(token).study, came_by=link)


@transaction.atomic
def reissue_link(
    rater: Rater, *, expires_at: datetime | None = None, actor: User | None = None
) -> Invitation:
    """Give a rater a new link; earlier ones stop working, the reading goes on where it was."""
    rater.invitations.filter(revoked_at=None).update(revoked_at=timezone.now())
    record_event("reissue_link", study=rater.study, actor=actor, rater=rater.code)
    return _new_link(rater, expires_at)


def _new_link(rater: Rater, expires_at: datetime | None) -> Invitation:
    return Invitation.objects.create(
        rater=rater, token=secrets.token_urlsafe(24), expires_at=expires_at
    )


def link_of(invitation: Invitation, site: str) -> str:
    """Return the link to send; `site` is the server's address, such as https://example.org."""
    return site.rstrip("/") + reverse("invitation", args=[invitation.token])
