"""Empirical ROC curves and the areas under them; cases are random, not the rater.

What holds for raters in general, not for one, comes from `analysis.mrmc`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from sklearn.metrics import roc_curve

from analysis.arrays import as_truth
from analysis.results import Estimate, NotEstimable, Test

Floats = NDArray[np.float64]

#: A variance below this is zero but for rounding.
TRACE = 1e-30


@dataclass(frozen=True)
class AverageCurve:
    """The mean of several curves, from (0, 0) to (1, 1) unless points were asked for.

    Attributes:
        false_alarm, hit: (points,) rates; a vertical step has two points.
    """

    false_alarm: Floats
    hit: Floats


@dataclass(frozen=True)
class PairedAreas:
    """Two areas from the same cases and their difference.

    Attributes:
        first, second: each with its own interval, as from `delong`.
        covariance: of the two areas, over cases.
        difference: first minus second, normal interval.
        test: of no difference; the statistic is normal.
    """

    first: Estimate
    second: Estimate
    covariance: float
    difference: Estimate
    test: Test


@dataclass(frozen=True)
class RocCurve:
    """Operating points from (0, 0) to (1, 1), one for each distinct score, strictest first.

    Attributes:
        false_alarm: (points,) share of negatives called positive.
        hit: (points,) share of positives called positive.
        threshold: (points,) scores at or above it are called positive; the first is infinite.
        negatives, positives: how many there are, of which the rates are shares.
    """

    false_alarm: Floats
    hit: Floats
    threshold: Floats
    negatives: int
    positives: int


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
    positives = int(np.count_nonzero(truth))
    return RocCurve(false_alarm, hit, threshold, int(truth.size) - positives, positives)


def average_curve(
    scores: ArrayLike,
    truth: ArrayLike,
    false_alarm: ArrayLike | None = None,
    along: str = "vertical",
) -> AverageCurve:
    """Return the curve of the average rater.

    Unlike a curve of pooled answers it does not mix the raters' criteria, and the area under it
    is the mean of their areas (Chen and Samuelson 2014, Br J Radiol 87:20140016).

    Args:
        scores: (raters, cases) higher speaks for a positive; NaN is a case that a rater did not
            read. Raters who read one class only are left out.
        truth: (cases,) 1 positive, 0 negative.
        false_alarm: (points,) rates at which to average vertically, within 0..1; where a curve
            rises vertically its upper end counts. Without them the average has every corner.
        along: "vertical", mean hit rate at fixed false-alarm rates (Fawcett 2006, Pattern Recogn
            Lett 27:861, algorithm 3), or "diagonal", mean along the lines of slope -1, on which
            both kinds of error count alike.

    Raises:
        NotEstimable: no rater has scores in both classes.
        ValueError: shapes or options that make no sense.
    """
    return average_of(_curves(scores, truth), false_alarm, along)


def average_of(
    curves: Sequence[RocCurve], false_alarm: ArrayLike | None = None, along: str = "vertical"
) -> AverageCurve:
    """Return the average of curves that are there already; see `average_curve`.

    Raises:
        ValueError: options that make no sense.
    """
    if along == "diagonal":
        if false_alarm is not None:
            raise ValueError("points can be chosen for the vertical average only")
        # Rotated by 45 degrees every curve is a function: specificity falls as hits rise.
        along_axis = [(curve.false_alarm + curve.hit) / 2 for curve in curves]
        heights = [(curve.hit - curve.false_alarm) / 2 for curve in curves]
        grid = np.unique(np.concatenate(along_axis))
        height = np.mean(
            [np.interp(grid, *each) for each in zip(along_axis, heights, strict=True)], axis=0
        )
        return AverageCurve(np.maximum(grid - height, 0.0), np.minimum(grid + height, 1.0))
    if along != "vertical":
        raise ValueError(f"average along '{along}' is unknown; use vertical or diagonal")
    if false_alarm is not None:
        grid = np.asarray(false_alarm, dtype=float)
        if grid.size and not 0 <= grid.min() <= grid.max() <= 1:
            raise ValueError("false-alarm rates lie within 0..1")
        return AverageCurve(grid, np.mean([_ends(curve, grid)[1] for curve in curves], axis=0))
    grid = np.unique(np.concatenate([curve.false_alarm for curve in curves]))
    lower, upper = np.mean([_ends(curve, grid) for curve in curves], axis=0)
    return AverageCurve(np.repeat(grid, 2), np.column_stack([lower, upper]).ravel())


def _curves(scores: ArrayLike, truth: ArrayLike) -> list[RocCurve]:
    """Return the curve of each rater who read both classes."""
    table, positive = np.atleast_2d(np.asarray(scores, dtype=float)), as_truth(truth)
    if positive.ndim != 1 or positive.shape != table.shape[1:]:
        raise ValueError(f"scores {table.shape} must be (raters, cases), truth {positive.shape}")
    given = ~np.isnan(table)
    usable = (given & positive).any(axis=1) & (given & ~positive).any(axis=1)
    if not usable.any():
        raise NotEstimable("no rater has scores in both classes")
    return [
        empirical_curve(row[own], positive[own])
        for row, own in zip(table[usable], given[usable], strict=True)
    ]


def _ends(curve: RocCurve, grid: Floats) -> tuple[Floats, Floats]:
    """Return the hit rates of a curve at some false-alarm rates, below and above its steps."""
    rates, first = np.unique(curve.false_alarm, return_index=True)
    last = curve.false_alarm.size - 1 - np.unique(curve.false_alarm[::-1], return_index=True)[1]
    lower, upper = (np.interp(grid, rates, curve.hit[index]) for index in (first, last))
    between = ~np.isin(grid, rates)  # off the corners both ends lie on the rising line
    if between.any():
        right = np.searchsorted(rates, grid[between])
        x0, x1 = rates[right - 1], rates[right]
        y0, y1 = curve.hit[last[right - 1]], curve.hit[first[right]]
        lower[between] = upper[between] = y0 + (y1 - y0) * (grid[between] - x0) / (x1 - x0)
    return lower, upper


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
        standard error, and the bound of `separated`.

    Raises:
        NotEstimable: one of the two classes is empty, or has one case only.
        ValueError: shapes do not fit, a score is missing, or the interval is unknown.
    """
    if interval not in ("normal", "logit"):
        raise ValueError(f"interval '{interval}' is unknown; use normal or logit")
    v10, v01 = _structural(scores, truth)
    n = v10.size + v01.size
    variance = float(v10.var(ddof=1) / v10.size + v01.var(ddof=1) / v01.size)
    area = float(v10.mean())
    if area in (0.0, 1.0):
        return separated(area, v10.size, v01.size, level)
    return _area(area, variance, n, level, interval)


