"""Faces in a photograph, found by the cascade of local binary patterns that scikit-image ships."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LONG_SIDE = 256  # px of what is looked at
SMALLEST = 0.15  # of a face's side, as a share of that
SCALE = 1.1  # between the sizes at which is looked
AGREEING = 8  # windows that must say so: fewer see faces in lesions (docs/masked.md)


def count_faces(photograph: Pixels, part: Mask) -> int:
    """Return how many faces seem to be in a part of a photograph.

    They are found upright and from the front, as large as 15 % or more of the part. What is not of
    the part is not looked at.

    Args:
        photograph: (H, W, 3) uint8.
        part: (H, W), not empty.
    """
    rows, columns = (np.flatnonzero(part.any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    colour = np.median(photograph[part], axis=0).astype(np.uint8)
    shown = np.where(part[box][..., None], photograph[box], colour)
    height, width = shown.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    small = np.array(Image.fromarray(shown).resize(size, Image.Resampling.BICUBIC))
    least = round(SMALLEST * LONG_SIDE)
    if min(size) < least:
        return 0
    found = _cascade().detect_multi_scale(
        img=small,
        scale_factor=SCALE,
        step_ratio=1,
        min_size=(least, least),
        max_size=(LONG_SIDE, LONG_SIDE),
        min_neighbor_number=AGREEING,
    )
    faces = np.zeros(small.shape[:2], bool)  # where windows overlap, they see the same one
    for window in found:
        top, left = window["r"], window["c"]
        faces[top : top + window["height"], left : left + window["width"]] = True
    return int(ndimage.label(faces)[1])


@cache
def _cascade() -> Any:
    # Here, because pages that look for no face import this module, too.
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())
