"""Links to originals: signed, for one reviewer, and good for a few minutes."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluation.errors import EvaluationError
from generation.models import Submission

LIFETIME = timedelta(minutes=5)
SALT = "original of a submission"
NOT_YOURS = gettext_lazy("This link does not open an original for you.")


class LinkRefused(EvaluationError):
    """A link to an original is none, is another's, or has expired."""


def link_token(submission: Submission, reviewer: User) -> str:
    """Return the token by which `reviewer`, and nobody else, may see the original for a while."""
    return signing.dumps([submission.pk, reviewer.pk], salt=SALT)


def linked_submission(token: str, reviewer: User) -> int:
    """Return the key of the submission whose original a token opens.

    Raises:
        LinkRefused: it opens none, or not for this reviewer, or no more.
    """
    try:
        submission, meant = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.SignatureExpired:
        raise LinkRefused(_("The link has expired; open the original anew.")) from None
    except signing.BadSignature:
        raise LinkRefused(NOT_YOURS) from None
    if meant != reviewer.pk:
        raise LinkRefused(NOT_YOURS)
    return int(submission)
