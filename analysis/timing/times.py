"""Response times: which count, how long raters take, and what goes with taking longer."""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown, attempt
from analysis.timing.over_raters import Flags, Floats, mean_ratio

FASTEST_MS = 300  # faster answers are slips of the finger
SLOWEST_MS = 300_000  # slower ones are absences; five minutes


@dataclass(frozen=True)
class Exclusions:
    """Answers whose times do not count; each is counted once, in this order."""

    missing: int
    interrupted: int
    too_fast: int
    too_slow: int


@dataclass(frozen=True)
class RaterTimes:
    """One rater's times in ms, over `n` answers.

    Attributes:
        typical: geometric mean.
        median, lower_quartile, upper_quartile: of the times.
        log_sd: SD of the natural logarithms; None with one answer.
    """

    n: int
    typical: float
    median: float
    lower_quartile: float
    upper_quartile: float
    log_sd: float | None


@dataclass(frozen=True)
class ResponseTimes:
    """How long raters take.

    Attributes:
        typical: geometric mean over raters of their geometric means, in ms, t over raters.
        raters: each one's times, None for a rater without any that count.
        median, lower_quartile, upper_quartile: over all answers that count, in ms.
        excluded: what does not count.
    """

    typical: Estimate
    raters: tuple[RaterTimes | None, ...]
    median: float
    lower_quartile: float
    upper_quartile: float
    excluded: Exclusions


def counted_times(
    milliseconds: ArrayLike,
    interrupted: ArrayLike | None = None,
    *,
    fastest: float = FASTEST_MS,
    slowest: float = SLOWEST_MS,
) -> tuple[Flags, Exclusions]:
    """Tell which times count.

    Args:
        milliseconds: any shape, NaN where there is none.
        interrupted: same shape, whether the page was hidden or the rater paused.
        fastest: what is below it does not count.
        slowest: cap that was fixed before any data; what is above it does not count.
    """
    times = np.asarray(milliseconds, dtype=float)
    broken = (
        np.zeros(times.shape, dtype=bool)
        if interrupted is None
        else np.asarray(interrupted, dtype=bool)
    )
    if broken.shape != times.shape:
        raise ValueError(f"times {times.shape} and interruptions {broken.shape} differ in shape")
    missing = np.isnan(times)
    broken = broken & ~missing
    rest = ~missing & ~broken
    fast, slow = rest & (times < fastest), rest & (times > slowest)
    left_out = Exclusions(*(int(np.count_nonzero(each)) for each in (missing, broken, fast, slow)))
    return rest & ~fast & ~slow, left_out


def response_times(
    milliseconds: ArrayLike,
    interrupted: ArrayLike | None = None,
    level: float = 0.95,
    *,
    fastest: float = FASTEST_MS,
    slowest: float = SLOWEST_MS,
) -> ResponseTimes:
    """Summarise times of several raters.

    Args:
        milliseconds: (raters, trials or images), NaN where there is none.
        interrupted, fastest, slowest: as in `counted_times`.
        level: coverage of the interval, raters random.

    Raises:
        NotEstimable: no time counts.
    """
    times = np.atleast_2d(np.asarray(milliseconds, dtype=float))
    broken = None if interrupted is None else np.atleast_2d(np.asarray(interrupted, dtype=bool))
    counts, excluded = counted_times(times, broken, fastest=fastest, slowest=slowest)
    if not counts.any():
        raise NotEstimable("no response times that count")
    raters = tuple(_own_times(row[own]) for row, own in zip(times, counts, strict=True))
    logs = np.array([np.log(each.typical) for each in raters if each is not None])
    typical = mean_ratio(logs, level, int(counts.sum()), "geometric mean of response times in ms")
    lower, middle, upper = (float(q) for q in np.percentile(times[counts], [25, 50, 75]))
    return ResponseTimes(typical, raters, middle, lower, upper, excluded)


