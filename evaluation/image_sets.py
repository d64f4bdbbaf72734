"""Sets of images as arrays: the door by which the catalogue's pixels reach classifiers and figures.

What a study shows that is open for reading stays out, with all other images of its lesions, so
that no machine learns an image that it, or a person, is still to be asked about.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray
from PIL import Image as PillowImage

from evaluation.catalogue import get_dataset, open_original
from evaluation.errors import EvaluationError
from evaluation.models import Image, Origin
from evaluation.stimuli import centred_square, render_stimulus

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageSet:
    """Images of one origin with what is known of them.

    Attributes:
        pixels: (n, side, side, 3) uint8, the centred square of each, as stimuli are cut.
        entities, lesions, digests: (n,) the code, what must not be split, SHA-256 of the original.
        sources: the datasets, or the generator with its revisions.
        licences: of the images.
        withheld: images left out, since an open study shows them, or another of their lesion.
        copies: synthetic images left out, since they are suspected to be copies.
    """

    pixels: NDArray[np.uint8]
    entities: NDArray[np.str_]
    lesions: NDArray[np.str_]
    digests: NDArray[np.str_]
    sources: tuple[str, ...]
    licences: tuple[str, ...]
    withheld: int
    copies: int

    def __len__(self) -> int:
        return len(self.entities)


def real_images(
    datasets: Sequence[str],
    side: int,
    *,
    as_stimuli: bool = False,
    most: int | None = None,
    on_step: OnStep | None = None,
) -> ImageSet:
    """Return the real images of the named datasets (of all that are no phantoms, if none is named).

    Args:
        datasets: names.
        side: in px.
        as_stimuli: put each through the pipeline of stimuli first, so that nothing of its file's
            history is left that raters would not get.
        most: of each entity, those first by SHA-256; None for all.
        on_step: told how far it is.

    Raises:
        EvaluationError: there is no such dataset, nothing is left, or an original is broken.
    """
    images = Image.objects.filter(origin=Origin.REAL)
    if datasets:
        images = images.filter(dataset__in=[get_dataset(name) for name in datasets])
    else:
        images = images.filter(dataset__phantom=False)
    return _gather(images, ", ".join(datasets) or "the catalogue", side, as_stimuli, most, on_step)


def synthetic_images(
    generator: str,
    side: int,
    *,
    as_stimuli: bool = False,
    most: int | None = None,
    on_step: OnStep | None = None,
) -> ImageSet:
    """Return the images of one generator; arguments and errors as in `real_images`.

    Raises:
        EvaluationError: there is none, or an original is broken.
    """
    images = Image.objects.filter(origin=Origin.SYNTHETIC, generator=generator)
    return _gather(images, f"generator '{generator}'", side, as_stimuli, most, on_step)


def _gather(
    images: QuerySet[Image],
    source: str,
    side: int,
    as_stimuli: bool,
    most: int | None,
    on_step: OnStep | None,
) -> ImageSet:
    shown = Q(sealed=True) | Q(lesion__in=_lesions_on_show())
    withheld = images.filter(shown).count()
    free = images.exclude(shown)
    copies = free.filter(suspected_copy=True).count()
    rows = list(free.filter(suspected_copy=False).select_related("dataset").order_by("sha256"))
    if most is not None:
        rows = _first_of_each(rows, most)
    if not rows:
        raise EvaluationError(
            f"{source} has no image to use ({withheld} are in open studies, {copies} are suspected "
            "copies); import or generate some, or name another"
        )
    pixels = np.empty((len(rows), side, side, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        for k, square in enumerate(pool.map(lambda row: _square(row, side, as_stimuli), rows)):
            pixels[k] = square
            if on_step:
                on_step(k + 1, len(rows))
    return ImageSet(
        pixels,
        np.array([row.entity for row in rows]),
        np.array([row.lesion or row.sha256 for row in rows]),  # else one of its own
        np.array([row.sha256 for row in rows]),
        tuple(sorted({_source(row) for row in rows})),
        tuple(sorted({row.licence for row in rows})),
        withheld,
        copies,
    )


def _lesions_on_show() -> QuerySet[Image, str]:
    shown = Image.objects.filter(sealed=True).exclude(lesion="")
    return shown.values_list("lesion", flat=True)


def _first_of_each(rows: Sequence[Image], most: int) -> list[Image]:
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        taken[row.entity] = taken.get(row.entity, 0) + 1
        if taken[row.entity] <= most:
            kept.append(row)
    return kept


def _source(row: Image) -> str:
    if row.dataset:
        return row.dataset.name
    return f"{row.generator} {row.generator_revision}".strip()


def _square(row: Image, side: int, as_stimuli: bool) -> NDArray[np.uint8]:
    original = open_original(row).convert("RGB")
    if as_stimuli:
        original = PillowImage.open(BytesIO(render_stimulus(original)))
    return np.asarray(centred_square(original, side))
