"""Time and order: how long raters take, and whether they learn or tire.

Times are positive and skewed, and enter as logarithms: a rater's typical time is their geometric
mean. Raters are averaged, not answers. Slips of the finger, absences and interrupted trials do not
count, and are counted.
"""

from dataclasses import dataclass, replace
from math import exp, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable, Number, Test, attempt

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FASTEST_MS = 300  # faster answers are slips of the finger
BLOCK = 20  # trials
FARTHEST = 50.0  # logarithms of ratios beyond it come of lines through next to nothing


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
    slowest: float = np.inf,
) -> tuple[Flags, Exclusions]:
    """Tell which times count.

    Args:
        milliseconds: any shape, NaN where there is none.
        interrupted: same shape, whether the window lost its focus or the rater paused.
        fastest: what is below it does not count.
        slowest: cap fixed before the data; what is above it does not count.
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
    slowest: float = np.inf,
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
    typical = _ratio(logs, level, int(counts.sum()), "geometric mean of response times in ms")
    lower, middle, upper = (float(q) for q in np.percentile(times[counts], [25, 50, 75]))
    return ResponseTimes(typical, raters, middle, lower, upper, excluded)


@dataclass(frozen=True)
class Block:
    """Accuracy in one block of trials.

    Attributes:
        first, last: numbers of its trials.
        accuracy: mean over raters with t over raters; Unknown where nobody answered.
        by_rater: (raters,) shares right, None where a rater has no answer.
    """

    first: int
    last: int
    accuracy: Number
    by_rater: tuple[float | None, ...]

    @property
    def mean(self) -> Number:
        """What is averaged over raters."""
        return self.accuracy


@dataclass(frozen=True)
class TimeBlock:
    """Times in one block of trials.

    Attributes:
        first, last: numbers of its trials.
        mean: geometric mean over raters of their geometric means, in ms, with t over raters.
        by_rater: (raters,) geometric means, None where a rater has no time that counts.
    """

    first: int
    last: int
    mean: Number
    by_rater: tuple[float | None, ...]


@dataclass(frozen=True)
class Drift:
    """Whether raters learn or tire.

    Attributes:
        time: mean over raters of the slope of log time over trials, as the ratio of times 100
            trials apart: below 1 is faster.
        accuracy: mean over raters of the slope of being right, per 100 trials, as a difference of
            shares: above 0 is learning, below fatigue.
        blocks: accuracy by block of trials.
        time_blocks: times by block of trials.
    """

    time: Number
    accuracy: Number
    blocks: tuple[Block, ...]
    time_blocks: tuple[TimeBlock, ...]


def drift(
    milliseconds: ArrayLike,
    right: ArrayLike,
    trial: ArrayLike,
    counted: ArrayLike | None = None,
    level: float = 0.95,
    *,
    block: int = BLOCK,
) -> Drift:
    """Return how times and accuracy change from trial to trial.

    Slopes are each rater's own least squares, averaged with t over raters; they mean something
    only where each rater had an order of their own, drawn at random. For odds of being right use
    the trial as a column of `mixed_model.crossed_logistic`.

    Args:
        milliseconds: (raters, images), NaN where there is none.
        right: (raters, images) 1 right, 0 wrong, NaN where there is no answer.
        trial: (raters, images) number of the trial, from 1, NaN where there is none.
        counted: (raters, images) which times count, of `counted_times`; without, that function's
            own limits.
        level: coverage of the intervals, raters random.
        block: trials in a block.

    Raises:
        ValueError: shapes differ.
    """
    times, hit, number = (np.asarray(each, dtype=float) for each in (milliseconds, right, trial))
    if not times.shape == hit.shape == number.shape or times.ndim != 2:
        raise ValueError(f"{times.shape}, {hit.shape} and {number.shape} must be (raters, images)")
    counts = counted_times(times)[0] if counted is None else np.asarray(counted, dtype=bool)
    logs = np.log(np.where(counts, times, 1.0))
    pace = _slopes(number, np.where(counts, logs, np.nan))
    learning = _slopes(number, hit)
    ratio = attempt(_ratio, pace[0] * 100, level, pace[1], "ratio of times 100 trials apart")
    gain = attempt(
        _over_raters,
        learning[0] * 100,
        level,
        learning[1],
        "change of the share right by 100 trials",
    )
    return Drift(
        ratio,
        gain,
        _blocks(hit, number, block, level),
        _time_blocks(np.where(counts, logs, np.nan), number, block, level),
    )


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
    ratio = attempt(_ratio, gaps, level, n, "ratio of times")
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
        between: correlation (Spearman) over raters of typical time and share right, with p in
            its method; Unknown with fewer than four raters.
        raters: (raters,) typical time in ms and share right with the interval of Wilson, None
            for a rater without answers that count.
    """

    within: Number
    between: Number
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
    within = attempt(_ratio, np.array(gaps), level, int(counts.sum()), what)
    return SpeedAccuracy(within, attempt(_between, raters), tuple(raters))


