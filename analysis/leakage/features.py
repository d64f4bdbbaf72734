"""Low-level features of stimuli: what cameras, codecs and resamplers leave in the pixels.

None looks at what an image shows. They are what detectors of generated and manipulated images
rest on: spectra, the 8 x 8 grid and the coefficients of JPEG, correlations of the residual noise,
and the use of the range of values.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: Red, green and blue to Y, Cb and Cr (ITU-R BT.601, full range), as JPEG does.
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
BANDS = 12  # rings of the power spectrum
LAGS = (1, 2, 3, 4, 8)
BLOCK = 8  # of JPEG
PERIODS = (2, 3, 4, 6)  # steps of quantisation that an earlier compression may have left
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
TINY = 1e-12


def feature_table(images: Pixels) -> tuple[list[str], Floats]:
    """Return the names of the features, and one row of them an image.

    Args:
        images: (n, height, width, 3) uint8, sRGB.

    Returns:
        The k names, and (n, k).
    """
    rows = [dict(_features(image)) for image in images]
    names = list(rows[0])
    return names, np.array([[row[name] for name in names] for row in rows])


def _features(image: Pixels) -> Iterator[tuple[str, float]]:
    channels = image.astype(float) @ YCBCR.T
    for name, plane in zip(("Y", "Cb", "Cr"), np.moveaxis(channels, 2, 0), strict=True):
        for band, power in enumerate(_radial_spectrum(plane)):
            yield f"{name} spectrum {band + 1}/{BANDS}", power
        yield f"{name} sharpness", _log(np.mean(np.diff(plane, 2, axis=1) ** 2))
        period = BLOCK if name == "Y" else 2 * BLOCK  # colour is halved in 4:2:0
        for way, turned in (("across", plane), ("down", plane.T)):
            yield f"{name} grid {way}", _grid(turned, period)
    luma = channels[..., 0]
    yield from _residual(luma)
    yield from _coefficients(luma)
    for percent, value in zip(PERCENTILES, np.percentile(luma, PERCENTILES), strict=True):
        yield f"Y percentile {percent}", value
    for channel, plane in zip("RGB", np.moveaxis(image, 2, 0), strict=True):
        yield f"{channel} mean", float(plane.mean())
        yield f"{channel} at 0", float(np.mean(plane == 0))
        yield f"{channel} at 255", float(np.mean(plane == 255))
    edge = min(luma.shape) // 8
    centre = luma[edge:-edge, edge:-edge]
    rim = (luma.sum() - centre.sum()) / (luma.size - centre.size)
    yield "rim less centre", rim - centre.mean()
    flat = image.reshape(-1, 3).astype(np.int64) @ (1, 256, 65536)
    yield "colours", _log(len(np.unique(flat)))


def _log(value: float) -> float:
    return float(np.log(value + TINY))


def _radial_spectrum(plane: Floats) -> list[float]:
    """Return the log of the mean power in rings of equal width up to the Nyquist frequency."""
    height, width = plane.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(fft.rfft2((plane - plane.mean()) * window)) ** 2
    radius = np.hypot(fft.fftfreq(height)[:, None], fft.rfftfreq(width)[None, :])
    ring = np.minimum((radius / 0.5 * BANDS).astype(int), BANDS)
    sums = np.bincount(ring.ravel(), power.ravel(), minlength=BANDS + 1)
    counts = np.bincount(ring.ravel(), minlength=BANDS + 1)
    return [_log(value) for value in sums[:BANDS] / counts[:BANDS]]


def _grid(plane: Floats, period: int) -> float:
    """Return how much steeper the edges between blocks are than the others."""
    steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
    at_edge = np.arange(1, plane.shape[1]) % period == 0
    return _log(steps[at_edge].mean()) - _log(steps[~at_edge].mean())


def _residual(luma: Floats) -> Iterator[tuple[str, float]]:
    """Yield how the noise that smoothing takes away goes on from pixel to pixel."""
    smooth = sum(np.roll(luma, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    noise = (luma - smooth)[1:-1, 1:-1]
    noise = noise - noise.mean()
    power = np.mean(noise**2) + TINY
    yield "noise", _log(power)
    for lag in LAGS:
        yield f"noise lag {lag} across", np.mean(noise[:, lag:] * noise[:, :-lag]) / power
        yield f"noise lag {lag} down", np.mean(noise[lag:] * noise[:-lag]) / power


def _coefficients(luma: Floats) -> Iterator[tuple[str, float]]:
    """Yield what the 8 x 8 cosine transform shows of compressions, now and before."""
    height, width = (size // BLOCK for size in luma.shape)
    blocks = luma[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    found = fft.dctn(blocks.swapaxes(1, 2) - 128, axes=(2, 3), norm="ortho").reshape(-1, 64)
    diagonal = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
    for order in range(1, 2 * BLOCK - 1, 2):
        of_order = found[:, diagonal == order]
        yield f"DCT {order}", _log(np.mean(np.abs(of_order)))
        yield f"DCT {order} near 0", float(np.mean(np.abs(of_order) < 0.5))
    low = found[:, [1, 8, 9]]
    for period in PERIODS:
        yield f"DCT period {period}", float(np.mean(np.cos(2 * np.pi * low / period)))
