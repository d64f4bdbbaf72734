"""Figures of one set of images against another: with an interval, from enough images or not at all.

Every figure is measured three ways at one size n: synthetic images against real ones, and beside
it the floor, other real images against the same real ones. A distance is read against its floor.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from analysis.quality.distances import (
    Distances,
    frechet,
    frechet_at_infinity,
    inception_score,
)
from analysis.quality.kernels import cmmd, kid
from analysis.quality.sliced import DIRECTIONS, Slices
from analysis.results import Estimate, NotEstimable, Number, Unknown

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LEVEL = 0.95
RESAMPLES = 1000  # of kernel distances
HALVES = 100  # half-samples
WIDE = 512  # features: of more, roots of matrices take seconds
HALVES_WIDE = 20
#: Images that figures need; below there is none. Those of the Fréchet distance in features of
#: photographs of everyday things are the literature's; in the domain's own 256 features the floor
#: beside it tells what n does.
LEAST_PAIRS = 10
LEAST_KID = 50
LEAST_CMMD = 100
LEAST_OVERLAP = 100
LEAST_FRECHET, LEAST_FRECHET_DOMAIN, FEW_FRECHET = 500, 50, 2048
LEAST_INFINITY = 1000
LEAST_MIND = 500
LEAST_SCORE = 500
LEAST_SHARE = 10
LEAST_NEAREST = 50
LEAST_DISTRIBUTION = 50

NO_SCORE = Unknown(
    "the inception score rewards variety among everyday things, which one diagnosis cannot have",
    "not informative",
)
HALF_SAMPLES = "interval from half-samples of both sets (Shao and Wu 1989)"


@dataclass(frozen=True)
class Measure:
    """A kind of figure: its key in files, its title on the page."""

    key: str
    title: str


KID = Measure("kid", "KID")
CMMD = Measure("cmmd", "CMMD")
FRECHET = Measure("fid", "FID")
INFINITY = Measure("fid_infinity", "FID∞")
MIND = Measure("mind", "MIND")
SCORE = Measure("inception_score", "IS")
OVERLAP = (
    Measure("precision", "Precision"),
    Measure("recall", "Recall"),
    Measure("density", "Density"),
    Measure("coverage", "Coverage"),
)
DISTANCES = (KID, CMMD, FRECHET, INFINITY, MIND)
MEASURES = (*DISTANCES, *OVERLAP, SCORE)


def too_few(n: int, least: int) -> Unknown | None:
    """Return why there is no figure, or None where there are enough images."""
    return Unknown(f"n too small: {n} < {least}", f"{n} < {least}") if n < least else None


def set_distances(
    real: Floats, synthetic: Floats, *, domain: bool, seed: int = 0
) -> dict[str, Number]:
    """Return every figure of two sets of features by its measure's key.

    Args:
        real, synthetic: (n, d), as many of each.
        domain: whether the features are those of a network that was trained on such images.
        seed: of all resamples.
    """
    n = min(len(real), len(synthetic))
    found: dict[str, Number] = {}
    found[KID.key] = too_few(n, LEAST_KID) or kid(real, synthetic, resamples=RESAMPLES, seed=seed)
    few = too_few(n, LEAST_OVERLAP)
    overlap = [few] * len(OVERLAP) if few else _overlap(real, synthetic, seed)
    found |= {measure.key: one for measure, one in zip(OVERLAP, overlap, strict=True)}
    least = LEAST_FRECHET_DOMAIN if domain else LEAST_FRECHET
    found[FRECHET.key] = too_few(n, least) or _frechet(
        frechet, real, synthetic, "squared Fréchet distance of normal distributions", seed
    )
    found[INFINITY.key] = too_few(n, LEAST_INFINITY) or _frechet(
        frechet_at_infinity, real, synthetic, "Fréchet distance at infinite n, by a line", seed
    )
    found[MIND.key] = too_few(n, LEAST_MIND) or _mind(real, synthetic, seed)
    return found


def clip_distance(real: Floats, synthetic: Floats, *, seed: int = 0) -> Number:
    """Return CMMD of two sets of CLIP's embeddings (n, d)."""
    few = too_few(min(len(real), len(synthetic)), LEAST_CMMD)
    return few or cmmd(real, synthetic, resamples=RESAMPLES, seed=seed)


