"""Where a batch stands that somebody watches: how far it is, and about how long it still takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluation.models import Dataset
from generation.batches import images_of, progress_of
from generation.claims import waiting
from generation.models import Batch

PATIENCE = timedelta(seconds=20)  # a loaded worker begins sooner
LONGEST_COMPARISON = timedelta(minutes=10)
SLOWEST = 60.0  # seconds an image; what took longer was interrupted


class State(StrEnum):
    """What is happening to a batch."""

    WAITING = "waiting"
    MAKING = "making"
    COMPARING = "comparing"
    FINISHED = "finished"
    STOPPED = "stopped"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Standing:
    """How far a batch is.

    Attributes:
        left_s: seconds until its last image, about; None where nothing tells.
        percent: of the time that it takes, or of its images where no time is known.
        stoppable: whether there are images that nobody has begun.
    """

    state: State
    made: int
    total: int
    left_s: int | None
    percent: int
    stoppable: bool
    problem: str = ""
    late: bool = False

    @property
    def running(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.state in (State.WAITING, State.MAKING, State.COMPARING)

    @property
    def news(self) -> str:
        """What to tell those who listen: it changes with images, not with every second."""
        counted = _("%(made)d of %(total)d images made") % {"made": self.made, "total": self.total}
        all_made = ngettext("%d image made", "%d images made", self.made) % self.made
        return {
            State.WAITING: counted if self.made else _("Getting the generator ready"),
            State.MAKING: counted,
            State.COMPARING: _("%s; they are being compared with the photographs") % all_made,
            State.FINISHED: all_made,
            State.STOPPED: _("%s; stopped") % counted,
            State.PROBLEM: counted,
        }[self.state]

    @property
    def said(self) -> str:
        """What to show."""
        if self.left_s is None or self.state not in (State.WAITING, State.MAKING):
            return self.news
        return _("%(news)s, about %(left)d s left") % {"news": self.news, "left": self.left_s}


def standing_of(batch: Batch) -> Standing:
    """Return where a batch stands now."""
    batch.refresh_from_db()
    now = timezone.now()
    made, total = progress_of(batch)
    missing = batch.planned.filter(image=None)
    begun = missing.count() - waiting(missing).count()
    last = images_of(batch).aggregate(last=Max("added_at"))["last"]
    if made == total:
        compared = not _being_compared(batch, last, now)
        state = State.FINISHED if compared else State.COMPARING
    elif begun:
        state = State.MAKING
    elif batch.problem:
        state = State.PROBLEM
    else:
        state = State.STOPPED if batch.stopped else State.WAITING
    if batch.problem and state == State.COMPARING:
        state = State.PROBLEM
    spent = (now - batch.created_at).total_seconds()
    left = _left(batch, made, total, last, now)
    return Standing(
        state=state,
        made=made,
        total=total,
        left_s=left,
        percent=round(100 * (spent / (spent + left) if left and made < total else made / total)),
        stoppable=not batch.stopped and missing.count() > begun and not batch.problem,
        problem=batch.problem,
        late=state == State.WAITING and now - batch.created_at > PATIENCE,
    )


def _being_compared(batch: Batch, last: datetime | None, now: datetime) -> bool:
    """Tell whether the comparison that follows the last image has still something to do."""
    if last is None or now - last > LONGEST_COMPARISON:
        return False
    photographs = Dataset.objects.filter(phantom=False, images__isnull=False).exists()
    return photographs and images_of(batch).filter(likeness=None).exists()


def _left(batch: Batch, made: int, total: int, last: datetime | None, now: datetime) -> int | None:
    """Return the seconds until the last image at the pace so far, or at that of the batch before.

    None where neither is known, or the time is up.
    """
    pace, since = _pace(batch), last
    if pace is None or last is None:
        before = Batch.objects.filter(
            generator=batch.generator, steps=batch.steps, consecutive=True, pk__lt=batch.pk
        )
        one = before.filter(planned__image__isnull=False).order_by("-pk").first()
        pace, since = _pace(one) if one else None, batch.created_at
    if pace is None or since is None:
        return None
    left = pace * (total - made) - (now - since).total_seconds()
    return round(left) if left >= 1 else None


def _pace(batch: Batch) -> float | None:
    """Return how many seconds an image took, loading and waiting included."""
    made = images_of(batch).aggregate(last=Max("added_at"))["last"]
    count = batch.planned.exclude(image=None).count()
    if made is None or not count:
        return None
    pace = (made - batch.created_at).total_seconds() / count
    return pace if 0 < pace < SLOWEST else None
