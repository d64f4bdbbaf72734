"""Means over raters: each rater's own figure, averaged with t, images as they are."""

from dataclasses import replace
from math import exp, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FARTHEST = 50.0  # logarithms of ratios beyond it come of lines through next to nothing


def mean_over_raters(
    values: ArrayLike, name: str, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return the mean of raters' figures with t over raters, images as they are.

    Raises:
        NotEstimable: there is no rater.
    """
    figures = np.asarray(values, dtype=float)
    return over_raters(figures, 0.95, figures.size, name, bounds)


def over_raters(
    values: Floats, level: float, n: int, name: str, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return the mean of the raters' own figures, the interval clipped to `bounds`.

    Args:
        values: (raters,) one figure each.
        level: coverage of the interval.
        n: how many answers they rest on.
        name: of the figure.

    Raises:
        NotEstimable: there is no rater.
    """
    raters = values.size
    if not raters:
        raise NotEstimable("no rater has answers that suffice")
    value = float(values.mean())
    spread = float(values.std(ddof=1)) if raters > 1 else 0.0
    if spread < 1e-12:
        why = "one rater" if raters == 1 else "raters do not differ"
        return Estimate(value, n=n, method=f"{name}; no interval: {why}")
    se = spread / sqrt(raters)
    half = float(stats.t.ppf((1 + level) / 2, raters - 1)) * se
    low, high = max(value - half, bounds[0]), min(value + half, bounds[1])
    method = f"{name}; mean over raters, t: raters random, images as they are"
    return Estimate(value, se, raters - 1, low, high, level, n, method)


def mean_ratio(logs: Floats, level: float, n: int, name: str) -> Estimate:
    """Return the geometric mean over raters, its interval that of the logarithms."""
    mean = over_raters(logs, level, n, name)
    if abs(mean.value) > FARTHEST:
        raise NotEstimable("too few trials to speak of a hundred")
    value = exp(mean.value)
    if mean.se is None or mean.low is None or mean.high is None:
        return replace(mean, value=value)
    if max(-mean.low, mean.high) > FARTHEST:
        return Estimate(value, n=n, method=f"{name}; no interval: too few trials")
    return replace(mean, value=value, se=mean.se * value, low=exp(mean.low), high=exp(mean.high))