def mean_over_raters(
    values: ArrayLike, name: str, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """Return the mean of raters' figures with t over raters, images as they are.

    Raises:
        NotEstimable: there is no rater.
    """
    figures = np.asarray(values, dtype=float)
    return _over_raters(figures, 0.95, figures.size, name, bounds)


def _own_times(times: Floats) -> RaterTimes | None:
    if not times.size:
        return None
    logs = np.log(times)
    lower, middle, upper = (float(q) for q in np.percentile(times, [25, 50, 75]))
    log_sd = float(logs.std(ddof=1)) if times.size > 1 else None
    return RaterTimes(times.size, exp(float(logs.mean())), middle, lower, upper, log_sd)


def _over_raters(
    values: Floats, level: float, n: int, name: str, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
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


def _ratio(logs: Floats, level: float, n: int, name: str) -> Estimate:
    """Return the geometric mean over raters, its interval that of the logarithms."""
    mean = _over_raters(logs, level, n, name)
    if abs(mean.value) > FARTHEST:
        raise NotEstimable("too few trials to speak of a hundred")
    value = exp(mean.value)
    if mean.se is None or mean.low is None or mean.high is None:
        return replace(mean, value=value)
    if max(-mean.low, mean.high) > FARTHEST:
        return Estimate(value, n=n, method=f"{name}; no interval: too few trials")
    return replace(mean, value=value, se=mean.se * value, low=exp(mean.low), high=exp(mean.high))


def _slopes(x: Floats, y: Floats) -> tuple[Floats, int]:
    """Return the least-squares slope of each rater with three points, and how many there are."""
    slopes, n = [], 0
    for across, up in zip(x, y, strict=True):
        own = ~(np.isnan(across) | np.isnan(up))
        if np.count_nonzero(own) < 3 or np.ptp(across[own]) == 0:
            continue
        centred = across[own] - across[own].mean()
        slopes.append(float(centred @ up[own] / (centred @ centred)))
        n += int(own.sum())
    return np.array(slopes), n


def _blocks(right: Floats, trial: Floats, size: int, level: float) -> tuple[Block, ...]:
    known = ~(np.isnan(right) | np.isnan(trial))
    if not known.any():
        return ()
    blocks = []
    for first in range(1, int(trial[known].max()) + 1, size):
        within = known & (trial >= first) & (trial < first + size)
        by_rater = tuple(
            float(row[own].mean()) if own.any() else None
            for row, own in zip(right, within, strict=True)
        )
        shares = np.array([share for share in by_rater if share is not None])
        n = int(within.sum())
        accuracy = attempt(_over_raters, shares, level, n, "share right", (0.0, 1.0))
        blocks.append(Block(first, first + size - 1, accuracy, by_rater))
    return tuple(blocks)


def _time_blocks(logs: Floats, trial: Floats, size: int, level: float) -> tuple[TimeBlock, ...]:
    known = ~(np.isnan(logs) | np.isnan(trial))
    if not known.any():
        return ()
    blocks = []
    for first in range(1, int(trial[known].max()) + 1, size):
        within = known & (trial >= first) & (trial < first + size)
        means = [
            float(row[own].mean()) if own.any() else None
            for row, own in zip(logs, within, strict=True)
        ]
        values = np.array([mean for mean in means if mean is not None])
        typical = attempt(_ratio, values, level, int(within.sum()), "geometric mean of times in ms")
        by_rater = tuple(None if mean is None else exp(mean) for mean in means)
        blocks.append(TimeBlock(first, first + size - 1, typical, by_rater))
    return tuple(blocks)


def _between(raters: list[tuple[float, Estimate] | None]) -> Estimate:
    known = [each for each in raters if each is not None]
    if len(known) < 4:
        raise NotEstimable(f"{len(known)} raters; four at least are needed for a correlation")
    times, shares = [each[0] for each in known], [each[1].value for each in known]
    if np.ptp(times) == 0 or np.ptp(shares) == 0:
        raise NotEstimable("raters do not differ")
    found = stats.spearmanr(times, shares)
    method = f"Spearman correlation of time and share right over raters, p = {found.pvalue:.3f}"
    return Estimate(float(found.statistic), n=len(known), method=method)
