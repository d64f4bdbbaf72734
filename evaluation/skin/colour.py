"""Colours: sRGB and CIELAB (white D65), and the individual typology angle of skin."""

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]
Pixels = NDArray[np.uint8]

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


def linear_of(srgb: Colours) -> Colours:
    """Return the light (..., 3) of sRGB (..., 3), both in 0 to 1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


_LINEAR = linear_of(np.arange(256) / 255)  # of each value of a byte


def lab_of(srgb: Colours) -> Colours:
    """Return CIELAB (..., 3) of sRGB (..., 3) in 0 to 1."""
    return _lab(linear_of(srgb))


def lab_of_pixels(pixels: Pixels) -> Colours:
    """Return CIELAB (..., 3) of sRGB (..., 3) as bytes."""
    return _lab(_LINEAR[pixels])


def _lab(linear: Colours) -> Colours:
    relative = linear @ TO_XYZ.T / WHITE
    root = np.where(relative > EPSILON, np.cbrt(relative), (KAPPA * relative + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def srgb_of(lab: Colours) -> Colours:
    """Return sRGB (..., 3) of CIELAB (..., 3), cut to 0 to 1."""
    y = (lab[..., 0] + 16) / 116
    part = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    relative = np.where(part**3 > EPSILON, part**3, (116 * part - 16) / KAPPA)
    return srgb_of_light((relative * WHITE) @ np.linalg.inv(TO_XYZ).T)


def srgb_of_light(linear: Colours) -> Colours:
    """Return sRGB (..., 3) of light (..., 3), cut to 0 to 1."""
    positive = np.maximum(linear, 0)
    curved = 1.055 * positive ** (1 / 2.4) - 0.055
    return np.clip(np.where(positive <= 0.0031308, 12.92 * positive, curved), 0, 1)


def typology_angle(lab: Colours) -> Colours:
    """Return the individual typology angle (...) in degrees of colours in CIELAB (..., 3).

    Chardon et al. (1991, Int J Cosmet Sci 13:191): the arc tangent of (L* - 50) / b*. Of light skin
    the quadrant counts, so that what is bluer than grey goes on beyond 90 degrees instead of
    turning dark; dark skin goes down to -90.

    It was made for photographs of skin under white light. Dermoscopy's polarised light moves it far
    up: there it compares images taken alike, and is no skin type.
    """
    above, yellow = lab[..., 0] - 50, lab[..., 2]
    return np.degrees(np.arctan2(above, np.where(above < 0, np.maximum(yellow, 0), yellow)))
