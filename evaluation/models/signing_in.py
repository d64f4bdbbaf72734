"""Wrong passwords, which make an account wait."""

from django.db import models
from django.utils import timezone


class WrongPassword(models.Model):
    """A sign-in with a wrong password, until it no longer counts.

    Which account it named stands as a hash only: people type passwords where the name belongs.
    """

    name_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["name_sha256", "at"], name="wrong_passwords_of_a_name")]

    def __str__(self) -> str:
        return f"wrong password at {self.at}"
