"""The empirical ROC curve of one rater and the area under it; cases are random, not the rater."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import roc_curve

from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RocCurve:
    """Operating points from (0, 0) to (1, 1), one for each distinct score, strictest first.

    Attributes:
        false_alarm: (points,) share of negatives called positive.
        hit: (points,) share of positives called positive.
        threshold: (points,) scores at or above it are called positive; the first is infinite.
    """

    false_alarm: Floats
    hit: Floats
    threshold: Floats


def empirical_curve(scores: ArrayLike, truth: ArrayLike) -> RocCurve:
    """Return every operating point that the scores allow.

    Args:
        scores: (n,) higher speaks for a positive.
        truth: (n,) 1 positive, 0 negative.

    Raises:
        NotEstimable: one of the two classes is empty.
    """
    scores, truth = _checked(scores, truth)
    false_alarm, hit, threshold = roc_curve(truth, scores, drop_intermediate=False)
    return RocCurve(false_alarm, hit, threshold)


def average_curve(curves: Sequence[RocCurve], false_alarm: ArrayLike) -> Floats:
    """Return the mean hit rate of several curves at fixed false-alarm rates.

    This is vertical averaging (Fawcett 2006, Pattern Recogn Lett 27:861, algorithm 3): the curve
    of the average rater, unlike a curve of pooled answers, which mixes the raters' criteria.
    Where a curve rises vertically its upper end counts, at 0 too.

    Args:
        curves: at least one.
        false_alarm: (points,) rates at which to average, within 0..1.
    """
    grid = np.asarray(false_alarm, dtype=float)
    hits = np.empty((len(curves), grid.size))
    for row, curve in enumerate(curves):
        rates, last = np.unique(curve.false_alarm[::-1], return_index=True)
        hits[row] = np.interp(grid, rates, curve.hit[::-1][last])
    return hits.mean(axis=0)


def auc(scores: ArrayLike, truth: ArrayLike) -> Estimate:
    """Return the area under the empirical curve, ties counting one half, without an interval.

    From a yes/no score this is the balanced accuracy of its one operating point.

    Raises:
        NotEstimable: one of the two classes is empty.
    """
    positive, _ = placements(scores, truth)
    return Estimate(float(positive.mean()), n=np.size(scores), method="empirical AUC")


def placements(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Return the placement values of DeLong et al. (1988, Biometrics 44:837, eq. 3).

    Computed from mid-ranks in O(n log n) (Sun and Xu 2014, IEEE Signal Process Lett 21:1389).

    Returns:
        (m,) for each positive the share of negatives scored lower (ties one half), and
        (n,) for each negative the share of positives scored higher; both have the AUC as mean.

    Raises:
        NotEstimable: one of the two classes is empty.
    """
    scores, truth = _checked(scores, truth)
    positives, negatives = scores[truth], scores[~truth]
    ranks = stats.rankdata(scores)
    v10 = (ranks[truth] - stats.rankdata(positives)) / negatives.size
    v01 = 1 - (ranks[~truth] - stats.rankdata(negatives)) / positives.size
    return v10, v01


def delong(
    scores: ArrayLike, truth: ArrayLike, level: float = 0.95, interval: str = "normal"
) -> Estimate:
    """Return the AUC of one rater with the variance of DeLong et al. (1988, eq. 5).

    Args:
        scores: (n,) higher speaks for a positive.
        truth: (n,) 1 positive, 0 negative.
        level: coverage of the interval.
        interval: "normal" (clipped to 0..1) or "logit" (better near 1).

    Returns:
        The area. Under perfect separation the variance is 0 and says nothing: then there is no
        standard error, and the one-sided bound of Clopper and Pearson on the smaller class.

    Raises:
        NotEstimable: one of the two classes is empty, or has one case only.
    """
    v10, v01 = placements(scores, truth)
    if min(v10.size, v01.size) < 2:
        raise NotEstimable("fewer than two cases of a class")
    area = float(v10.mean())
    n = v10.size + v01.size
    if area in (0.0, 1.0):
        bound = (1 - level) ** (1 / min(v10.size, v01.size))
        low, high = (bound, 1.0) if area == 1.0 else (0.0, 1 - bound)
        return Estimate(
            area,
            None,
            None,
            low,
            high,
            level,
            n,
            "perfect separation: one-sided exact bound on the smaller class",
        )
    se = sqrt(v10.var(ddof=1) / v10.size + v01.var(ddof=1) / v01.size)
    if se == 0:
        return Estimate(area, n=n, method="all scores alike: no interval")
    z = float(stats.norm.ppf((1 + level) / 2))
    if interval == "logit":
        middle, half = log(area / (1 - area)), z * se / (area * (1 - area))
        low, high = (float(1 / (1 + np.exp(-(middle + side)))) for side in (-half, half))
    elif interval == "normal":
        low, high = max(0.0, area - z * se), min(1.0, area + z * se)
    else:
        raise ValueError(f"interval '{interval}' is unknown; use normal or logit")
    return Estimate(area, se, None, low, high, level, n, f"DeLong, {interval} interval")


def _checked(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, positive = np.asarray(scores, dtype=float), np.asarray(truth, dtype=bool)
    if values.shape != positive.shape or values.ndim != 1:
        raise ValueError(f"scores {values.shape} and truth {positive.shape} must be equal vectors")
    if np.isnan(values).any():
        raise ValueError("a score is missing; leave out the case")
    if not values.size:
        raise NotEstimable("no answers")
    if positive.all() or not positive.any():
        raise NotEstimable("images of one kind only")
    return values, positive
