"""What the pages of de-identification show of a submission, to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluation.entities import entity_title
from generation.deidentification import MUCH
from generation.engine.comparing import STEP
from generation.forms import SEX_NAMES, SITE_NAMES, SKIN_DEGREES, SKIN_NAMES
from generation.models import Submission, SubmissionState
from generation.submissions import services
from generation.submissions.forms import AGE_BANDS
from generation.submissions.services import (
    MAY_APPROVE,
    MAY_REVIEW,
    MAY_SUBMIT,
    MAY_TAKE,
    SETTLED,
    may_see_copy,
    seen_by,
)

LISTED = 200
FACES = ("faces_kept", "faces_painted")  # checks that block nothing by themselves
State = SubmissionState
#: At which stage a submission is, from 0; a returned one is where it was returned.
STAGE = {State.MAKING: 1, State.FAILED: 1, State.MADE: 2, State.REVIEWED: 3, State.APPROVED: 4}

#: The acts of the audit trail in words.
ACTS = {
    "submit_photograph": gettext_lazy("submitted the photograph"),
    "make_copy": gettext_lazy("made the copy"),
    "copy_failed": gettext_lazy("made no copy that passes"),
    "make_another": gettext_lazy("asked for other skin"),
    "view_original": gettext_lazy("saw the original"),
    "pass_submission": gettext_lazy("passed it on to the editors"),
    "return_submission": gettext_lazy("returned it"),
    "approve_copy": gettext_lazy("approved the copy"),
    "export_copy": gettext_lazy("exported the copy"),
    "take_copy": gettext_lazy("took the copy into the catalogue"),
    "delete_original": gettext_lazy("deleted the original"),
}


@dataclass(frozen=True)
class Line:
    """One check: what, what was found, what must be; `sign` is ok, failed or look."""

    what: str
    found: str
    limit: str
    sign: str


@dataclass(frozen=True)
class Stage:
    """One of the four stages; `standing` is done, now, failed or later."""

    name: str
    standing: str


@dataclass(frozen=True)
class Page:
    """A submission as one person sees it; `may_…` says which buttons there are.

    `looked` says whether a reviewer who may pass it on has seen the original; `trail` is what was
    done, with when and by whom, the newest first, None for those who may not know.
    """

    submission: Submission
    stages: Sequence[Stage]
    told: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    own: bool
    running: bool
    lost: bool
    shows_copy: bool
    may_look: bool
    looked: bool
    may_pass: bool
    may_return: bool
    may_approve: bool
    may_repeat: bool
    may_resubmit: bool
    may_export: bool
    may_take: bool
    may_forget: bool
    again: str
    trail: Sequence[tuple[datetime, str, str]] | None


def rows_of(user: User, *, waiting: bool) -> list[tuple[Submission, str]]:
    """Return the submissions that wait for an account, or the others it may know of."""
    mine = Q(author=user, state=State.FAILED)
    if user.has_perm(MAY_REVIEW):
        mine |= Q(state=State.MADE) & ~Q(author=user)
    if user.has_perm(MAY_APPROVE):
        mine |= Q(state=State.REVIEWED) & ~Q(author=user)
    seen = seen_by(user).select_related("author")
    found = seen.filter(mine) if waiting else seen.exclude(mine)
    return [(each, entity_title(each.entity)) for each in found[:LISTED]]


def page_of(submission: Submission, user: User) -> Page:
    """Return what a person sees of a submission that they may know of."""
    state, own = submission.state, submission.author_id == user.pk
    reviews, approves = user.has_perm(MAY_REVIEW), user.has_perm(MAY_APPROVE)
    decides = not own and state in (State.MADE, State.REVIEWED)
    passes = reviews and decides and state == State.MADE
    lost, submits = services.is_lost(submission), user.has_perm(MAY_SUBMIT)
    return Page(
        submission=submission,
        stages=_stages(submission),
        told=_told(submission),
        lines=_lines(submission),
        own=own,
        running=state == State.MAKING and not lost,
        lost=lost,
        shows_copy=may_see_copy(user, submission),
        may_look=reviews and bool(submission.original),
        looked=passes and services.has_looked(submission, user),
        may_pass=passes,
        may_return=(reviews or approves) and decides,
        may_approve=approves and decides and state == State.REVIEWED,
        may_repeat=own and submits and (state == State.FAILED or lost),
        may_resubmit=own and submits and state in (State.FAILED, State.RETURNED),
        may_export=state == State.APPROVED,
        may_take=state == State.APPROVED and user.has_perm(MAY_TAKE) and not submission.image_id,
        may_forget=approves and state in SETTLED and bool(submission.original),
        again=urlencode(
            {
                name: value
                for name in ("entity", "sex", "site", "licence", "generator")
                if (value := getattr(submission, name))
            }
            | ({} if submission.age is None else {"age": f"{submission.age:g}"})
            | ({} if submission.tone is None else {"tone": submission.tone})
        ),
        trail=_trail(submission) if reviews or approves else None,
    )


def _trail(submission: Submission) -> list[tuple[datetime, str, str]]:
    return [
        (each.at, each.who or _("the server"), str(ACTS.get(each.act, each.act)))
        for each in services.trail_of(submission)
    ]


def _stages(submission: Submission) -> list[Stage]:
    names = [_("Submitted"), _("Copy made and checked"), _("Reviewed"), _("Approved")]
    returned = submission.state == State.RETURNED
    at = (3 if submission.reviewed_by_id else 2) if returned else STAGE[State(submission.state)]
    here = "failed" if returned or submission.state == State.FAILED else "now"
    return [
        Stage(name, "done" if k < at else here if k == at else "later")
        for k, name in enumerate(names)
    ]


def _told(submission: Submission) -> list[tuple[str, str]]:
    age = submission.age and AGE_BANDS.get(f"{submission.age:g}", f"{submission.age:g}")
    tone = submission.tone
    skin = "" if tone is None else dict(zip(SKIN_DEGREES, SKIN_NAMES, strict=True)).get(tone, tone)
    rows = [
        (_("Diagnosis"), entity_title(submission.entity)),
        (_("Sex"), SEX_NAMES.get(submission.sex, submission.sex)),
        (_("Age in years"), age or ""),
        (_("Body site"), SITE_NAMES.get(submission.site, submission.site)),
        (_("Skin"), skin),
        (_("Licence"), submission.report.get("licence", submission.licence)),
        (_("Generator"), submission.generator),
    ]
    return [(what, str(value)) for what, value in rows if value != ""]


def _lines(submission: Submission) -> list[Line]:
    """Return the checks in words; the last is for people, and blocks nothing by itself."""
    lines = [_line(check) for check in submission.checks]
    if submission.report and lines:
        share = submission.report["kept"]["share"]
        much = _("more than half: look for a face, a tattoo or writing in it")
        lines.append(
            Line(
                _("Share of the photograph that is kept"),
                _percent(share),
                much if share > MUCH else _("at most half"),
                "look" if share > MUCH else "ok",
            )
        )
    return lines


def _line(check: Mapping[str, float | str]) -> Line:
    found, limit = float(check["found"]), float(check["limit"])
    what, seen, must = {
        "kept": (
            _("Pixels inside the mask that differ from the photograph"),
            f"{found:.0f}",
            _("none allowed"),
        ),
        "changed": (
            _("Pixels outside that differ by %d levels or more") % STEP,
            _percent(found),
            _("at least %s") % _percent(limit),
        ),
        "alike": (
            _("Likeness of the new surroundings to the old ones (correlation)"),
            number_format(round(found, 2) + 0.0, 2),  # without the sign of a zero
            _("at most %s") % number_format(limit, 2),
        ),
        "metadata": (
            _("Parts of the file that hold more than pixels"),
            f"{found:.0f}",
            _("none allowed"),
        ),
        "faces_kept": (
            _("What looks like a face, inside the mask"),
            f"{found:.0f}",
            _("none found: look all the same, for tattoos and writing too")
            if found <= limit
            else _("look at the original: a face would stay as it is"),
        ),
        "faces_painted": (
            _("What looks like a face, in the new surroundings"),
            f"{found:.0f}",
            _("none found")
            if found <= limit
            else _("look at the copy: it is nobody's, made by AI"),
        ),
    }[str(check["name"])]
    look = str(check["name"]) in FACES and found > limit
    return Line(what, seen, must, "failed" if check["problem"] else "look" if look else "ok")


def _percent(share: float) -> str:
    return f"{number_format(100 * share, 1)} %"
