"""What a coordinator does with a study by one button: each act says what came of it."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from evaluation.admin.base import who
from evaluation.closing import close_study
from evaluation.errors import EvaluationError
from evaluation.incidents import void_answer, withdraw_rater
from evaluation.invitations import invite_rater, make_open_link, reissue_link
from evaluation.letters import send_invitations, send_reminders
from evaluation.models import Rater, Session, Study
from evaluation.sealing import seal_study
from evaluation.studies import copy_study, move_end

Act = Callable[[HttpRequest, Study], str]
#: What an act needs beside the right to see the study; the others need that to change it.
NEEDS = {"close": "evaluation.unblind_study"}


def site_of(request: HttpRequest) -> str:
    """Return the address of this server, as links need it."""
    return request.build_absolute_uri(reverse("front")).rstrip("/")


def seal(request: HttpRequest, study: Study) -> str:
    """Seal a draft whose short name was typed to confirm."""
    if request.POST.get("name") != study.slug:
        raise EvaluationError(
            str(_("To seal the study, type its short name, “%s”, into the field.") % study.slug)
        )
    reason = request.POST.get("reason", "").strip()
    seal_study(study, reason=reason, actor=who(request))
    return str(_("The study is sealed and open for reading. Invite the raters now."))


def invite(request: HttpRequest, study: Study) -> str:
    """Invite raters, one a line."""
    labels = [line.strip() for line in request.POST.get("raters", "").splitlines() if line.strip()]
    if not labels:
        raise EvaluationError(str(_("Write one rater a line: a name or an e-mail address.")))
    for label in labels:
        if len(label) > (Rater._meta.get_field("label").max_length or 0):
            raise EvaluationError(str(_("“%s…” is too long for a name.") % label[:40]))
    with transaction.atomic():
        for label in labels:
            invite_rater(study, label=label, actor=who(request))
    return ngettext("%d link is ready.", "%d links are ready.", len(labels)) % len(labels)


def relink(request: HttpRequest, study: Study) -> str:
    """Give a rater a new link."""
    rater = get_object_or_404(Rater, study=study, code=request.POST.get("rater"))
    reissue_link(rater, actor=who(request))
    return str(_("A new link is ready; the old one no longer works."))


def withdraw(request: HttpRequest, study: Study) -> str:
    """Take a rater out."""
    rater = get_object_or_404(Rater, study=study, code=request.POST.get("rater"))
    withdraw_rater(rater, reason=request.POST.get("reason", "").strip(), actor=who(request))
    return str(_("The rater is withdrawn. Their answers are kept and counted nowhere."))


def void(request: HttpRequest, study: Study) -> str:
    """Let one answer count nowhere."""
    occasion = request.POST.get("occasion", "")
    session = get_object_or_404(
        Session,
        rater__study=study,
        rater__code=request.POST.get("rater"),
        occasion=int(occasion) if occasion.isdigit() else None,
    )
    number = request.POST.get("number", "")
    if not number.isdigit():
        raise EvaluationError(str(_("Say which answer: its number, as the rater saw it.")))
    void_answer(
        session, int(number), reason=request.POST.get("reason", "").strip(), actor=who(request)
    )
    return str(_("The answer is void. It is kept and counts nowhere."))


def copy(request: HttpRequest, study: Study) -> str:
    """Copy a study under another short name."""
    made = copy_study(study, slug=request.POST.get("slug", "").strip(), actor=who(request))
    return str(_("The copy is a draft called “%s”.") % made.slug)


def open_link(request: HttpRequest, study: Study) -> str:
    """Make a link for so many raters."""
    cap = request.POST.get("cap", "")
    if not cap.isdigit():
        raise EvaluationError(str(_("Say for how many raters the open link is: a number.")))
    make_open_link(study, cap=int(cap), actor=who(request))
    return str(_("The open link is ready; earlier ones no longer work."))


def send(request: HttpRequest, study: Study) -> str:
    """Send invitations by e-mail."""
    sent = send_invitations(study, site=site_of(request), actor=who(request))
    return ngettext("%d invitation is sent.", "%d invitations are sent.", sent) % sent


def remind(request: HttpRequest, study: Study) -> str:
    """Send reminders by e-mail."""
    sent = send_reminders(study, site=site_of(request), actor=who(request))
    return ngettext("%d reminder is sent.", "%d reminders are sent.", sent) % sent


def end(request: HttpRequest, study: Study) -> str:
    """Move the end of the reading."""
    text = request.POST.get("closes_at", "")
    end = parse_datetime(text) if text else None
    if text and end is None:
        raise EvaluationError(str(_("Write the end as a date and a time.")))
    move_end(study, make_aware(end) if end else None, actor=who(request))
    return str(_("The end of the reading is moved."))


def close(request: HttpRequest, study: Study) -> str:
    """Close and unblind."""
    close_study(study, actor=who(request), reason=request.POST.get("reason", "").strip())
    return str(_("The study is closed. Its report can be read."))


#: The acts by the last part of their address.
ACTS: dict[str, Act] = {
    "seal": seal,
    "invite": invite,
    "relink": relink,
    "withdraw": withdraw,
    "void": void,
    "copy": copy,
    "open": open_link,
    "end": end,
    "send": send,
    "remind": remind,
    "close": close,
}
