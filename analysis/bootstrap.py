"""The two-way bootstrap: raters and images are both resampled, each answer keeps its place.

The "pigeonhole" bootstrap of Owen (2007, Ann Appl Stat 1:386): an answer's weight is how often its
rater was drawn times how often its image was, so that a draw is a product of matrices. Images are
drawn within strata, which keep their sizes. It errs on the wide side: what raters and images share
is counted twice (Owen 2007, theorem 3). Few raters say little whatever the method: below four the
interval is not to be relied on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arrays import as_truth
from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]
Draw = Callable[[Floats, Floats], Floats]

CHUNK = 1000  # draws at once: 1,000 x 10,000 images are 80 MB
FEWEST_RATERS = 4


@dataclass(frozen=True)
class Bootstrapped:
    """An estimate with the percentile interval of its draws.

    Attributes:
        estimate: `se` is the standard deviation of the draws.
        draws: (draws,) their values, without those left out.
        left_out: draws in which nothing could be estimated, a class being empty for every rater.
    """

    estimate: Estimate
    draws: Floats
    left_out: int


def proportion(
    answers: ArrayLike,
    strata: ArrayLike | None = None,
    level: float = 0.95,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Bootstrapped:
    """Return the mean over raters of each rater's share of answers that count.

    Args:
        answers: (raters, images), 1 counts, 0 does not, NaN where there is no answer; values in
            between are averaged, too.
        strata: (images,) groups within which images are drawn, or (images, k) for their
            combinations, such as origin and entity; without, all are one group.
        level: coverage of the percentile interval.
        draws: how many.
        seed: of the draws.

    Raises:
        NotEstimable: there is no answer, or fewer than two raters or images.
        ValueError: shapes do not fit.
    """
    table = _table(answers)
    given = (~np.isnan(table)).astype(float)
    sums = np.nan_to_num(table)

    def draw(raters: Floats, images: Floats) -> Floats:
        seen = images @ given.T
        shares = np.divide(images @ sums.T, seen, out=np.zeros_like(seen), where=seen > 0)
        return _weighted(raters, shares, seen > 0)

    return _bootstrapped(draw, table, _strata(strata, table), level, draws, seed, "mean share")


def mean_auc(
    scores: ArrayLike,
    truth: ArrayLike,
    strata: ArrayLike | None = None,
    level: float = 0.95,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Bootstrapped:
    """Return the mean over raters of each rater's empirical AUC, ties counting one half.

    Args:
        scores: (raters, images), higher speaks for a positive, NaN where there is none.
        truth: (images,) 1 positive, 0 negative.
        strata: as in `proportion`; images of the two classes are drawn apart in any case.
        level: coverage of the percentile interval.
        draws: how many.
        seed: of the draws.

    Returns:
        The mean over the raters who saw both classes. A rater for whom a draw empties a class is
        left out of that draw, and a draw without raters is counted in `left_out`.

    Raises:
        NotEstimable: no rater has scores in both classes, or fewer than two raters.
        ValueError: shapes do not fit.
    """
    table, positive = _table(scores), as_truth(truth)
    if positive.shape != table.shape[1:]:
        raise ValueError(
            f"truth {positive.shape} must have one value for each image of {table.shape}"
        )
    given = ~np.isnan(table)
    usable = (given & positive).any(axis=1) & (given & ~positive).any(axis=1)
    if not usable.any():
        raise NotEstimable("no rater has answers on images of both kinds")
    table, given = table[usable], given[usable]
    ladders = [_Ladder(row, known, positive) for row, known in zip(table, given, strict=True)]
    classes = positive.astype(np.intp)[:, None]
    groups = np.hstack([_strata(strata, table)[:, None], classes])

    def draw(raters: Floats, images: Floats) -> Floats:
        up, down = images[:, positive], images[:, ~positive]
        areas, known = (
            np.empty((len(images), len(ladders))),
            np.ones((len(images), len(ladders)), bool),
        )
        for column, ladder in enumerate(ladders):
            areas[:, column], known[:, column] = ladder.areas(up, down)
        return _weighted(raters, areas, known)

    return _bootstrapped(draw, table, _codes(groups), level, draws, seed, "mean AUC")


class _Ladder:
    """One rater's scores as steps: which negatives lie below each step of the positives."""

    def __init__(
        self, scores: Floats, known: NDArray[np.bool_], positive: NDArray[np.bool_]
    ) -> None:
        ups, downs = scores[positive], scores[~positive]
        up_known, down_known = known[positive], known[~positive]
        steps, place = np.unique(ups[up_known], return_inverse=True)
        self._up_known, self._down_known = up_known.astype(float), down_known.astype(float)
        self._complete = bool(up_known.all() and down_known.all())
        self._on = np.zeros((ups.size, steps.size))
        self._on[np.flatnonzero(up_known), place] = 1
        below = (downs[:, None] < steps) + 0.5 * (downs[:, None] == steps)
        self._below = np.where(down_known[:, None], below, 0.0)

    def areas(self, up: Floats, down: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the AUC in each draw from weights (draws, cases), and whether there is one."""
        wins = ((up @ self._on) * (down @ self._below)).sum(axis=1)
        if self._complete:  # strata keep their sizes
            pairs = up.sum(axis=1) * down.sum(axis=1)
        else:
            pairs = (up @ self._up_known) * (down @ self._down_known)
        return np.divide(wins, pairs, out=np.zeros_like(wins), where=pairs > 0), pairs > 0


def resampled_counts(rng: np.random.Generator, strata: NDArray[np.intp], draws: int) -> Floats:
    """Return (draws, n) how often each element is drawn, within strata that keep their sizes."""
    counts = np.empty((draws, len(strata)))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        chosen = rng.integers(0, own.size, (draws, own.size))
        chosen += np.arange(draws)[:, None] * own.size
        flat = np.bincount(chosen.ravel(), minlength=draws * own.size)
        counts[:, own] = flat.reshape(draws, own.size)
    return counts


def _table(answers: ArrayLike) -> Floats:
    table = np.asarray(answers, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"answers {table.shape} must be (raters, images)")
    table = table[~np.isnan(table).all(axis=1)] if table.size else table[:0]
    if not len(table):
        raise NotEstimable("no answers")
    return table


def _strata(strata: ArrayLike | None, table: Floats) -> NDArray[np.intp]:
    images = table.shape[1]
    if strata is None:
        return np.zeros(images, dtype=np.intp)
    columns = np.asarray(strata)
    if len(columns) != images:
        raise ValueError(f"{len(columns)} strata for {images} images")
    return _codes(columns.reshape(images, -1))


def _codes(columns: NDArray) -> NDArray[np.intp]:
    """Number the combinations of columns (n, k)."""
    codes = [np.unique(column, return_inverse=True)[1] for column in columns.T]
    return np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)[1].ravel()


def _weighted(raters: Floats, values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the mean of each draw over its raters, NaN where none has a value."""
    weights = raters * known
    total = weights.sum(axis=1)
    mean = np.full(len(total), np.nan)
    np.divide((weights * values).sum(axis=1), total, out=mean, where=total > 0)
    return mean


def _bootstrapped(
    draw: Draw,
    table: Floats,
    strata: NDArray[np.intp],
    level: float,
    draws: int,
    seed: int,
    name: str,
) -> Bootstrapped:
    raters, images = table.shape
    if raters < 2 or images < 2:
        raise NotEstimable(f"{raters} raters and {images} images; two of each are needed")
    value = float(draw(np.ones((1, raters)), np.ones((1, images)))[0])
    rng = np.random.default_rng(seed)
    alone = np.zeros(raters, dtype=np.intp)
    parts = []
    for begin in range(0, draws, CHUNK):
        size = min(CHUNK, draws - begin)
        parts.append(draw(resampled_counts(rng, alone, size), resampled_counts(rng, strata, size)))
    drawn = np.concatenate(parts)
    kept = drawn[~np.isnan(drawn)]
    return Bootstrapped(
        _percentile(value, kept, level, int(np.count_nonzero(~np.isnan(table))), name, raters),
        kept,
        int(drawn.size - kept.size),
    )


def _percentile(
    value: float, drawn: Floats, level: float, n: int, name: str, raters: int
) -> Estimate:
    method = f"{name}; two-way bootstrap, {drawn.size} draws: raters and images random"
    if raters < FEWEST_RATERS:
        method += f"; {raters} raters are too few to rely on it"
    plain = Estimate(value, n=n, method=method)
    if drawn.size < 2 or np.ptp(drawn) < 1e-12:
        return replace(plain, method=f"{method}; no interval: nothing varies")
    low, high = (float(end) for end in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    return replace(plain, se=float(drawn.std(ddof=1)), low=low, high=high, level=level)
