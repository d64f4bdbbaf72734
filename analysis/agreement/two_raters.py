"""Agreement of two raters beyond chance: Cohen's kappa, plain and weighted."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.agreement.answers import (
    ALL_ALIKE,
    NO_SPREAD,
    Weights,
    agreement_weights,
    categories_of,
    is_given,
    table_of,
    two_sided,
)
from analysis.results import Estimate, NotEstimable, Test


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights | None = None,
    categories: Sequence | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the agreement of two raters beyond chance (Cohen 1960, 1968).

    Args:
        first, second: (images,) answers; images without an answer of both are left out.
        weights: how near misses count: not at all (None), falling with the distance of the
            answers (linear), or with its square. Distances are those of numbers, else of places
            in `categories`.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.

    Returns:
        Kappa with the variance of Fleiss, Cohen and Everitt (1969, Psychol Bull 72:323, eq. 8)
        and a normal interval; none where all agree, all disagree, or a rater always gave the
        same answer.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
        ValueError: shapes differ, or an answer is not among the categories.
    """
    pair = _Pair(first, second, weights, categories)
    mean_weight = pair.row_weight[:, None] + pair.column_weight
    spread = (
        pair.shares * (pair.weight * (1 - pair.chance) - mean_weight * (1 - pair.observed)) ** 2
    ).sum()
    rest = (pair.observed * pair.chance - 2 * pair.chance + pair.observed) ** 2
    left = spread - rest if spread - rest > 1e-14 else 0.0  # rounding
    se = sqrt(left / pair.n) / (1 - pair.chance) ** 2
    name = f"Cohen's kappa{f', {weights} weights' if weights else ''}"
    return _normal(pair.kappa, se, level, pair.n, name, agreed=pair.observed == 1.0)


def cohen_kappa_test(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights | None = None,
    categories: Sequence | None = None,
) -> Test:
    """Test whether two raters agree beyond chance, as `cohen_kappa` measures it.

    z with the variance under no association of Fleiss, Cohen and Everitt (1969, eq. 9), two-sided.
    """
    pair = _Pair(first, second, weights, categories)
    mean_weight = pair.row_weight[:, None] + pair.column_weight
    spread = (pair.expected * (pair.weight - mean_weight) ** 2).sum() - pair.chance**2
    if spread <= 1e-15:
        raise NotEstimable("one rater always gave the same answer")
    z = pair.kappa * (1 - pair.chance) / sqrt(spread / pair.n)
    return Test(z, p=two_sided(z), method="Cohen's kappa against 0")


class _Pair:
    """Two raters' shares of answers, as (categories, categories), and what follows from them."""

    def __init__(
        self,
        first: ArrayLike,
        second: ArrayLike,
        weights: Weights | None,
        categories: Sequence | None,
    ) -> None:
        one, two = table_of(first), table_of(second)
        if one.shape != two.shape or one.ndim != 1:
            raise ValueError(f"answers {one.shape} and {two.shape} must be equal vectors")
        known = is_given(one) & is_given(two)
        one, two = one[known], two[known]
        self.n = one.size
        if not self.n:
            raise NotEstimable("no image has the answers of two raters")
        values = categories_of(np.concatenate([one, two]), categories)
        order = np.argsort(values)
        rows, columns = (order[np.searchsorted(values[order], side)] for side in (one, two))
        counts = np.zeros((len(values), len(values)))
        np.add.at(counts, (rows, columns), 1)
        self.shares = counts / self.n
        across, down = self.shares.sum(axis=1), self.shares.sum(axis=0)
        self.expected = np.outer(across, down)
        self.weight = agreement_weights(values, weights)
        self.row_weight, self.column_weight = self.weight @ down, across @ self.weight
        self.observed = float((self.shares * self.weight).sum())
        self.chance = float((self.expected * self.weight).sum())
        if 1 - self.chance < 1e-12:
            raise NotEstimable(ALL_ALIKE)
        if np.trace(counts) == self.n:
            self.observed = 1.0  # not by a rounding error less
        self.kappa = (self.observed - self.chance) / (1 - self.chance)


def _normal(value: float, se: float, level: float, n: int, name: str, *, agreed: bool) -> Estimate:
    if agreed:
        return Estimate(value, n=n, method=f"{name}; all agree: no interval")
    if not se:
        return Estimate(value, n=n, method=f"{name}; {NO_SPREAD}")
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Estimate(value, se, None, low, high, level, n, f"{name}; images random")
