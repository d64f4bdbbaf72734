"""Which colour skin of a wanted tone has."""

import numpy as np

from evaluation.skin.colour import Colours, srgb_of

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