def delong_paired(
    first: ArrayLike, second: ArrayLike, truth: ArrayLike, level: float = 0.95
) -> PairedAreas:
    """Compare two areas from the same cases (DeLong et al. 1988).

    Args:
        first, second: (n,) scores of the same cases, higher speaks for a positive.
        truth: (n,) 1 positive, 0 negative.
        level: coverage of the intervals.

    Returns:
        With the same order of cases in both scores the difference is 0 without a standard error,
        and p is 1. Where they differ but nothing varies (one separates perfectly, the other not
        at all) there is neither interval nor test.

    Raises:
        NotEstimable: one of the two classes is empty, or has one case only.
    """
    v10, v01 = (
        np.stack(each)
        for each in zip(_structural(first, truth), _structural(second, truth), strict=True)
    )
    positives, negatives = v10.shape[1], v01.shape[1]
    covariance = np.cov(v10) / positives + np.cov(v01) / negatives
    areas = v10.mean(axis=1)
    gap, n = float(areas[0] - areas[1]), positives + negatives
    # From the differences themselves, not from three numbers that nearly cancel.
    variance = float(
        np.diff(v10, axis=0).var(ddof=1) / positives + np.diff(v01, axis=0).var(ddof=1) / negatives
    )
    ours = delong(first, truth, level), delong(second, truth, level)
    between = float(covariance[0, 1])
    if variance < TRACE:
        alike = abs(gap) < 1e-12
        reason = "the areas agree in every case" if alike else "nothing varies"
        return PairedAreas(
            *ours,
            between,
            Estimate(0.0 if alike else gap, n=n, method=f"no interval: {reason}"),
            Test(p=1.0 if alike else None, method=reason),
        )
    se = sqrt(variance)
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    return PairedAreas(
        *ours,
        between,
        Estimate(
            gap, se, None, max(-1.0, gap - half), min(1.0, gap + half), level, n, "DeLong, paired"
        ),
        Test(gap / se, p=float(2 * stats.norm.sf(abs(gap / se))), method="DeLong, paired: normal"),
    )


