"""The mean of several raters' figures, whatever they are; raters and images are both random.

One treatment in the analysis of Obuchowski and Rockette (1995, Commun Stat Simul 24:285) with the
degrees of freedom of Hillis (2007, Stat Med 26:596). What two raters' figures have in common comes
from the images that both have read, through what each image adds to each figure.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]

ONE_RATER = "one rater: images random, the result applies to this rater"
NOTHING = 1e-15  # a variance below it is a trace of rounding


def mean_over_raters(
    values: Floats,
    influence: Floats,
    *,
    level: float,
    n: int,
    what: str,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Return the mean of the raters' figures.

    Args:
        values: (raters,) one figure each.
        influence: (raters, images) what each image adds to the error of each figure, 0 where the
            rater has not read it: cross products are the covariances of the figures.
        level: coverage of the interval, clipped to `bounds`.
        n: how many answers the figures rest on.
        what: the figure's name.
        bounds: the range of the figure.

    Returns:
        With one rater the normal interval over images. No interval where nothing varies.

    Raises:
        NotEstimable: there is no rater.
    """
    raters = len(values)
    if not raters:
        raise NotEstimable("no rater has answers that suffice")
    covariance = influence @ influence.T
    value, df = float(values.mean()), None
    if raters == 1:
        variance = float(covariance[0, 0])
        method = f"{what}; {ONE_RATER}"
    else:
        between = float(covariance.sum() - np.trace(covariance)) / (raters * (raters - 1))
        mean_square = float(values.var(ddof=1))
        total = mean_square + max(raters * between, 0.0)
        variance = total / raters
        if mean_square > NOTHING:
            df = total**2 / (mean_square**2 / (raters - 1))
        method = f"{what}; mean over raters, Obuchowski-Rockette: raters and images random"
    if variance < NOTHING:
        return Estimate(value, n=n, method=f"{method}; no interval: nothing varies")
    se, tail = sqrt(variance), (1 + level) / 2
    half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    low, high = max(bounds[0], value - half), min(bounds[1], value + half)
    return Estimate(value, se, df, low, high, level, n, method)
