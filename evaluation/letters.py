"""Letters to raters: the invitation and the reminder, to copy or to send by e-mail."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from evaluation.audit_trail import record_event
from evaluation.errors import EvaluationError
from evaluation.invitations import link_of
from evaluation.models import Invitation, Study


@dataclass(frozen=True)
class Letter:
    """What is written to a rater."""

    subject: str
    body: str


def invitation_letter(study: Study, link: str) -> Letter:
    """Return the letter that brings the link."""
    lines = [
        _("You are invited to read images of skin lesions for the study “%s”.") % study.title,
        _("Your personal link, which works on any device and brings you back if you stop:"),
        link,
        *_ends_on(study),
        _("The link is for you alone; please do not pass it on."),
        *_contact(study),
    ]
    return Letter(_("Invitation: %s") % study.title, "\n\n".join(lines) + "\n")


def reminder_letter(study: Study, link: str) -> Letter:
    """Return the letter to those who have not finished."""
    lines = [
        _("Your reading for the study “%s” is not finished yet.") % study.title,
        _("This link brings you to where you stopped; all your answers are kept:"),
        link,
        *_ends_on(study),
        _("If you do not wish to go on, you need not do anything. Thank you."),
        *_contact(study),
    ]
    return Letter(_("Reminder: %s") % study.title, "\n\n".join(lines) + "\n")


def may_send() -> bool:
    """Tell whether e-mail is set up."""
    return bool(settings.EMAIL_HOST)


def invitations_to_send(study: Study) -> list[Invitation]:
    """Return the working links that have not been sent, of raters known by an e-mail address."""
    return [each for each in _working(study) if each.sent_at is None]


def reminders_to_send(study: Study) -> list[Invitation]:
    """Return the working links of raters known by an e-mail address who have not finished."""
    return [
        each
        for each in _working(study)
        if each.sent_at and each.rater.sessions.filter(completed_at=None).exists()
    ]


def send_invitations(study: Study, *, site: str, actor: User | None = None) -> int:
    """Send all invitations that are to be sent, and return how many went out.

    Raises:
        EvaluationError: e-mail is not set up, or the server refused.
    """
    waiting = invitations_to_send(study)
    for invitation in waiting:
        _send(invitation, invitation_letter(study, link_of(invitation, site)))
        Invitation.objects.filter(pk=invitation.pk).update(sent_at=timezone.now())
        record_event("send_invitation", study=study, actor=actor, rater=invitation.rater.code)
    return len(waiting)


def send_reminders(study: Study, *, site: str, actor: User | None = None) -> int:
    """Remind all who have not finished, and return how many letters went out.

    Raises:
        EvaluationError: e-mail is not set up, or the server refused.
    """
    waiting = reminders_to_send(study)
    for invitation in waiting:
        _send(invitation, reminder_letter(study, link_of(invitation, site)))
        record_event("send_reminder", study=study, actor=actor, rater=invitation.rater.code)
    return len(waiting)


def _working(study: Study) -> list[Invitation]:
    links = Invitation.objects.filter(rater__study=study, revoked_at=None).select_related("rater")
    return [each for each in links.order_by("pk") if _is_address(each.rater.label)]


def _is_address(label: str) -> bool:
    try:
        validate_email(label)
    except ValidationError:
        return False
    return True


def _send(invitation: Invitation, letter: Letter) -> None:
    if not may_send():
        raise EvaluationError("e-mail is not set up; set DERMTURING_SMTP, or copy the letter")
    # One letter each: no rater sees another's address.
    message = EmailMessage(
        letter.subject, letter.body, to=[invitation.rater.label], connection=get_connection()
    )
    try:
        message.send()
    except OSError as problem:  # smtplib's errors are OSErrors
        raise EvaluationError(
            f"the mail server did not take the letter to {invitation.rater.label}: {problem}; "
            "those before it are sent"
        ) from problem


def _ends_on(study: Study) -> list[str]:
    if study.closes_at is None:
        return []
    return [_("You can read until %s (UTC).") % date_format(study.closes_at, "DATETIME_FORMAT")]


def _contact(study: Study) -> list[str]:
    return [_("Questions: %s") % study.contact] if study.contact else []
