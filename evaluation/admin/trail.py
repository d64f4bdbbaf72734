"""The audit trail in the admin: to be read, never to be changed."""

from django.contrib import admin
from django.http import HttpRequest

from evaluation.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """Who did what, and when."""

    list_display = ("at", "act", "study", "who", "detail")
    list_filter = ("act", "study")
    list_select_related = ("study",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events are written by what they tell of."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Events are never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        """Events are never deleted."""
        return False