def separated(area: float, positives: int, negatives: int, level: float = 0.95) -> Estimate:
    """Return an area of 1 (or 0) with the one-sided bound of Clopper and Pearson (1934).

    The cases of the smaller class are taken for independent trials that all succeeded (or failed):
    nothing finer follows from perfect separation.
    """
    bound = (1 - level) ** (1 / min(positives, negatives))
    low, high = (bound, 1.0) if area > 0.5 else (0.0, 1 - bound)
    return Estimate(
        float(round(area)),
        None,
        None,
        low,
        high,
        level,
        positives + negatives,
        "perfect separation: one-sided exact bound on the smaller class",
    )


def hand_till(scores: ArrayLike, truth: ArrayLike) -> Estimate:
    """Return the area of several classes: the mean of the areas of all pairs of them.

    M of Hand and Till (2001, Mach Learn 45:171, eq. 7): of each pair of classes only their own
    cases count, by the score of the one and of the other class in turn.

    Args:
        scores: (n, classes) higher speaks for the class of the column.
        truth: (n,) the column of the true class.

    Returns:
        The mean, without an interval. Classes without a case are left out and counted in `method`.

    Raises:
        NotEstimable: fewer than two classes have cases.
    """
    table, own = np.asarray(scores, dtype=float), np.asarray(truth)
    if table.ndim != 2 or own.shape != table.shape[:1]:
        raise ValueError(f"scores {table.shape} must be (cases, classes) and truth {own.shape}")
    if not np.isin(own, np.arange(table.shape[1])).all():
        raise ValueError(f"truth must name columns of the scores, 0..{table.shape[1] - 1}")
    own = own.astype(np.intp)
    shown = np.unique(own)
    if shown.size < 2:
        raise NotEstimable("cases of one class only")
    areas = [
        placements(table[pair, one], own[pair] == one)[0].mean()
        for one in shown
        for other in shown
        if one != other
        for pair in [(own == one) | (own == other)]
    ]
    missing = table.shape[1] - shown.size
    left_out = f"; {missing} classes without cases left out" if missing else ""
    return Estimate(
        float(np.mean(areas)), n=own.size, method=f"Hand-Till mean of pairwise AUCs{left_out}"
    )


def _structural(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    v10, v01 = placements(scores, truth)
    if min(v10.size, v01.size) < 2:
        raise NotEstimable("fewer than two cases of a class")
    return v10, v01


def _area(area: float, variance: float, n: int, level: float, interval: str) -> Estimate:
    if variance < TRACE:
        return Estimate(area, n=n, method="all scores alike: no interval")
    se = sqrt(variance)
    z = float(stats.norm.ppf((1 + level) / 2))
    if interval == "logit":
        half = z * se / (area * (1 - area))
        low, high = (float(special.expit(special.logit(area) + side)) for side in (-half, half))
    else:
        low, high = max(0.0, area - z * se), min(1.0, area + z * se)
    return Estimate(area, se, None, low, high, level, n, f"DeLong, {interval} interval")


def _checked(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, positive = np.asarray(scores, dtype=float), as_truth(truth)
    if values.shape != positive.shape or values.ndim != 1:
        raise ValueError(f"scores {values.shape} and truth {positive.shape} must be equal vectors")
    if not np.isfinite(values).all():
        raise ValueError("a score is missing or infinite; leave out the case")
    if not values.size:
        raise NotEstimable("no answers")
    if positive.all() or not positive.any():
        raise NotEstimable("images of one kind only")
    return values, positive
