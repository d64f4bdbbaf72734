"""Diagnoses of one's own in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from evaluation.admin.base import PlainAdmin
from evaluation.entities import entity_problem
from evaluation.models import Image, OwnEntity, Study


class OwnEntityForm(forms.ModelForm):
    """A diagnosis; its code stays as it is once it is there."""

    class Meta:
        model = OwnEntity
        fields = ("code", "title", "title_de")

    def clean(self) -> dict[str, Any]:
        """Check a new code."""
        data = super().clean() or {}
        if not self.errors and not self.instance.pk:
            problem = entity_problem(data["code"], data["title"])
            if problem:
                self.add_error("code", problem)
        return data


@admin.register(OwnEntity)
class OwnEntityAdmin(PlainAdmin):
    """Diagnoses beside the built-in seven; those that a sealed study names are frozen."""

    form = OwnEntityForm
    add_title = _("Add a diagnosis")
    list_display = ("code", "title", "title_de")

    def get_readonly_fields(
        self, request: HttpRequest, obj: OwnEntity | None = None
    ) -> tuple[str, ...]:
        """Keep the code: images are known by it."""
        return ("code",) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: OwnEntity | None = None) -> bool:
        """Freeze what a sealed study shows its raters."""
        sealed = obj and Study.objects.filter(
            sealed_at__isnull=False, entities__contains=[obj.code]
        )
        return super().has_change_permission(request, obj) and not (sealed and sealed.exists())

    def has_delete_permission(self, request: HttpRequest, obj: OwnEntity | None = None) -> bool:
        """Keep what images or studies are of."""
        if obj is None:
            return False
        used = (
            Image.objects.filter(entity=obj.code).exists()
            or Study.objects.filter(entities__contains=[obj.code]).exists()
        )
        return super().has_delete_permission(request, obj) and not used
