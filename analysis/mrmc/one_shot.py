"""The area from all comparisons of all readers, whatever each has read: U-statistics.

The one-shot estimate of Gallas (2006, Acad Radiol 13:353) for any design, missing cells, split
plots and unpaired readers included (Gallas, Bandos, Samuelson and Wagner 2009, Commun Stat Theory
Methods 38:2586; Gallas and Brown 2008, Neural Netw 21:387). A reader who has read more counts for
more, as each comparison of a positive with a negative has the same weight; in `obuchowski_rockette`
each reader has the same weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.mrmc.cells import Flags, Floats, Label, as_study, labels_of, placements, success
from analysis.mrmc.inference import ZERO, Pair
from analysis.results import Estimate, NotEstimable, Test

# Sums over pairs of comparisons that share readers, positives and negatives at least, to sums over
# pairs that share exactly those (Gallas et al. 2009). Order: the pair shares reader,
# positive and negative; reader and positive; reader and negative; reader; then without reader.
_EXACTLY = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [-1, 1, 0, 0, 0, 0, 0, 0],
        [-1, 0, 1, 0, 0, 0, 0, 0],
        [1, -1, -1, 1, 0, 0, 0, 0],
        [-1, 0, 0, 0, 1, 0, 0, 0],
        [1, -1, 0, 0, -1, 1, 0, 0],
        [1, 0, -1, 0, -1, 0, 1, 0],
        [-1, 1, 1, -1, 1, -1, -1, 1],
    ]
)
# Variance components of negatives, positives and readers alone from the moments (eq. 19 there),
# and which coefficients weigh each of them.
_ALONE = np.array([[0, 0, 0, 0, 0, 0, 1, -1], [0, 0, 0, 0, 0, 1, 0, -1], [0, 0, 0, 1, 0, 0, 0, -1]])
_WEIGHT = np.array([[1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]])


@dataclass(frozen=True)
class Moments:
    """Second moments of success over pairs of comparisons, and what they weigh in the variance.

    Attributes:
        coefficients: (8,) c_k; the variance is the sum of c_k M_k.
        unbiased: (8,) M_k over pairs that share exactly what k says; None where no pair does.
        mle: (8,) the same over pairs that share at least that (V-statistics).
    """

    coefficients: tuple[float, ...]
    unbiased: tuple[float | None, ...]
    mle: tuple[float, ...]


@dataclass(frozen=True)
class OneShot:
    """An area, or a difference of two, with its variance over readers and cases.

    Attributes:
        estimate: with the t interval on floor(df_BDG) degrees (normal above 50); `df` is df_BDG.
        test: of chance (0.5) for an area, of 0 for a difference; same distribution.
        normal: the estimate with a normal interval.
        variance_unbiased: U-statistic variance; can be negative; None where the design has no
            two comparisons without anything in common.
        variance_mle: V-statistic variance, never negative.
        used: "unbiased", or "mle" where the unbiased variance is negative or missing.
        df_minimum: the least that df_BDG can be (Gaylor and Hopper 1969, Technometrics 11:691).
    """

    estimate: Estimate
    test: Test
    normal: Estimate
    variance_unbiased: float | None
    variance_mle: float
    used: str
    df_minimum: float | None


@dataclass(frozen=True)
class UStatistics:
    """All treatments, and all pairs of them.

    Attributes:
        areas: of each treatment.
        contrasts: of each pair, first minus second.
        moments: of each treatment with itself and of each pair.
        readers, positives, negatives: how many have a rating that counts.
    """

    areas: Mapping[Label, OneShot]
    contrasts: Mapping[Pair, OneShot]
    moments: Mapping[Pair, Moments]
    readers: int
    positives: int
    negatives: int

    @property
    def estimates(self) -> Mapping[Label, Estimate]:
        """Each treatment's area, with the t interval."""
        return {label: area.estimate for label, area in self.areas.items()}

    @property
    def differences(self) -> Mapping[Pair, Estimate]:
        """Pairwise differences of areas, with the t interval."""
        return {pair: contrast.estimate for pair, contrast in self.contrasts.items()}


