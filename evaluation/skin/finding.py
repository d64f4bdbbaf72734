"""Where in an image skin and lesion are, and of which tone the skin is.

Both are found by colour alone: no network, the same for both origins.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from evaluation.skin.colour import Colours, lab_of_pixels, typology_angle

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Of `measured_tone`; to be raised when a line of it, or of what it calls, changes a figure.
METHOD = 1
SIDE = 66  # px at which images are measured: edges finer than that decide nothing here
SMOOTH = 0.8  # px, standard deviation, against hairs and noise
#: Of Otsu's threshold, since borders fade: with 0.6 lesions are as large as people outline them.
REACH = 0.6
RIM = 0.1  # of the side: where skin is looked for first
DARK = 25.0  # L*: darker corners are the instrument's, not the patient's
SMALLEST, LARGEST = 0.004, 0.9  # share of the image that a lesion can cover
FAINTEST = 6.0  # mean difference in Lab from skin below which nothing was found
GAP, RING = 2, 5  # px around the lesion: left out, then measured
BINS = 128  # of the histogram that Otsu's threshold is looked for in
#: What colour skin can have in photographs and in dermoscopy, with room around what photographs of
#: four collections show: cloth, ink, paper, a blank screen and pictures without colour are none.
LIGHTNESS, CHROMA, BLUEST, GREENEST = (10.0, 97.0), (1.5, 60.0), -22.0, -2.0


@dataclass(frozen=True)
class Parts:
    """The parts of an image, each (height, width) bool; `lesion` is empty where none was found."""

    lesion: Flags
    skin: Flags
    seen: Flags  # all but the instrument's dark corners


def measured_tone(image: Image.Image) -> float | None:
    """Return the typology angle in degrees of the skin in an image; None where none was found.

    It is measured in the centred square, which is what raters see: around the lesion where there
    is one, else along the rim. Under dermoscopy's polarised light it is no skin type.
    """
    least = min(image.size)
    left, top = (image.width - least) / 2, (image.height - least) / 2
    box = (left, top, left + least, top + least)
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
    colours = lab_of_pixels(np.asarray(small))
    colour = skin_colour(colours, find_parts(colours))
    return round(float(typology_angle(colour)), 1) if _is_of_skin(colour) else None


def skin_colour(colours: Colours, found: Parts) -> Colours:
    """Return the median colour (3,) of the skin that was found; NaN where there is none."""
    return np.median(colours[found.skin], axis=0) if found.skin.any() else np.full(3, np.nan)


def _is_of_skin(colour: Colours) -> bool:
    lightness, green, blue = colour
    chroma = np.hypot(green, blue)
    return bool(
        LIGHTNESS[0] <= lightness <= LIGHTNESS[1]
        and CHROMA[0] <= chroma <= CHROMA[1]
        and green >= GREENEST
        and blue >= (BLUEST if lightness >= 50 else 0)  # dark skin is brown, never blue
    )


def find_parts(colours: Colours) -> Parts:
    """Find lesion and skin in the Lab colours (height, width, 3) of an image of about 66 px.

    Skin's colour is the median of the rim; what differs from it by more than Otsu's threshold asks,
    lies together and weighs most toward the middle is the lesion. Skin is then a ring around it.
    """
    smooth = ndimage.gaussian_filter(colours, (SMOOTH, SMOOTH, 0))
    height, width = smooth.shape[:2]
    seen = ~_corners(smooth[..., 0] < DARK)
    edge = max(1, round(RIM * min(height, width)))
    rim = seen.copy()
    rim[edge:-edge, edge:-edge] = False
    if not rim.any():
        rim = seen
    nothing = Parts(np.zeros_like(seen), rim, seen)
    if not seen.any():
        return nothing
    skin = np.median(smooth[rim], axis=0)
    apart = np.sqrt(np.square(smooth - skin).sum(-1))
    labels, count = ndimage.label((apart > REACH * _otsu(apart[seen])) & seen)
    if not count:
        return nothing
    sums = np.bincount(labels.ravel(), (apart * _centre(height, width)).ravel())
    lesion = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sums[1:]))) & seen
    share = lesion.sum() / seen.sum()
    if not SMALLEST <= share <= LARGEST or apart[lesion].mean() < FAINTEST:
        return nothing
    away = ndimage.distance_transform_edt(~lesion)
    ring = (away > GAP) & (away <= GAP + RING) & seen
    return Parts(lesion, ring if ring.any() else rim, seen)


@cache
def _centre(height: int, width: int) -> Floats:
    """Return (height, width): how much a place counts, most in the middle."""
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    return np.exp(-2 * (down**2 + across**2))


def _corners(dark: Flags) -> Flags:
    """Return the dark parts that reach a corner."""
    if not dark[:: len(dark) - 1, :: dark.shape[1] - 1].any():
        return np.zeros_like(dark)
    labels, _ = ndimage.label(dark)
    own = {labels[i, j] for i in (0, -1) for j in (0, -1)} - {0}
    return np.isin(labels, list(own))


def _otsu(values: Floats) -> float:
    """Return the threshold that parts values best (Otsu 1979, IEEE Trans Syst Man Cybern 9:62)."""
    least, most = values.min(), values.max()
    if least == most:
        return float(most)
    width = (most - least) / BINS
    counts = np.bincount(((values - least) / width).astype(int).clip(max=BINS - 1), minlength=BINS)
    middle = least + width * (np.arange(BINS) + 0.5)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):  # one side is empty at the ends
        between = below * above * np.square(sums / below - (sums[-1] - sums) / above)
    between = np.nan_to_num(between, nan=-1.0)
    best = np.flatnonzero(
        between >= between.max() - 1e-9 * abs(between.max())
    )  # a flat top where nothing lies
    return float(middle[best].mean())