def score(probabilities: Floats, *, seed: int = 0) -> Number:
    """Return the inception score of one set from its posteriors (n, classes)."""
    if few := too_few(len(probabilities), LEAST_SCORE):
        return few
    return half_sampled(
        lambda rows: [inception_score(probabilities[rows], seed=seed)],
        (len(probabilities),),
        "inception score, ten splits; interval from half-samples (Shao and Wu 1989)",
        bounds=(1.0, np.inf),
        seed=seed,
    )[0]


def half_sampled(
    statistic: Callable[..., Sequence[float]],
    sizes: Sequence[int],
    method: str,
    *,
    halves: int = HALVES,
    bounds: tuple[ArrayLike, ArrayLike] = (-np.inf, np.inf),
    seed: int = 0,
) -> list[Estimate]:
    """Return figures of one or more sets with normal intervals from their half-samples.

    Figures that look for neighbours break when an image is drawn twice, and distances move with
    n, as in a bootstrap. The standard deviation over half-samples without replacement is the
    standard error of the whole (Shao and Wu 1989, Ann Stat 17:1176, with half deleted), whatever
    the size does to the mean. `benchmarks/quality_intervals.py` measures how often either holds
    the truth.

    Args:
        statistic: from rows of each set to figures.
        sizes: of the sets.
        method: of the figures, in words.
        halves: how many.
        bounds: of the figures.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    values = statistic(*(np.arange(size) for size in sizes))
    drawn = [
        statistic(*(np.sort(rng.choice(size, size // 2, replace=False)) for size in sizes))
        for _ in range(halves)
    ]
    spread = np.std(drawn, axis=0, ddof=1)
    reach = float(norm.ppf((1 + LEVEL) / 2)) * spread
    low, high = (np.clip(np.add(values, way * reach), *bounds) for way in (-1, 1))
    return [
        Estimate(
            float(values[k]),
            se=float(spread[k]),
            low=float(low[k]),
            high=float(high[k]),
            level=LEVEL,
            n=int(sizes[-1]),
            method=method,
        )
        for k in range(len(values))
    ]


def mean_of(values: ArrayLike, *, seed: int = 0) -> Number:
    """Return the mean over pairs with the percentile interval of its bootstrap."""
    given = np.asarray(values, float)
    if few := too_few(len(given), LEAST_PAIRS):
        return few
    if not np.isfinite(given).all():
        return Unknown(f"{int((~np.isfinite(given)).sum())} pairs are identical")
    rng = np.random.default_rng(seed)
    means = given[rng.integers(0, len(given), (2 * RESAMPLES, len(given)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Estimate(
        float(given.mean()),
        se=float(means.std(ddof=1)),
        low=low,
        high=high,
        level=LEVEL,
        n=len(given),
        method="mean over pairs; percentiles of its bootstrap",
    )


def _overlap(real: Floats, synthetic: Floats, seed: int) -> list[Number]:
    distances = Distances.between(real, synthetic)

    def figures(x: Rows, y: Rows) -> Sequence[float]:
        return astuple(distances.of(x, y).manifold())

    found = half_sampled(
        figures,
        (len(real), len(synthetic)),
        f"balls to the third (density, coverage: fifth) neighbour; {HALF_SAMPLES}",
        halves=HALVES // 2,
        bounds=(0.0, [1.0, 1.0, np.inf, 1.0]),
        seed=seed,
    )
    return list(found)


def _mind(real: Floats, synthetic: Floats, seed: int) -> Estimate:
    slices = Slices.between(real, synthetic, seed=seed)
    return half_sampled(
        lambda x, y: [slices.mind(x, y)],
        (len(real), len(synthetic)),
        f"sliced squared 2-Wasserstein distance times 3 d, {DIRECTIONS:,} directions; "
        f"{HALF_SAMPLES}",
        halves=HALVES // 2,
        bounds=(0.0, np.inf),
        seed=seed,
    )[0]


def _frechet(
    statistic: Callable[..., float], real: Floats, synthetic: Floats, what: str, seed: int
) -> Number:
    slow = real.shape[1] > WIDE or statistic is frechet_at_infinity
    try:
        return half_sampled(
            lambda x, y: [statistic(real[x], synthetic[y])],
            (len(real), len(synthetic)),
            f"{what}; {HALF_SAMPLES}",
            halves=HALVES_WIDE if slow else HALVES,
            seed=seed,
        )[0]
    except NotEstimable as reason:
        return Unknown(str(reason))
