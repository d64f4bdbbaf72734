"""The images of batches as the page shows them: none that a study which is open for reading has."""

from dataclasses import dataclass
from itertools import groupby

from evaluation.models import Image
from evaluation.skin_names import measured_words
from generation.batches import images_of
from generation.forms import titled
from generation.models import Batch, PlannedImage

LATELY = 6  # batches
STRIP = 4  # images of each


@dataclass(frozen=True)
class Shown:
    """An image that may be seen, with its place in its batch, from 1."""

    number: int
    seed: int
    image: Image

    @property
    def photograph(self) -> Image | None:
        """The photograph that it resembles most, unless a study hides that one."""
        near = self.image.resembles
        return near if near and not near.sealed else None

    @property
    def measured(self) -> str:
        """Which skin tone was measured in it."""
        return measured_words(self.image)

    @property
    def filename(self) -> str:
        """What to call it on the disk of whoever downloads it."""
        return f"{self.image.name}.png"


def shown_images(batch: Batch) -> list[Shown]:
    """Return the images of a batch that are made and may be seen, in order."""
    planned = batch.planned.filter(image__in=images_of(batch)).order_by("index")
    return [
        Shown(each.index + 1, each.seed, each.image)
        for each in planned.select_related("image__resembles")
        if each.image
    ]


def lately(but: Batch | None = None) -> list[tuple[Batch, str, list[int | None]]]:
    """Return the batches that the page made last: what each shows, and its first images' keys.

    Args:
        but: one to leave out.
    """
    made = PlannedImage.objects.filter(batch__consecutive=True, image__sealed=False)
    newest = made.exclude(batch=but).values("batch").distinct().order_by("-batch")[:LATELY]
    rows = (
        made.filter(batch__in=[row["batch"] for row in newest], index__lt=STRIP)
        .select_related("batch")
        .order_by("-batch", "index")
    )
    return [
        (batch, titled(batch), [planned.image_id for planned in each])
        for batch, each in groupby(rows, lambda planned: planned.batch)
    ]
