"""Learning and fatigue: what changes from trial to trial."""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import ArrayLike

from analysis.results import Number, attempt
from analysis.timing.over_raters import Floats, mean_ratio, over_raters
from analysis.timing.times import counted_times

BLOCK = 20  # trials


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
    only where each rater had an order of their own, drawn at random. For odds of being right see
    `learning`.

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
    ratio = attempt(mean_ratio, pace[0] * 100, level, pace[1], "ratio of times 100 trials apart")
    gain = attempt(
        over_raters,
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
        accuracy = attempt(over_raters, shares, level, n, "share right", (0.0, 1.0))
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
        typical = attempt(
            mean_ratio, values, level, int(within.sum()), "geometric mean of times in ms"
        )
        by_rater = tuple(None if mean is None else exp(mean) for mean in means)
        blocks.append(TimeBlock(first, first + size - 1, typical, by_rater))
    return tuple(blocks)
