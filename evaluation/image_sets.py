"""Sets of images as arrays, as classifiers take them."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from evaluation.material import Collection, Material
from evaluation.stimuli import centred_square, render_stimulus

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageSet:
    """Images of one origin as arrays, with what is known of them.

    Attributes:
        pixels: (n, side, side, 3) uint8, the centred square of each, as stimuli are cut.
        entities, lesions, digests, names: (n,) the code, what must not be split, SHA-256 of the
            original, what it is called.
        of: what they were read from.
    """

    pixels: NDArray[np.uint8]
    entities: NDArray[np.str_]
    lesions: NDArray[np.str_]
    digests: NDArray[np.str_]
    names: NDArray[np.str_]
    of: Collection

    def __len__(self) -> int:
        return len(self.entities)


def read_images(
    collection: Collection,
    side: int,
    *,
    as_stimuli: bool = False,
    on_step: OnStep | None = None,
) -> ImageSet:
    """Return images as arrays.

    Args:
        collection: of them.
        side: in px.
        as_stimuli: put each through the pipeline of stimuli first, so that nothing of its file's
            history is left that raters would not get.
        on_step: told how far it is.

    Raises:
        EvaluationError: an original is broken.
    """
    material = collection.material
    pixels = np.empty((len(material), side, side, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        for k, square in enumerate(
            pool.map(lambda each: _square(each, side, as_stimuli), material)
        ):
            pixels[k] = square
            if on_step:
                on_step(k + 1, len(material))
    return ImageSet(
        pixels,
        _texts(each.entity for each in material),
        _texts(each.lesion or each.image.sha256 for each in material),  # else one of its own
        _texts(each.image.sha256 for each in material),
        _texts(each.image.name for each in material),
        collection,
    )


def _square(material: Material, side: int, as_stimuli: bool) -> NDArray[np.uint8]:
    original = material.open().convert("RGB")
    if as_stimuli:
        original = PillowImage.open(BytesIO(render_stimulus(original)))
    return np.asarray(centred_square(original, side))


def _texts(values: Iterable[str]) -> NDArray[np.str_]:
    return np.array(list(values), dtype=np.str_)
