"""Agreement of raters with themselves, from images that were shown twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis import mrmc
from analysis.agreement.answers import ALL_ALIKE, Floats, is_given, table_of
from analysis.agreement.several_raters import gwet_ac1
from analysis.agreement.two_raters import cohen_kappa
from analysis.bootstrap import resampled_counts
from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable, Number, attempt


@dataclass(frozen=True)
class IntraRater:
    """How far one rater agrees with themselves about the `n` images they saw twice.

    `icc` is None unless the answers are ratings.
    """

    n: int
    same: Number
    kappa: Number
    ac1: Number
    icc: Number | None


@dataclass(frozen=True)
class Repeatability:
    """Each rater's agreement with themselves, and the mean share of equal answers over raters."""

    raters: tuple[IntraRater, ...]
    same: Number


def intra_rater(
    first: ArrayLike,
    second: ArrayLike,
    categories: Sequence | None = None,
    level: float = 0.95,
    *,
    ratings: bool = False,
    seed: int = 0,
) -> Repeatability:
    """Return how far raters agree with themselves, from images that were shown twice.

    Args:
        first, second: (raters, images) answers at the first and at the second showing.
        categories: all answers that could be given, in their order.
        level: coverage of the intervals.
        ratings: whether answers are numbers of which an intraclass correlation makes sense.
        seed: of its bootstrap.

    Returns:
        Intervals over images for each rater, and one with raters and images random for the mean.

    Raises:
        ValueError: shapes differ or are not (raters, images).
    """
    one, two = table_of(first), table_of(second)
    if one.shape != two.shape:
        raise ValueError(f"the showings have different shapes, {one.shape} and {two.shape}")
    if one.ndim != 2:
        raise ValueError(f"the showings {one.shape} must be (raters, images)")
    known = is_given(one) & is_given(two)
    raters = []
    for a, b, both in zip(one, two, known, strict=True):
        a, b = a[both], b[both]
        pairs = np.stack([a, b])
        raters.append(
            IntraRater(
                n=int(both.sum()),
                same=attempt(wilson, int(np.count_nonzero(a == b)), a.size, level),
                kappa=attempt(cohen_kappa, a, b, None, categories, level),
                ac1=attempt(gwet_ac1, pairs, categories, level),
                icc=attempt(lambda t: icc_2_1(t, level, seed=seed), pairs) if ratings else None,
            )
        )
    same = np.where(known, (one == two).astype(float), np.nan)
    return Repeatability(tuple(raters), attempt(mrmc.proportion, same, level))


def icc_2_1(
    ratings: ArrayLike, level: float = 0.95, *, draws: int = 2000, seed: int = 0
) -> Estimate:
    """Return ICC(2,1), the absolute agreement of single ratings (Shrout and Fleiss 1979, case 2).

    Args:
        ratings: (raters or showings, images); images that lack one are left out.
        level: coverage of the percentile interval of a bootstrap over images.
        draws, seed: of the bootstrap.

    Raises:
        NotEstimable: fewer than two images or raters, or every rating is the same.
    """
    table = np.asarray(ratings, dtype=float)
    table = table[:, ~np.isnan(table).any(axis=0)]
    raters, images = table.shape
    if raters < 2 or images < 2:
        raise NotEstimable("fewer than two images were rated by two")
    if np.ptp(table) == 0:
        raise NotEstimable(ALL_ALIKE)
    value = float(_icc(table, np.ones((1, images)))[0])
    if np.isnan(value):
        raise NotEstimable("what images, raters and errors contribute adds up to nothing")
    rng = np.random.default_rng(seed)
    drawn = _icc(table, resampled_counts(rng, np.zeros(images, dtype=np.intp), draws))
    drawn = drawn[~np.isnan(drawn)]
    name, n = "ICC(2,1)", images * raters
    if drawn.size < 2 or np.ptp(drawn) < 1e-12:
        return Estimate(value, n=n, method=f"{name}; nothing varies between draws: no interval")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    method = f"{name}; bootstrap over images, {drawn.size} draws"
    return Estimate(
        value, float(drawn.std(ddof=1)), None, float(low), float(high), level, n, method
    )


def _icc(table: Floats, weights: Floats) -> Floats:
    """Return ICC(2,1) of each draw; NaN where nothing varies.

    Args:
        table: (raters, images).
        weights: (draws, images) how often each image was drawn; each row sums to the images.
    """
    raters, images = table.shape
    table = table - table.mean()  # sums of squares below are differences of like numbers
    by_image = table.mean(axis=0)
    grand = weights @ by_image / images
    by_rater = weights @ table.T / images
    squares = weights @ (table**2).sum(axis=0) - images * raters * grand**2
    of_images = raters * (weights @ by_image**2 - images * grand**2)
    of_raters = images * ((by_rater - grand[:, None]) ** 2).sum(axis=1)
    between, judges = of_images / (images - 1), of_raters / (raters - 1)
    rest = squares - of_images - of_raters
    error = np.where(rest > 1e-12 * squares, rest, 0.0) / ((images - 1) * (raters - 1))
    below = between + (raters - 1) * error + raters * (judges - error) / images
    known = below > 1e-12
    correlation: Floats = np.full(len(weights), np.nan)
    np.divide(between - error, below, out=correlation, where=known)
    return correlation
