"""The audit trail: what coordinators did."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evaluation.models.study import Study


class AuditEvent(models.Model):
    """One act of a coordinator. Rows are only ever inserted.

    The events of a study are a chain: `digest` is the link that this one adds.
    """

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, null=True, related_name="events", verbose_name=_("study")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, verbose_name=_("account")
    )
    who = models.CharField(_("who"), max_length=150, blank=True, help_text="As it was then")
    act = models.CharField(_("act"), max_length=32)
    detail = models.JSONField(_("detail"), default=dict)
    at = models.DateTimeField(_("when"), default=timezone.now)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("audit trail")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.act} {self.at:%Y-%m-%d %H:%M}"
