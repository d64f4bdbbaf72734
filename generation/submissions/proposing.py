"""Masks that the segmenter proposes to an author, who corrects them."""

import numpy as np

from generation.batches import OWN_WEIGHTS
from generation.deidentification import keep_of
from generation.engine.registry import BUILT_IN
from generation.engine.segmenter.finding import find_segmenter
from generation.photographs import Photograph, Pixels


def proposed_mask(photograph: Photograph) -> Pixels:
    """Return the lesion's mask, grown a little, as pixels (H, W, 3): white is kept.

    Raises:
        GenerationError: no lesion is found, or too much is taken for it.
    """
    keep = keep_of(photograph, None, None, find_segmenter(OWN_WEIGHTS, BUILT_IN))
    white: Pixels = keep.astype(np.uint8)[..., None].repeat(3, axis=2) * 255
    return white
