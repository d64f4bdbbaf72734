"""What a study of so many readers and cases can show, from the variances of a pilot.

Hillis, Obuchowski and Berbaum (2011, Acad Radiol 18:129) for two treatments and, with the same
algebra, for one treatment against a value: the variance of what is tested is
reader/R + case/N + reader_case/(R N), its degrees of freedom those of the analysis.
`analysis.planning` simulates whole studies instead, where one rate is held against chance and there
is no pilot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from analysis.mrmc.analysis_of_variance import ObuchowskiRockette
from analysis.mrmc.inference import FIXED_CASES, FIXED_READERS, RANDOM, SCOPE
from analysis.results import NotEstimable


@dataclass(frozen=True)
class Variances:
    """Where the variance of a mean of readers, or of a difference of two, comes from.

    Attributes:
        reader: between readers, beyond what cases explain.
        case: between cases, alike for all readers.
        reader_case: what is left, of one reader and one case.
    """

    reader: float
    case: float
    reader_case: float

    def __post_init__(self) -> None:
        if min(self.reader, self.case, self.reader_case) < 0:
            raise ValueError(f"a variance cannot be negative: {self}")

    def of_mean(self, readers: int, cases: int) -> float:
        """Return the variance with so many readers and cases."""
        return self.reader / readers + self.case / cases + self.reader_case / (readers * cases)

    def of_logit(self, share: float) -> "Variances":
        """Return the variances of the logit of a mean share, where it is near `share`.

        By the delta method, as the limits of `analysis.mrmc.proportion`. What is asked of such
        variances, a difference or a margin, is on the logit scale, too.
        """
        scale = (share * (1 - share)) ** -2
        return Variances(scale * self.reader, scale * self.case, scale * self.reader_case)


@dataclass(frozen=True)
class Power:
    """What to expect of a study.

    Attributes:
        power: probability of the wanted verdict.
        se: expected standard error.
        df: expected degrees of freedom; None is normal.
        readers, cases: the size of the study.
        method: what is tested and what is random, in words fit for a report.
    """

    power: float
    se: float
    df: float | None
    readers: int
    cases: int
    method: str

    def half_width(self, level: float = 0.95) -> float:
        """Return half of the width to be expected of the interval."""
        tail = (1 + level) / 2
        return self.se * float(
            stats.norm.ppf(tail) if self.df is None else stats.t.ppf(tail, self.df)
        )


def variances(pilot: ObuchowskiRockette) -> Variances:
    """Return the variances that an analysed pilot suggests for a study of the same design.

    Of a difference of two treatments if the pilot has several, otherwise of the mean; negative
    estimates count as 0. Errors over cases are taken to shrink with
    the number of cases, classes in the same proportions as in the pilot.

    Raises:
        NotEstimable: the pilot has one reader, or other readers for each treatment.
    """
    c = pilot.components
    if c.ms_r is None:
        raise NotEstimable("a pilot of one reader says nothing of how readers differ")
    if len(pilot.treatments) == 1:
        shared = max(c.cov2 or 0.0, 0.0)
        own = max(c.var_e - shared, 0.0)
        return Variances(max(c.ms_r - own, 0.0), c.cases * shared, c.cases * own)
    if c.ms_tr is None:
        raise NotEstimable("readers must read under both treatments in the pilot")
    shared = max((c.cov2 or 0.0) - (c.cov3 or 0.0), 0.0)
    own = max(c.var_e - (c.cov1 or 0.0) - shared, 0.0)
    return Variances(2 * max(c.ms_tr - own, 0.0), 2 * c.cases * shared, 2 * c.cases * own)


def power(
    expected: Variances,
    *,
    readers: int,
    cases: int,
    difference: float,
    margin: float | None = None,
    scope: str = RANDOM,
    level: float = 0.95,
) -> Power:
    """Return the probability that a study shows what is there.

    Args:
        expected: variances, of a pilot or assumed.
        readers, cases: the size of the study.
        difference: the true difference of two treatments, or of a mean from the tested value.
        margin: None asks for a difference from 0 (two-sided test at 1 - `level`); a margin asks
            for equivalence to 0, that is the two one-sided tests at 1 - `level`, or the interval
            of level 2 `level` - 1 within plus and minus the margin.
        scope: "random" (readers and cases), "fixed_readers" or "fixed_cases".
        level: one minus the size of the test.

    Raises:
        ValueError: sizes or options that make no sense.
    """
    if scope not in SCOPE:
        raise ValueError(f"scope '{scope}' is unknown; use {', '.join(SCOPE)}")
    if readers < 1 or cases < 2:
        raise ValueError("a study has at least one reader and two cases")
    if readers == 1 and scope != FIXED_READERS:
        raise ValueError("one reader says nothing of others: ask for fixed_readers")
    if margin is not None and margin <= 0:
        raise ValueError(f"a margin of {margin:g} makes no sense; choose one above 0")
    one = expected.reader + expected.reader_case / cases
    if scope == FIXED_READERS:
        variance, df = (expected.case + expected.reader_case / readers) / cases, None
    elif scope == FIXED_CASES:
        variance, df = one / readers, float(readers - 1)
    else:
        variance = expected.of_mean(readers, cases)
        df = (readers * variance) ** 2 / (one**2 / (readers - 1)) if one else None
    if variance <= 0:
        raise ValueError("nothing varies under these variances: no study is needed")
    se = sqrt(variance)
    found = (
        _of_difference(difference / se, df, level)
        if margin is None
        else _of_equivalence(difference, margin, se, df, level)
    )
    aim = "a difference" if margin is None else f"equivalence within {margin:g}"
    return Power(found, se, df, readers, cases, f"{aim}; {SCOPE[scope]}")


def fewest_readers(
    expected: Variances,
    *,
    cases: int,
    difference: float,
    margin: float | None = None,
    wanted: float = 0.8,
    level: float = 0.95,
    most: int = 1000,
) -> Power | None:
    """Return the smallest study by readers that has the wanted power; None if `most` are too few.

    Arguments as in `power`, readers and cases random.
    """

    def of(readers: int) -> Power:
        return power(
            expected,
            readers=readers,
            cases=cases,
            difference=difference,
            margin=margin,
            level=level,
        )

    return _fewest(of, most, wanted)


def fewest_cases(
    expected: Variances,
    *,
    readers: int,
    difference: float,
    margin: float | None = None,
    wanted: float = 0.8,
    level: float = 0.95,
    most: int = 100_000,
) -> Power | None:
    """Return the smallest study by cases that has the wanted power; None if `most` are too few.

    No number of cases makes up for too few readers. Arguments as in `power`, both random.
    """

    def of(cases: int) -> Power:
        return power(
            expected,
            readers=readers,
            cases=cases,
            difference=difference,
            margin=margin,
            level=level,
        )

    return _fewest(of, most, wanted)


def _fewest(of: Callable[[int], Power], most: int, wanted: float) -> Power | None:
    """Return the first size from 2 on that has the wanted power, which rises with it."""
    low, high = 1, 2
    while of(high).power < wanted:
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if of(middle).power >= wanted else (middle, high)
    return of(high)


def _of_difference(effect: float, df: float | None, level: float) -> float:
    """Return the power of the two-sided F (chi-squared) test with one numerator degree."""
    if df is None:
        return float(stats.ncx2.sf(stats.chi2.ppf(level, 1), 1, effect**2)) if effect else 1 - level
    limit = float(stats.f.ppf(level, 1, df))
    return float(stats.ncf.sf(limit, 1, df, effect**2)) if effect else 1 - level


def _of_equivalence(
    difference: float, margin: float, se: float, df: float | None, level: float
) -> float:
    """Return the power of the two one-sided tests: over the estimated standard error."""
    if df is None:
        ratio, limit = np.array([1.0]), float(stats.norm.ppf(level))
    else:
        # Quantile midpoints of s/sigma: the standard error is itself estimated.
        shares = (np.arange(2000) + 0.5) / 2000
        ratio, limit = np.sqrt(stats.chi2.ppf(shares, df) / df), float(stats.t.ppf(level, df))
    room = margin - limit * ratio * se
    inside = stats.norm.cdf((room - difference) / se) - stats.norm.cdf((-room - difference) / se)
    return float(np.where(room > 0, inside, 0.0).mean())
