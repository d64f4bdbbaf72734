"""What an image looks like, as numbers that have a name: the lesion's size and colour, the skin's.

The lesion is found by colour alone: no network, the same for both origins. Where none is found,
its numbers are NaN and the skin is that of the image's rim.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

#: What `appearance` measures, in its order.
TRAITS = ("tone", "size", "lightness", "redness", "yellowness", "contrast")
#: sRGB to CIE XYZ (IEC 61966-2-1), over the white of D65.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])
SIDE = 66  # px at which images are measured: edges finer than that decide nothing here
SMOOTH = 0.8  # px, standard deviation, against hairs and noise
#: Of Otsu's threshold, since borders fade: with 0.6 lesions are as large as people outline them.
REACH = 0.6
RIM = 0.1  # of the side: where skin is looked for first
DARK = 25.0  # L*: darker corners are the instrument's, not the patient's
SMALLEST, LARGEST = 0.004, 0.9  # share of the image that a lesion can cover
FAINTEST = 6.0  # mean difference in Lab from skin below which nothing was found
GAP, RING = 2, 5  # px around the lesion: left out, then measured


@dataclass(frozen=True)
class Parts:
    """The parts of an image, each (height, width) bool; `lesion` is empty where none was found."""

    lesion: Flags
    skin: Flags
    seen: Flags  # all but the instrument's dark corners


def lab(image: Pixels) -> Floats:
    """Return CIE L*, a*, b* of sRGB values under D65, (height, width, 3)."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = linear[image] @ XYZ.T / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def typology_angle(lightness: float, yellowness: float) -> float:
    """Return the individual typology angle in degrees, above 55 very light, below -30 dark.

    Chardon et al. (1991, Int J Cosmet Sci 13:191): arctan((L* - 50) / b*). It was made for
    photographs of skin under white light. Dermoscopy's polarised light moves it far up: there it
    compares images taken alike, and is no skin type.
    """
    return float(np.degrees(np.arctan2(lightness - 50, yellowness)))


def parts(colours: Floats) -> Parts:
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
    skin = np.median(smooth[rim], axis=0)
    apart = np.sqrt(np.square(smooth - skin).sum(-1))
    threshold = REACH * _otsu(apart[seen]) if seen.any() else np.inf
    labels, count = ndimage.label((apart > threshold) & seen)
    nothing = Parts(np.zeros_like(seen), rim, seen)
    if not count:
        return nothing
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    weight = apart * np.exp(-2 * (down**2 + across**2))
    sums = ndimage.sum(weight, labels, np.arange(1, count + 1))
    lesion = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sums))) & seen
    share = lesion.sum() / max(1, seen.sum())
    if not SMALLEST <= share <= LARGEST or apart[lesion].mean() < FAINTEST:
        return nothing
    away = ndimage.distance_transform_edt(~lesion)
    ring = (away > GAP) & (away <= GAP + RING) & seen
    return Parts(lesion, ring if ring.any() else rim, seen)


def appearance(image: Pixels) -> Floats:
    """Return the traits of an image (66, 66, 3) in the order of `TRAITS`.

    Tone is the typology angle of the skin around the lesion in degrees; size is the lesion's share
    of what is seen; lightness, redness and yellowness are the lesion's mean L*, a* and b*;
    contrast is its mean distance in Lab from that skin.
    """
    colours = lab(image)
    found = parts(colours)
    skin = np.median(colours[found.skin], axis=0) if found.skin.any() else np.full(3, np.nan)
    tone = typology_angle(skin[0], skin[2])
    if not found.lesion.any():
        return np.array([tone, *[np.nan] * (len(TRAITS) - 1)])
    own = colours[found.lesion].mean(axis=0)
    size = found.lesion.sum() / found.seen.sum()
    return np.array([tone, size, *own, np.linalg.norm(own - skin)])


def _corners(dark: Flags) -> Flags:
    """Return the dark parts that reach a corner."""
    labels, _ = ndimage.label(dark)
    own = {labels[i, j] for i in (0, -1) for j in (0, -1)} - {0}
    return np.isin(labels, list(own)) if own else np.zeros_like(dark)


def _otsu(values: Floats) -> float:
    """Return the threshold that parts values best (Otsu 1979, IEEE Trans Syst Man Cybern 9:62)."""
    counts, edges = np.histogram(values, 128)
    middle = (edges[1:] + edges[:-1]) / 2
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
