"""The audit trail: the one writer of what coordinators did."""

from django.contrib.auth.models import User

from evaluation.models import AuditEvent, Study


def record_event(
    act: str, *, study: Study | None = None, actor: User | None = None, **detail: object
) -> AuditEvent:
    """Write that `actor` (None for a command) did `act`; `detail` must be JSON values."""
    return AuditEvent.objects.create(act=act, study=study, actor=actor, detail=detail)
