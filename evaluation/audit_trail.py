"""The audit trail: the one writer of what coordinators did."""

from django.contrib.auth.models import User
from django.db import transaction

from evaluation.models import AuditEvent, Study
from evaluation.seal import first_link, next_link


def record_event(
    act: str, *, study: Study | None = None, actor: User | None = None, **detail: object
) -> AuditEvent:
    """Write that `actor` (None for a command) did `act`; `detail` must be JSON values.

    What is done to a study is a link of its chain, and its row is locked to have one after another.
    """
    name = actor.get_username() if actor else ""
    event = AuditEvent(act=act, study=study, actor=actor, who=name, detail=detail)
    with transaction.atomic():
        if study:
            Study.objects.select_for_update(no_key=True).only("pk").get(pk=study.pk)
            event.digest = next_link(trail_head(study), event_content(event))
        event.save(force_insert=True)
    return event


def trail_head(study: Study) -> str:
    """Return the last link of a study's audit trail."""
    last = study.events.order_by("-pk").values_list("digest", flat=True).first()
    return last or first_link("events", study.slug)


def event_content(event: AuditEvent) -> dict[str, object]:
    """Return what an event adds to the chain."""
    return {
        "act": event.act,
        "who": event.who,
        "at": event.at.isoformat(),
        "detail": event.detail,
    }
