"""Krippendorff's alpha, for any number of raters, scales of any kind, and gaps."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.agreement.answers import ALL_ALIKE, NO_SPREAD, Counted, Floats
from analysis.results import Estimate, NotEstimable

Level = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(
    answers: ArrayLike,
    level: Level = "nominal",
    categories: Sequence | None = None,
    coverage: float = 0.95,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return Krippendorff's alpha, one minus observed over expected disagreement.

    Args:
        answers: (raters, images); images with one answer only do not count.
        level: of measurement, that is, what the distance of two answers is: 0 or 1 (nominal),
            their distance in ranks over all answers (ordinal) or in numbers (interval), or that
            as a share of their sum (ratio), all squared.
        categories: all answers that could be given, in their order; without, those that were.
        coverage: of the interval.
        draws: of the bootstrap over images.
        seed: of the bootstrap.

    Returns:
        Alpha (Krippendorff 2004, Content analysis, ch. 11) with the percentile interval of a
        bootstrap over images; draws in which all answers are the same are left out. No interval
        where all agree, or where every draw gives the same.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
        ValueError: interval or ratio distances of text, ratios of negative numbers, or a level
            of measurement that is unknown.
    """
    table = Counted(answers, categories, None)
    counts = table.counts[table.paired]
    ones = np.ones((1, len(counts)))
    observed, expected = _disagreements(ones, counts, table.values, level)
    if expected[0] <= 0:
        raise NotEstimable(ALL_ALIKE)
    value, n = 1 - float(observed[0] / expected[0]), int(counts.sum())
    name = f"Krippendorff's alpha, {level}"
    if (np.count_nonzero(counts, axis=1) == 1).all():
        return Estimate(1.0, n=n, method=f"{name}; all agree: no interval")
    rng = np.random.default_rng(seed)
    size = len(counts)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(float)
    observed, expected = _disagreements(weights, counts, table.values, level)
    possible = expected > 0
    alphas = 1 - observed[possible] / expected[possible]
    if alphas.size < 2:
        return Estimate(value, n=n, method=f"{name}; too few images for an interval")
    if np.ptp(alphas) < 1e-12:  # rounding
        return Estimate(value, n=n, method=f"{name}; {NO_SPREAD}")
    tail = (1 - coverage) / 2
    low, high = np.quantile(alphas, [tail, 1 - tail])
    method = f"{name}; bootstrap over images, {alphas.size} draws"
    return Estimate(
        value, float(alphas.std(ddof=1)), None, float(low), float(high), coverage, n, method
    )


def _disagreements(
    weights: Floats, counts: Floats, values: NDArray, level: Level
) -> tuple[Floats, Floats]:
    """Return observed and expected disagreement in each draw; expected 0 where answers are alike.

    Ordinal distances are those of mid-ranks, and both those and intervals are squares, so that
    sums of squares stand for the matrix of coincidences. Ratios are not, and take the matrix.

    Args:
        weights: (draws, images) how often each image was drawn.
        counts: (images, categories), at least two answers an image.
        values: (categories,) the answers.
        level: of measurement.
    """
    own = weights / (counts.sum(axis=1) - 1)  # an image's m answers make m pairs, not m (m - 1)
    given = weights @ counts  # (draws, categories)
    total = given.sum(axis=1)
    if level not in get_args(Level):
        raise ValueError(f"level '{level}' is unknown; use {', '.join(get_args(Level))}")
    if level in ("interval", "ratio") and values.dtype.kind in "US":
        raise ValueError(f"answers in words have no {level} distances; use ordinal or nominal")
    if level == "nominal":
        equal = own @ (counts * (counts - 1)).sum(axis=1)
        observed, expected = total - equal, total**2 - (given**2).sum(axis=1)
    elif level == "ratio":
        apart = _ratios(values.astype(float))
        observed = own @ ((counts @ apart) * counts).sum(axis=1)
        expected = ((given @ apart) * given).sum(axis=1)
    else:
        if level == "ordinal":
            places = np.cumsum(given, axis=1) - given / 2
        else:
            places = np.broadcast_to(values.astype(float), given.shape)
        places = places - ((given * places).sum(axis=1) / total)[:, None]
        squares = (given * places**2).sum(axis=1)
        products = (own * ((places @ counts.T) ** 2 - places**2 @ counts.T)).sum(axis=1)
        observed, expected = 2 * (squares - products), 2 * total * squares
    alike = np.count_nonzero(given, axis=1) < 2
    return observed / total, np.where(alike, 0.0, expected / (total * (total - 1)))


def _ratios(values: Floats) -> Floats:
    """Return squared differences of numbers as shares of their sums, 0 for the same number."""
    if (values < 0).any():
        raise ValueError("negative answers have no ratios; use interval")
    total = values[:, None] + values
    return (
        np.divide(values[:, None] - values, total, out=np.zeros_like(total), where=total > 0) ** 2
    )
