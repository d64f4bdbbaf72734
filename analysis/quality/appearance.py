"""What an image looks like, as numbers that have a name: the lesion's size and colour, the skin's.

Where no lesion is found, its numbers are NaN and the skin is that of the image's rim.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.skin.colour import Pixels, lab_of_pixels, typology_angle
from evaluation.skin.finding import find_parts, skin_colour

Floats = NDArray[np.float64]

#: What `appearance` measures, in its order.
TRAITS = ("tone", "size", "lightness", "redness", "yellowness", "contrast")


def appearance(image: Pixels) -> Floats:
    """Return the traits of an image (66, 66, 3) in the order of `TRAITS`.

    Tone is the typology angle of the skin around the lesion in degrees; size is the lesion's share
    of what is seen; lightness, redness and yellowness are the lesion's mean L*, a* and b*;
    contrast is its mean distance in Lab from that skin.
    """
    colours = lab_of_pixels(image)
    found = find_parts(colours)
    skin = skin_colour(colours, found)
    tone = float(typology_angle(skin))
    if not found.lesion.any():
        return np.array([tone, *[np.nan] * (len(TRAITS) - 1)])
    own = colours[found.lesion].mean(axis=0)
    size = found.lesion.sum() / found.seen.sum()
    return np.array([tone, size, *own, np.linalg.norm(own - skin)])
