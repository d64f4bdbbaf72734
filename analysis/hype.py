"""HYPE, the benchmark of human perception of Zhou et al. (2019, NeurIPS 32, arXiv 1904.01121).

HYPE-infinity is how often evaluators take real for synthetic or synthetic for real without any
limit of time: 50 % is chance, more means that synthetic images look more real than real ones. Its
own interval resamples evaluators only, and so holds for the images that were shown; the two-way
one holds for others like them, too, and is the one to conclude from.

HYPE-time is the exposure, in ms, at which evaluators begin to tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import bootstrap
from analysis.arrays import as_truth
from analysis.results import Estimate, NotEstimable, Number, attempt
from evaluation.design.staircase import Staircase, modal_exposure, settled_exposure

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HypeInfinity:
    """How often evaluators err.

    Attributes:
        error: over all images, with the interval of the paper (evaluators resampled).
        two_way: the same value, raters and images resampled.
        on_synthetic: share of synthetic images taken for real (the deception rate).
        on_real: share of real images taken for synthetic.
        balanced: evaluators saw as many real as synthetic images, give or take one in twenty, as
            the paper has it; if not, 50 % is not chance for somebody who always says the same.
    """

    error: Estimate
    two_way: Number
    on_synthetic: Number
    on_real: Number
    balanced: bool


def hype_infinity(
    errors: ArrayLike,
    synthetic: ArrayLike,
    strata: ArrayLike | None = None,
    level: float = 0.95,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> HypeInfinity:
    """Return HYPE-infinity: the mean over evaluators of each one's error rate, as a share.

    Args:
        errors: (raters, images) 1 wrong, 0 right, NaN where there is no answer.
        synthetic: (images,) what they are.
        strata: (images,) or (images, k) groups, such as entities, within which the two-way
            bootstrap draws images; real and synthetic ones are drawn apart in any case.
        level: coverage of the intervals.
        draws: of each bootstrap; the paper has 10,000.
        seed: of the draws.

    Raises:
        NotEstimable: there are no answers.
        ValueError: shapes do not fit.
    """
    table, signal = np.asarray(errors, dtype=float), as_truth(synthetic)
    if table.ndim != 2 or signal.shape != table.shape[1:]:
        raise ValueError(f"errors {table.shape} and truth {signal.shape} do not fit")
    table = table[~np.isnan(table).all(axis=1)] if table.size else table[:0]
    if not len(table):
        raise NotEstimable("no answers")
    groups = signal[:, None].astype(str)
    if strata is not None:
        groups = np.hstack([groups, np.asarray(strata).reshape(signal.size, -1).astype(str)])

    def two_way(shown: NDArray[np.bool_]) -> Number:
        return attempt(
            lambda: (
                bootstrap.proportion(
                    table[:, shown], groups[shown], level, draws=draws, seed=seed
                ).estimate
            )
        )

    given = ~np.isnan(table)
    seen = np.stack([(given & signal).sum(axis=1), (given & ~signal).sum(axis=1)])
    return HypeInfinity(
        error=_evaluators_only(np.nanmean(table, axis=1), int(given.sum()), level, draws, seed),
        two_way=two_way(np.ones(signal.size, dtype=bool)),
        on_synthetic=two_way(signal),
        on_real=two_way(~signal),
        balanced=bool((np.abs(seen[0] - seen[1]) <= seen.sum(axis=0) / 20).all()),
    )


@dataclass(frozen=True)
class HypeTime:
    """Exposures, in ms, at which evaluators begin to tell real from synthetic images.

    Attributes:
        modal: mean over evaluators of the mean modal exposure of their blocks, as published.
        settled: the same of the mean exposure after the staircase has settled, which varies less;
            Unknown where no block is long enough.
        by_rater: (raters,) the modal exposures that are averaged.
        at_the_edge: blocks whose mode is the shortest or longest exposure that was possible:
            the threshold may lie beyond.
        shortest, longest: these limits, in ms.
        trials: how many were timed.
        at_shortest, at_longest: of them, how many stood at either limit, where the exposure could
            not follow the answer: a threshold at a limit is censored.
    """

    modal: Estimate
    settled: Number
    by_rater: tuple[float, ...]
    at_the_edge: int
    shortest: int
    longest: int
    trials: int
    at_shortest: int
    at_longest: int


def hype_time(
    exposures: Sequence[Sequence[Sequence[int]]],
    level: float = 0.95,
    *,
    shortest: int = Staircase.shortest,
    longest: int = Staircase.longest,
    settling: int = 50,
) -> HypeTime:
    """Return HYPE-time from the exposures of an adaptive staircase.

    Args:
        exposures: for each rater, for each block, that of each trial in ms, in order.
        level: coverage of the intervals, t over evaluators.
        shortest, longest: what the staircase allowed.
        settling: trials of a block that do not count for `settled`.

    Raises:
        NotEstimable: no rater has a block with trials.
    """
    blocks = [[list(block) for block in own if len(block)] for own in exposures]
    blocks = [own for own in blocks if own]
    if not blocks:
        raise NotEstimable("no timed trials")
    modes = [[modal_exposure(block) for block in own] for own in blocks]
    by_rater = tuple(float(np.mean(own)) for own in modes)
    long = [[block for block in own if len(block) > settling] for own in blocks]
    settled = [np.mean([settled_exposure(block, settling) for block in own]) for own in long if own]
    shown = np.concatenate([block for own in blocks for block in own])
    trials = shown.size
    return HypeTime(
        modal=_over_evaluators(by_rater, trials, level, "modal exposure in ms"),
        settled=attempt(
            _over_evaluators, settled, trials, level, f"mean exposure in ms after {settling} trials"
        ),
        by_rater=by_rater,
        at_the_edge=sum(mode in (shortest, longest) for own in modes for mode in own),
        shortest=shortest,
        longest=longest,
        trials=trials,
        at_shortest=int(np.count_nonzero(shown <= shortest)),
        at_longest=int(np.count_nonzero(shown >= longest)),
    )


def _evaluators_only(rates: Floats, n: int, level: float, draws: int, seed: int) -> Estimate:
    raters = len(rates)
    method = f"HYPE-infinity; bootstrap over evaluators, {draws} draws: images fixed"
    plain = Estimate(float(rates.mean()), n=n, method=method)
    if raters < 2 or np.ptp(rates) < 1e-12:
        why = "one evaluator" if raters < 2 else "evaluators do not differ"
        return replace(plain, method=f"HYPE-infinity; no interval: {why}")
    rng = np.random.default_rng(seed)
    drawn = rates[rng.integers(0, raters, (draws, raters))].mean(axis=1)
    low, high = (float(end) for end in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    return replace(plain, se=float(drawn.std(ddof=1)), low=low, high=high, level=level)


def _over_evaluators(values: Sequence[float], trials: int, level: float, name: str) -> Estimate:
    raters = len(values)
    if not raters:
        raise NotEstimable("no block is long enough for its staircase to settle")
    value = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) if raters > 1 else 0.0
    if spread == 0:
        why = "one evaluator" if raters == 1 else "evaluators do not differ"
        return Estimate(value, n=trials, method=f"{name}; no interval: {why}")
    se = spread / sqrt(raters)
    half = float(stats.t.ppf((1 + level) / 2, raters - 1)) * se
    low = max(value - half, 0.0)
    method = f"{name}; t over evaluators, images fixed"
    return Estimate(value, se, raters - 1, low, value + half, level, trials, method)