def ratio_of_times(
    milliseconds: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    counted: ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[Number, Test | None]:
    """Compare each rater's times of two kinds of answers.

    Args:
        milliseconds: (raters, images), NaN where there is none.
        first, second: (raters, images) which answers are of either kind.
        counted: as in `drift`.
        level: coverage of the interval, raters random.

    Returns:
        The geometric mean over raters of the ratio of their geometric means, first to second, and
        the t test over raters that it is 1; no test where there is no interval.
    """
    times = np.asarray(milliseconds, dtype=float)
    counts = counted_times(times)[0] if counted is None else np.asarray(counted, dtype=bool)
    kinds = [
        counts & np.broadcast_to(np.asarray(kind, dtype=bool), times.shape)
        for kind in (first, second)
    ]
    both = kinds[0].any(axis=1) & kinds[1].any(axis=1)
    logs = np.log(np.where(counts, times, 1.0))[both]
    means = [(logs * kind[both]).sum(axis=1) / kind[both].sum(axis=1) for kind in kinds]
    gaps = means[0] - means[1]
    n = sum(int(np.count_nonzero(kind[both])) for kind in kinds)
    ratio = attempt(mean_ratio, gaps, level, n, "ratio of times")
    if not isinstance(ratio, Estimate) or ratio.df is None:
        return ratio, None
    found = stats.ttest_1samp(gaps, 0.0)
    method = "t over raters of the difference of mean log times"
    return ratio, Test(float(found.statistic), None, ratio.df, float(found.pvalue), method)


@dataclass(frozen=True)
class SpeedAccuracy:
    """How speed and accuracy go together.

    Attributes:
        within: mean over raters of the difference in log time between their right and wrong
            answers, as a ratio: below 1, right answers are the faster ones.
        between: correlation (Spearman) over raters of typical time and share right; Unknown with
            fewer than four raters.
        between_test: that there is none.
        raters: (raters,) typical time in ms and share right with the interval of Wilson, None
            for a rater without answers that count.
    """

    within: Number
    between: Number
    between_test: Test | None
    raters: tuple[tuple[float, Estimate] | None, ...]


def speed_accuracy(
    milliseconds: ArrayLike,
    right: ArrayLike,
    counted: ArrayLike | None = None,
    level: float = 0.95,
) -> SpeedAccuracy:
    """Relate times to being right, within raters and between them.

    Arguments as in `drift`.
    """
    times, hit = (np.asarray(each, dtype=float) for each in (milliseconds, right))
    if times.shape != hit.shape or times.ndim != 2:
        raise ValueError(f"times {times.shape} and answers {hit.shape} must be (raters, images)")
    counts = counted_times(times)[0] if counted is None else np.asarray(counted, dtype=bool)
    counts = counts & ~np.isnan(hit)
    raters: list[tuple[float, Estimate] | None] = []
    gaps = []
    for row, answers, own in zip(times, hit, counts, strict=True):
        logs, correct = np.log(row[own]), answers[own] == 1
        if not logs.size:
            raters.append(None)
            continue
        raters.append((exp(logs.mean()), wilson(int(correct.sum()), correct.size, level)))
        if correct.any() and not correct.all():
            gaps.append(float(logs[correct].mean() - logs[~correct].mean()))
    what = "ratio of times, right to wrong answers"
    within = attempt(mean_ratio, np.array(gaps), level, int(counts.sum()), what)
    return SpeedAccuracy(within, *_between(raters), tuple(raters))


def _own_times(times: Floats) -> RaterTimes | None:
    if not times.size:
        return None
    logs = np.log(times)
    lower, middle, upper = (float(q) for q in np.percentile(times, [25, 50, 75]))
    log_sd = float(logs.std(ddof=1)) if times.size > 1 else None
    return RaterTimes(times.size, exp(float(logs.mean())), middle, lower, upper, log_sd)


def _between(
    raters: list[tuple[float, Estimate] | None],
) -> tuple[Number, Test | None]:
    known = [each for each in raters if each is not None]
    if len(known) < 4:
        return Unknown(f"{len(known)} raters; four at least are needed for a correlation"), None
    times, shares = [each[0] for each in known], [each[1].value for each in known]
    if np.ptp(times) == 0 or np.ptp(shares) == 0:
        return Unknown("raters do not differ"), None
    found = stats.spearmanr(times, shares)
    method = "Spearman correlation of time and share right over raters"
    value = float(found.statistic)
    return Estimate(value, n=len(known), method=method), Test(
        value, p=float(found.pvalue), method=f"{method}; that there is none"
    )