def u_statistic(
    ratings: ArrayLike,
    truth: ArrayLike,
    *,
    treatments: Sequence[Label] | None = None,
    variance: str = "unbiased",
    level: float = 0.95,
) -> UStatistics:
    """Estimate areas and their differences over readers and cases for any design.

    Args:
        ratings: (treatments, readers, cases), higher speaks for a positive; (readers, cases) is
            one treatment. NaN: not read. The same reader has the same row in all treatments.
        truth: (cases,) 1 positive (synthetic), 0 negative (real).
        treatments: labels; 0, 1, ... without them.
        variance: "unbiased" (U-statistics; falls back on the other where negative) or "mle"
            (V-statistics, the ideal bootstrap; too large by little).
        level: coverage of the intervals.

    Raises:
        NotEstimable: a treatment has no comparison of a positive with a negative.
        ValueError: shapes, labels or options that make no sense.
    """
    if variance not in ("unbiased", "mle"):
        raise ValueError(f"variance '{variance}' is unknown; use unbiased or mle")
    table, positive = as_study(ratings, truth)
    rows = labels_of("treatments", treatments, len(table))
    sums = _Sums(table, positive)
    for row, comparisons in zip(rows, sums.comparisons.sum(axis=1), strict=True):
        if not comparisons:
            raise NotEstimable(f"treatment {row}: no reader has rated cases of both classes")
    areas = sums.total.sum(axis=1) / sums.comparisons.sum(axis=1)
    parts = {
        (i, k): _Part.of(*sums.products(i, k), sums.readers_of(i, k))
        for i in range(len(rows))
        for k in range(i, len(rows))
    }
    counts = (~np.isnan(table)).sum(axis=(1, 2))

    def conclude(part: "_Part", value: float, centre: float, n: int) -> OneShot:
        return _conclude(part, value, centre, n, variance, level)

    return UStatistics(
        {
            row: conclude(parts[i, i], float(areas[i]), 0.5, int(counts[i]))
            for i, row in enumerate(rows)
        },
        {
            (rows[i], rows[k]): conclude(
                parts[i, i].minus(parts[k, k], parts[i, k]),
                float(areas[i] - areas[k]),
                0.0,
                int(counts[i] + counts[k]),
            )
            for i, k in combinations(range(len(rows)), 2)
        },
        {(rows[i], rows[k]): part.moments for (i, k), part in parts.items()},
        int(sums.reads.any(axis=0).sum()),
        int((~np.isnan(table[..., positive])).any(axis=(0, 1)).sum()),
        int((~np.isnan(table[..., ~positive])).any(axis=(0, 1)).sum()),
    )


class _Sums:
    """Success summed over comparisons, for each treatment and reader; and how many there are."""

    def __init__(self, table: Floats, truth: Flags) -> None:
        treatments, readers, _ = table.shape
        self.shape = (treatments, readers)
        given = (~np.isnan(table)).astype(float)
        self.given_positive, self.given_negative = given[..., truth], given[..., ~truth]
        m, n = self.given_positive.sum(axis=2), self.given_negative.sum(axis=2)
        self.comparisons = m * n
        self.reads = self.comparisons > 0
        flat = table.reshape(-1, table.shape[2])
        placed = placements(flat, ~np.isnan(flat), truth).reshape(table.shape)
        self.of_positive = placed[..., truth] * n[..., None]
        self.of_negative = placed[..., ~truth] * m[..., None]
        pairs = (treatments, treatments)
        self.same_reader, self.any_reader = np.zeros(pairs), np.zeros(pairs)
        for wins in success(flat, truth):
            split = wins.reshape(treatments, readers, -1)
            for reader in range(readers):
                self.same_reader += split[:, reader] @ split[:, reader].T
            together = split.sum(axis=1).astype(float)
            self.any_reader += together @ together.T
        self.total = self.of_positive.sum(axis=2)

    def readers_of(self, i: int, k: int) -> int:
        """Return how many readers have read under either treatment."""
        return int((self.reads[i] | self.reads[k]).sum())

    def products(self, i: int, k: int) -> tuple[Floats, Floats]:
        """Return (8,) sums of products of success over pairs of comparisons, and their numbers.

        Pairs share at least what the order of `_EXACTLY` says.
        """
        ones_p = self.given_positive * self.given_negative.sum(axis=2, keepdims=True)
        ones_n = self.given_negative * self.given_positive.sum(axis=2, keepdims=True)
        both = self.given_positive[i] * self.given_positive[k]
        both_n = self.given_negative[i] * self.given_negative[k]
        anybody = np.einsum(
            "rp,rn,sp,sn->",
            self.given_positive[i],
            self.given_negative[i],
            self.given_positive[k],
            self.given_negative[k],
            optimize=True,
        )
        wins = [
            self.same_reader[i, k],
            (self.of_positive[i] * self.of_positive[k]).sum(),
            (self.of_negative[i] * self.of_negative[k]).sum(),
            self.total[i] @ self.total[k],
            self.any_reader[i, k],
            self.of_positive[i].sum(axis=0) @ self.of_positive[k].sum(axis=0),
            self.of_negative[i].sum(axis=0) @ self.of_negative[k].sum(axis=0),
            self.total[i].sum() * self.total[k].sum(),
        ]
        numbers = [
            both.sum(axis=1) @ both_n.sum(axis=1),
            (ones_p[i] * ones_p[k]).sum(),
            (ones_n[i] * ones_n[k]).sum(),
            self.comparisons[i] @ self.comparisons[k],
            anybody,
            ones_p[i].sum(axis=0) @ ones_p[k].sum(axis=0),
            ones_n[i].sum(axis=0) @ ones_n[k].sum(axis=0),
            self.comparisons[i].sum() * self.comparisons[k].sum(),
        ]
        return np.array(wins, dtype=float), np.array(numbers, dtype=float)


