"""Who makes which planned images: claims, of which none outlives its process for long."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from generation.models import Batch, PlannedImage

LEASE = timedelta(minutes=10)  # a claim falls back after it, whatever became of its process
RENEWAL = LEASE / 5  # of the claims of one that lives

#: PostgreSQL's own numbers of those who are connected. A process that is killed is none of them.
CONNECTED = "SELECT pid FROM pg_stat_activity"


def waiting(planned: QuerySet[PlannedImage]) -> QuerySet[PlannedImage]:
    """Return those that are neither made nor being made."""
    return planned.filter(_free() | _abandoned(), image=None)


@transaction.atomic
def claim(batch: Batch, most: int) -> list[PlannedImage]:
    """Take the next images that nobody makes, `most` at most, in order.

    What dead processes have left comes last: to ask who is connected takes time.
    """
    open_ = batch.planned.filter(batch__stopped=False, image=None).order_by("index")
    claimed: list[PlannedImage] = []
    for which in (_free(), _abandoned()):
        if not claimed:
            mine = open_.filter(which).select_for_update(skip_locked=True, of=("self",))
            claimed = list(mine[:most])
    renew(claimed)
    return claimed


def _free() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())


def _abandoned() -> Q:
    return Q(claimed_by__isnull=False) & ~Q(claimed_by__in=RawSQL(CONNECTED, ()))


def renew(claimed: Iterable[PlannedImage]) -> None:
    """Hold what is claimed for another lease."""
    _update(claimed, claimed_until=timezone.now() + LEASE, claimed_by=_own_number())


def release(claimed: Iterable[PlannedImage]) -> None:
    """Let others take up what is claimed."""
    _update(claimed, claimed_until=None, claimed_by=None)


def still_missing(claimed: Iterable[PlannedImage]) -> set[int]:
    """Return the keys of those that nobody has made meanwhile, and hold them until the commit."""
    keys = [planned.pk for planned in claimed]
    missing = PlannedImage.objects.filter(pk__in=keys, image=None).select_for_update()
    return set(missing.values_list("pk", flat=True))


def _update(claimed: Iterable[PlannedImage], **values: object) -> None:
    PlannedImage.objects.filter(pk__in=[planned.pk for planned in claimed]).update(**values)


def _own_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")  # behind a pooler the driver's number is another
        return int(cursor.fetchone()[0])
