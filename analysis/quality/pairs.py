"""Figures of pairs of images: mean squared error, peak signal-to-noise ratio, similarity.

They measure how alike two images are, pixel by pixel. Of two images that do not show the same
lesion they say nothing of quality: a blurred mean image wins.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

WINDOW, SIGMA = 11, 1.5  # px, of the similarity's Gaussian window
K1, K2 = 0.01, 0.03
#: dB that the published study's PSNR lies above the usual one: its MSE is of values in [0, 1], its
#: peak 255.
PUBLISHED_DB = 20 * np.log10(255)


def squared_error(one: Pixels, other: Pixels) -> Floats:
    """Return the mean squared error of each pair, of values in [0, 1].

    Args:
        one, other: (n, height, width, 3) uint8.
    """
    return np.square((one.astype(float) - other) / 255).mean(axis=(1, 2, 3))


def signal_to_noise(error: Floats) -> Floats:
    """Return the peak signal-to-noise ratio in dB for errors of values in [0, 1], whose peak is 1.

    Infinite for identical images.
    """
    with np.errstate(divide="ignore"):
        ratio: Floats = -10 * np.log10(error)
    return ratio


def similarity(one: Pixels, other: Pixels) -> Floats:
    """Return the structural similarity of each pair, of each colour channel and then averaged.

    Wang et al. (2004, IEEE Trans Image Process 13:600): a Gaussian window of 11 x 11 px with
    standard deviation 1.5, only where it lies wholly within the image.

    Args:
        one, other: (n, height, width, 3) uint8, sides of 11 px and more.
    """
    x, y = one / 255.0, other / 255.0
    mx, my = _windowed(x), _windowed(y)
    vx, vy = _windowed(x * x) - mx * mx, _windowed(y * y) - my * my
    both = _windowed(x * y) - mx * my
    c1, c2 = K1**2, K2**2
    found = ((2 * mx * my + c1) * (2 * both + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    edge = WINDOW // 2
    per_channel = found[:, edge:-edge, edge:-edge].mean(axis=(1, 2))  # (n, 3)
    return np.asarray(per_channel.mean(axis=1))


def _windowed(values: Floats) -> Floats:
    at = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(at**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    smooth: Floats = correlate1d(correlate1d(values, weights, axis=1), weights, axis=2)
    return smooth