@dataclass(frozen=True)
class _Part:
    """A (co)variance with what its degrees of freedom rest on.

    Attributes:
        unbiased, mle: the (co)variance; unbiased None where it cannot be had.
        alone: (3,) V-statistic components of negatives, positives and readers.
        df: (3,) their degrees of freedom; infinite where a component does not count.
    """

    moments: Moments
    unbiased: float | None
    mle: float
    alone: Floats
    df: Floats

    @classmethod
    def of(cls, wins: Floats, numbers: Floats, readers: int) -> "_Part":
        kinds = 8
        if readers == 1:  # no pair of comparisons is by two readers: readers are fixed
            wins, numbers, kinds = wins[:4], numbers[:4], 4
        exactly = _EXACTLY[:kinds, :kinds]
        numerators, denominators = exactly @ wins, exactly @ numbers
        some = denominators > 0.5  # counts of pairs
        unbiased = np.divide(numerators, denominators, out=np.zeros(kinds), where=some)
        mle = np.divide(wins, numbers, out=np.zeros(kinds), where=numbers > 0)
        coefficients = denominators / numbers[-1]
        coefficients[-1] -= 1
        alone, df = np.zeros(3), np.full(3, np.inf)
        rows = slice(0, 3) if kinds == 8 else slice(0, 2)
        if kinds == 8:
            # Without pairs that share a reader (a case), readers (cases) have nothing in common.
            alone = np.where(numbers[[6, 5, 3]] > 0, _ALONE @ mle, 0.0)
            weights = _WEIGHT @ coefficients
        else:
            alone[:2] = mle[2] - mle[3], mle[1] - mle[3]
            weights = np.array(
                [coefficients[0] + coefficients[2], coefficients[0] + coefficients[1]]
            )
        with np.errstate(divide="ignore"):
            df[rows] = np.round(1 / weights - 1)
        return cls(
            Moments(
                tuple(coefficients.tolist()),
                tuple(float(m) if there else None for m, there in zip(unbiased, some, strict=True)),
                tuple(mle.tolist()),
            ),
            float(coefficients @ unbiased) if some[-1] else None,
            float(coefficients @ mle),
            alone,
            df,
        )

    def minus(self, other: "_Part", between: "_Part") -> "_Part":
        """Return the part of a difference."""
        raw = (self.unbiased, other.unbiased, between.unbiased)
        known = [each for each in raw if each is not None]
        return _Part(
            between.moments,
            known[0] + known[1] - 2 * known[2] if len(known) == 3 else None,
            self.mle + other.mle - 2 * between.mle,
            self.alone + other.alone - 2 * between.alone,
            np.minimum(self.df, other.df),
        )

    def df_bdg(self, variance: float) -> tuple[float | None, float | None]:
        """Return df_BDG and its minimum; None where nothing varies but by interaction."""
        least = float(self.df.min())
        if not 0 < least < np.inf:
            return None, None
        counted = np.isfinite(self.df)
        spread = float((self.alone[counted] ** 2 / self.df[counted] ** 3).sum())
        if spread < 1e-40:
            return None, least
        return max(variance**2 / spread, least), least


def _conclude(
    part: _Part, value: float, centre: float, n: int, variance: str, level: float
) -> OneShot:
    used, spread = "mle", part.mle
    if variance == "unbiased" and part.unbiased is not None and part.unbiased > -ZERO:
        used, spread = "unbiased", part.unbiased
    df, least = part.df_bdg(spread)
    words = "U-statistics, each comparison of equal weight: raters and images random"
    if used == "mle":
        words = words.replace("U-", "V-")
        if variance == "unbiased":
            missing = part.unbiased is None
            words += f" (the unbiased variance is {'not to be had' if missing else 'negative'})"
    if np.isinf(part.df[2]):
        words = words.replace("raters and images random", "images random, one rater")
    bounds = (-1.0, 1.0) if centre == 0 else (0.0, 1.0)
    if spread < ZERO:
        nothing = Estimate(value, n=n, method=f"{words}; no interval: nothing varies")
        alike = centre == 0 and abs(value) < 1e-10
        test = Test(p=1.0 if alike else None, method=f"{words}; nothing varies")
        return OneShot(nothing, test, nothing, part.unbiased, part.mle, used, least)
    se = sqrt(spread)
    law = stats.norm() if df is None or df > 50 else stats.t(floor(df))
    statistic = (value - centre) / se

    def with_half(half: float, degrees: float | None, method: str) -> Estimate:
        return Estimate(
            value,
            se,
            degrees,
            max(bounds[0], value - half),
            min(bounds[1], value + half),
            level,
            n,
            method,
        )

    tail = (1 + level) / 2
    return OneShot(
        with_half(float(law.ppf(tail)) * se, df, words),
        Test(statistic, None, df, float(2 * law.sf(abs(statistic))), words),
        with_half(float(stats.norm.ppf(tail)) * se, None, f"{words}; normal interval"),
        part.unbiased,
        part.mle,
        used,
        least,
    )
