"""Colours of skin: sRGB and CIELAB (white D65), and the individual typology angle between them."""

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]

#: From linear sRGB to XYZ (IEC 61966-2-1), and the white that it is relative to.
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
EPSILON, KAPPA = 216 / 24389, 24389 / 27  # of CIELAB

# Skin by its typology angle: distance from (L* 50, b* 0) in the plane of L* and b*, and a*. From
# 55 degrees on these are means of HAM10000, whose polarised light makes skin pale and pink; there
# is hardly any darker skin in it, and what stands below is drawn on towards dark skin.
ANGLES = (-60.0, -30.0, 0.0, 25.0, 40.0, 55.0, 65.0, 75.0, 85.0, 95.0, 110.0, 125.0)
DISTANCES = (16.0, 14.0, 15.0, 16.9, 18.3, 20.8, 21.0, 21.9, 23.0, 23.6, 20.8, 14.7)
REDNESS = (12.0, 16.0, 22.0, 28.0, 28.0, 28.0, 26.0, 21.6, 16.7, 13.9, 13.0, 15.0)


def lab_of(srgb: Colours) -> Colours:
    """Return CIELAB (..., 3) of sRGB (..., 3) in 0 to 1."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    relative = linear @ TO_XYZ.T / WHITE
    x, y, z = np.moveaxis(
        np.where(relative > EPSILON, np.cbrt(relative), (KAPPA * relative + 16) / 116), -1, 0
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def srgb_of(lab: Colours) -> Colours:
    """Return sRGB (..., 3) of CIELAB (..., 3), cut to 0 to 1."""
    y = (lab[..., 0] + 16) / 116
    part = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    relative = np.where(part**3 > EPSILON, part**3, (116 * part - 16) / KAPPA)
    linear = (relative * WHITE) @ np.linalg.inv(TO_XYZ).T
    positive = np.maximum(linear, 0)
    curved = 1.055 * positive ** (1 / 2.4) - 0.055
    return np.clip(np.where(positive <= 0.0031308, 12.92 * positive, curved), 0, 1)


def typology_angle(srgb: Colours) -> Colours:
    """Return the individual typology angle (...) in degrees of sRGB (..., 3).

    Chardon et al. 1991: the arc tangent of (L* - 50) / b*. Of light skin the quadrant counts, so
    that what is bluer than grey goes on beyond 90 degrees instead of turning dark; dark skin goes
    down to -90.
    """
    lab = lab_of(srgb)
    above, yellow = lab[..., 0] - 50, lab[..., 2]
    return np.degrees(np.arctan2(above, np.where(above < 0, np.maximum(yellow, 0), yellow)))


def skin_of_tone(tone: float) -> Colours:
    """Return the colour (3,), as sRGB in 0 to 1, of skin whose typology angle is `tone` degrees."""
    distance, redness = (np.interp(tone, ANGLES, values) for values in (DISTANCES, REDNESS))
    turn = np.radians(tone)
    lab = [50 + distance * np.sin(turn), redness, distance * np.cos(turn)]
    return srgb_of(np.array(lab, dtype=np.float64))
