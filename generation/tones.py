"""Tones that were asked of a batch, beside those that its images have come to have."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median

from django.db.models import Q

from evaluation.csv_text import csv_text
from evaluation.skin.tones import SKINS, tone_class
from evaluation.skin_names import skin_name
from generation.batches import images_of
from generation.models import Batch

#: Said wherever reached tones are shown.
NOTE = (
    "Measured in the pixels, as in photographs; under dermoscopy's polarised light the typology "
    "angle is no skin type."
)
COLUMNS = (
    "entity",
    "tone",
    "tone_class",
    "planned",
    "made",
    "measured",
    "median",
    "mean_error",
    "within_class",
)


@dataclass(frozen=True)
class Reached:
    """What became of one tone that was asked for.

    Attributes:
        entity: code; "all" for all of them.
        tone: asked for, in degrees.
        planned, made: images that are to be made, and that are and may be seen.
        measured: of these, those in which skin was found.
        median: of the measured tones, in degrees; this and what follows is None where none is.
        mean_error: mean distance of the measured tones from the one asked for, in degrees.
        within_class: share of the measured tones that lie in the class of the one asked for.
    """

    entity: str
    tone: float
    planned: int
    made: int
    measured: int
    median: float | None
    mean_error: float | None
    within_class: float | None

    @property
    def tone_class(self) -> str:
        """What the class of the tone asked for is called."""
        return SKINS[tone_class(self.tone)]

    @property
    def name(self) -> str:
        """The same, on pages."""
        return skin_name(self.tone)

    @property
    def percent(self) -> float | None:
        """Share within the class, of a hundred."""
        return None if self.within_class is None else 100 * self.within_class

    def as_json(self) -> dict[str, object]:
        """Return it in the columns of `COLUMNS`."""
        return {**asdict(self), "tone_class": self.tone_class}


@dataclass(frozen=True)
class Asked:
    """One planned image: its tone in degrees, whether it is made, and what was measured."""

    entity: str
    tone: float
    made: bool
    measured: float | None


def reached(images: Sequence[Asked], entity: str, tone: float) -> Reached:
    """Return what became of a tone in some images, all of which were asked for it."""
    found = [each.measured for each in images if each.measured is not None]
    same = [tone_class(each) == tone_class(tone) for each in found]
    return Reached(
        entity,
        tone,
        len(images),
        sum(each.made for each in images),
        len(found),
        round(median(found), 1) if found else None,
        round(fmean(abs(each - tone) for each in found), 1) if found else None,
        round(fmean(same), 3) if found else None,
    )


def reached_tones(batch: Batch) -> list[Reached]:
    """Return what became of each tone of a batch, by entity and over all of them.

    Images of studies that are open for reading count as not made. Nothing is returned for a batch
    that was asked for no tone.
    """
    seen = Q(image__in=images_of(batch))
    planned = batch.planned.annotate(seen=seen).order_by("index")
    rows = planned.values_list("entity", "tone", "seen", "image__measured_tone")
    images = [
        Asked(entity, tone, bool(seen), measured if seen else None)
        for entity, tone, seen, measured in rows
        if tone is not None
    ]
    entities: Sequence[str] = batch.entities
    cells = [
        reached([e for e in images if (e.entity, e.tone) == (entity, tone)], entity, tone)
        for entity in entities
        for tone in batch.tones
    ]
    if len(entities) > 1:
        cells += [
            reached([e for e in images if e.tone == tone], "all", tone) for tone in batch.tones
        ]
    return cells


def reached_csv(batch: Batch) -> str:
    """Return the tones that a batch reached as CSV."""
    return csv_text(COLUMNS, [each.as_json() for each in reached_tones(batch)])


def reached_text(batch: Batch) -> list[str]:
    """Return the tones that a batch reached as lines to be printed; none where none was asked."""
    rows = reached_tones(batch)
    if not rows:
        return []
    head = "entity  asked               made  skin found  median  mean error  within the class"
    lines = [
        f"{each.entity:<6}  {each.tone:>4.0f}° {each.tone_class:<12}  {each.made:>5}  "
        f"{each.measured:>10}  " + _figures(each)
        for each in rows
    ]
    return [f"batch {batch.pk}: skin tones, asked and measured", head, *lines, NOTE]


def _figures(row: Reached) -> str:
    if row.median is None or row.mean_error is None or row.within_class is None:
        return f"{'–':>6}  {'–':>10}  {'–':>16}"
    return f"{row.median:>5.0f}°  {row.mean_error:>9.1f}°  {row.within_class:>16.0%}"
