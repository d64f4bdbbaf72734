"""Which colour skin of a wanted tone has."""

import numpy as np
from numpy.typing import NDArray

from evaluation.skin.colour import Colours, lab_of, linear_of, srgb_of, srgb_of_light

FAMILIAR = 46.0  # degrees: skin of which generators have seen many lesions

# Skin by its typology angle: distance from (L* 50, b* 0) in the plane of L* and b*, and a*. From
# 55 degrees on these are means of HAM10000, whose polarised light makes skin pale and pink; there
# is hardly any darker skin in it, and what stands below is drawn on towards dark skin.
ANGLES = (-60.0, -30.0, 0.0, 25.0, 40.0, 55.0, 65.0, 75.0, 85.0, 95.0, 110.0, 125.0)
DISTANCES = (16.0, 14.0, 15.0, 16.9, 18.3, 20.8, 21.0, 21.9, 23.0, 23.6, 20.8, 14.7)
REDNESS = (12.0, 16.0, 22.0, 28.0, 28.0, 28.0, 26.0, 21.6, 16.7, 13.9, 13.0, 15.0)


def skin_of_tone(tone: float) -> Colours:
    """Return the colour (3,), as sRGB in 0 to 1, of skin whose typology angle is `tone` degrees."""
    distance, redness = (np.interp(tone, ANGLES, values) for values in (DISTANCES, REDNESS))
    turn = np.radians(tone)
    lab = [50 + distance * np.sin(turn), redness, distance * np.cos(turn)]
    return srgb_of(np.array(lab, dtype=np.float64))


def brightening(skin: Colours) -> Colours:
    """Return by how much (3,) light must be raised for a skin (3,) to become familiar; at least 1.

    Pigment is a filter before the skin, so that a lesion takes the same share of light from any
    skin. What is painted on brightened skin, and darkened again by as much, therefore is as dark
    beside dark skin as it is beside familiar one.
    """
    familiar = skin_of_tone(FAMILIAR)
    if lab_of(skin)[0] >= lab_of(familiar)[0]:
        return np.ones(3)
    least = np.full(3, 1 / 255)  # a channel of no light stays as good as dark
    return np.maximum(1, linear_of(familiar) / np.maximum(linear_of(skin), linear_of(least)))


def brightened(image: NDArray[np.uint8], by: Colours) -> NDArray[np.uint8]:
    """Return an image (H, W, 3), sRGB, with `by` (3,) times its light."""
    return (srgb_of_light(linear_of(image / 255) * by) * 255).round().astype(np.uint8)
