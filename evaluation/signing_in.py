"""Signing in with a password: wrong ones are counted by account, and too many make it wait.

One count for all doors: the desk's page and whatever takes passwords over the API. Addresses are
not counted: behind a proxy all are one, and what a proxy says of them can be made up.
"""

from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from evaluation.models import WrongPassword

MOST, WITHIN = 10, timedelta(minutes=15)


class PasswordBackend(ModelBackend):
    """Accounts of the desk by name and password, while there is no need to wait."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the account, or None where name or password are wrong, which is counted.

        Requests at the same moment can pass the limit by as many as the server has threads.

        Raises:
            PermissionDenied: too many were wrong lately; the password is not even looked at.
        """
        if username is None or password is None:
            return None
        if seconds_to_wait(username):
            raise PermissionDenied
        account = super().authenticate(request, username, password, **kwargs)
        if account is None:
            WrongPassword.objects.filter(at__lte=timezone.now() - WITHIN).delete()
            WrongPassword.objects.create(name_sha256=_hash(username))
        else:
            _wrong(username).delete()
        return account


class SignInForm(AdminAuthenticationForm):
    """The form of the desk's page, which says how long an account has to wait."""

    def get_invalid_login_error(self) -> ValidationError:
        """Return what is said where somebody is not let in."""
        seconds = seconds_to_wait(self.cleaned_data["username"])
        if not seconds:
            return super().get_invalid_login_error()
        minutes = ceil(seconds / 60)
        return ValidationError(
            ngettext(
                "Too many wrong passwords for this account; try again in %(n)d minute.",
                "Too many wrong passwords for this account; try again in %(n)d minutes.",
                minutes,
            )
            % {"n": minutes}
        )


def seconds_to_wait(name: str) -> int:
    """Return for how long an account takes no password; 0 where it does."""
    lately = _wrong(name).order_by("-at").values_list("at", flat=True)[:MOST]
    if len(lately) < MOST:
        return 0
    return ceil((lately[MOST - 1] + WITHIN - timezone.now()).total_seconds())


def _wrong(name: str) -> QuerySet[WrongPassword]:
    return WrongPassword.objects.filter(name_sha256=_hash(name), at__gt=timezone.now() - WITHIN)


def _hash(name: str) -> str:
    return sha256(name.encode()).hexdigest()
