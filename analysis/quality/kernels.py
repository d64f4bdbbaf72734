"""Kernel distances of sets of features: KID, CMMD, and which of two sets a third one is nearer to.

All are unbiased squared maximum mean discrepancies (Gretton et al. 2012, "A kernel two-sample
test", eq. 3): the mean over all pairs of different images, so that 0 is expected of sets that are
alike, of any size. Intervals are of percentiles over resamples of the sets, in which an image that
is drawn twice is not its own neighbour.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.preprocessing import normalize

from analysis.quality.distances import Floats, matching
from analysis.results import Estimate

Kernel = Callable[[Floats, Floats], Floats]

#: Of CMMD, as its authors chose it; the square is told in thousandths.
SIGMA, THOUSAND = 10.0, 1000.0
RESAMPLED = "percentiles over resamples of both sets"


@dataclass(frozen=True)
class Nearness:
    """The kernel distance of images from those that were learnt from, and from others.

    Attributes:
        learnt, held_out: KID of the images from either; all three sets are of one size.
        difference: learnt less held out, paired: the images of a resample are those of both.
        apart: KID of what was learnt from and what was held out.
    """

    learnt: Estimate
    held_out: Estimate
    difference: Estimate
    apart: Estimate


def kid(
    real: ArrayLike,
    synthetic: ArrayLike,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Kernel distance with kernel (x'y / d + 1)^3.

    Binkowski et al. (2018, "Demystifying MMD GANs", eq. 4), over all pairs of the sample instead
    of subsets.

    Args:
        real: (n, d).
        synthetic: (m, d).
        resamples: 0 leaves the interval out.
        level: coverage of the interval.
        seed: of the resamples.

    Raises:
        NotEstimable: a set has fewer than two images.
    """
    x, y = matching(real, synthetic, 2)
    method = f"unbiased squared MMD, cubic kernel; {RESAMPLED}"
    return _distance(x, y, _cubic, 1.0, resamples, level, seed, method)


def cmmd(
    real: ArrayLike,
    synthetic: ArrayLike,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Kernel distance of CLIP's embeddings: kernel exp(-|x - y|^2 / (2 * 10^2)), times 1,000.

    Jayasumana et al. (2024, "Rethinking FID", eq. 4), of embeddings brought to length 1. Their
    program averages over pairs of an image with itself as well, which adds up to 20 / n; the
    paper's estimator, which does not, is used.

    Args:
        real: (n, d) embeddings of any length.
        synthetic: (m, d).
        resamples: 0 leaves the interval out.
        level: coverage of the interval.
        seed: of the resamples.

    Raises:
        NotEstimable: a set has fewer than two images.
    """
    x, y = (normalize(each) for each in matching(real, synthetic, 2))
    method = f"unbiased squared MMD times 1000, Gaussian kernel of width 10; {RESAMPLED}"
    return _distance(x, y, _gaussian, THOUSAND, resamples, level, seed, method)


def nearness(
    synthetic: ArrayLike,
    learnt: ArrayLike,
    held_out: ArrayLike,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Nearness:
    """Compare KID of images from those that their generator learnt from and from held-out ones.

    Args:
        synthetic: (n, d).
        learnt: (n, d), what the generator learnt from.
        held_out: (n, d), images that it has not seen.
        resamples: how many; each draws from all three sets.
        level: coverage of the intervals.
        seed: of the resamples.

    Raises:
        NotEstimable: a set has fewer than two images.
    """
    s, t = matching(synthetic, learnt, 2)
    s, h = matching(s, held_out, 2)
    ss, tt, hh = (_cubic(each, each) for each in (s, t, h))
    st, sh, th = _cubic(s, t), _cubic(s, h), _cubic(t, h)
    rng = np.random.default_rng(seed)
    sizes = [len(each) for each in (s, t, h)]
    once = [np.ones((1, size)) for size in sizes]
    again = [_times_drawn(size, resamples, rng) for size in sizes]

    def distances(times: list[Floats]) -> Floats:
        u, v, w = times
        from_learnt = _discrepancy(ss, tt, st, u, v)
        from_held_out = _discrepancy(ss, hh, sh, u, w)
        return np.stack(
            [
                from_learnt,
                from_held_out,
                from_learnt - from_held_out,
                _discrepancy(tt, hh, th, v, w),
            ]
        )

    values, spreads = distances(once)[:, 0], distances(again)
    what = ("of the learnt", "of held-out images", "learnt less held out, paired", "of the two")
    return Nearness(
        *(
            _estimate(
                float(value), spread, level, sizes[0], f"KID {of}; percentiles over resamples"
            )
            for value, spread, of in zip(values, spreads, what, strict=True)
        )
    )


def _cubic(x: Floats, y: Floats) -> Floats:
    return np.asarray(polynomial_kernel(x, y, degree=3, coef0=1.0))


def _gaussian(x: Floats, y: Floats) -> Floats:
    return np.asarray(rbf_kernel(x, y, gamma=1 / (2 * SIGMA**2)))


def _distance(
    x: Floats,
    y: Floats,
    kernel: Kernel,
    times: float,
    resamples: int,
    level: float,
    seed: int,
    method: str,
) -> Estimate:
    xx, yy, xy = (kernel(a, b) for a, b in ((x, x), (y, y), (x, y)))
    ones = np.ones((1, len(x))), np.ones((1, len(y)))
    value = times * float(_discrepancy(xx, yy, xy, *ones)[0])
    if not resamples:
        return Estimate(value, n=len(y), method=method)
    rng = np.random.default_rng(seed)
    drawn = [_times_drawn(n, resamples, rng) for n in (len(x), len(y))]
    return _estimate(value, times * _discrepancy(xx, yy, xy, *drawn), level, len(y), method)


def _times_drawn(n: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Return how often each of n images is drawn in each resample, (resamples, n)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def _discrepancy(xx: Floats, yy: Floats, xy: Floats, v: Floats, w: Floats) -> Floats:
    """Return (resamples,) from kernels and from how often each image was drawn (resamples, n)."""

    def within(kernel: Floats, times: Floats) -> Floats:
        square = np.square(times)
        pairs = np.square(times.sum(1)) - square.sum(1)
        return (np.einsum("ri,ri->r", times @ kernel, times) - square @ kernel.diagonal()) / pairs

    between = np.einsum("ri,ri->r", v @ xy, w) / (v.sum(1) * w.sum(1))
    return within(xx, v) + within(yy, w) - 2 * between


def _estimate(value: float, spread: Floats, level: float, n: int, method: str) -> Estimate:
    low, high = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Estimate(
        value,
        se=float(spread.std(ddof=1)),
        low=low,
        high=high,
        level=level,
        n=n,
        method=method,
    )
