"""Means over readers and their intervals: what the methods of this package have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from analysis.mrmc.cells import Flags, Floats, Label
from analysis.results import Estimate, Test

Pair = tuple[Label, Label]
Bounds = tuple[float, float] | None

RANDOM, FIXED_READERS, FIXED_CASES = "random", "fixed_readers", "fixed_cases"
SCOPE = {
    RANDOM: "raters and images random",
    FIXED_READERS: "images random, the result applies to these raters",
    FIXED_CASES: "raters random, the result applies to these images",
}

#: A variance or mean square below this is zero but for rounding.
ZERO = 1e-15


@dataclass(frozen=True)
class Inference:
    """What follows under one view of what is random.

    Attributes:
        estimates: mean over readers of each treatment.
        against: tests of each mean against the value that was named.
        differences: of each pair of treatments, first minus second.
        difference_tests: that a difference is 0.
        test: that all treatments are equal; with one treatment, that against the named value.
    """

    estimates: Mapping[Label, Estimate]
    against: Mapping[Label, Test]
    differences: Mapping[Pair, Estimate]
    difference_tests: Mapping[Pair, Test]
    test: Test


@dataclass(frozen=True)
class ReaderMean:
    """The mean of readers under one treatment, by the model of Obuchowski and Rockette.

    Attributes:
        value: the mean of the readers' figures.
        readers: how many.
        ms_r: mean square of readers (within groups); None with one reader (in each group).
        df_r: its degrees of freedom.
        var_e: mean error variance.
        cov2: mean error covariance of two readers; None with one reader.
        cov2_within: the same of readers in one group; equal to `cov2` without groups.
    """

    value: float
    readers: int
    ms_r: float | None
    df_r: int
    var_e: float
    cov2: float | None
    cov2_within: float | None

    def variance(self, scope: str) -> tuple[float | None, float | None]:
        """Return the variance of the mean and its degrees of freedom; None is normal.

        Hillis (2007, Stat Med 26:596, section 5.3); with readers fixed, Hillis (2014).
        A negative covariance counts as none. The variance is None where one reader says nothing.
        """
        if scope == FIXED_READERS:
            spread = self.var_e + (self.readers - 1) * max(self.cov2 or 0.0, 0.0)
            return spread / self.readers, None
        if self.ms_r is None:
            return None, None
        if scope == FIXED_CASES:
            return self.ms_r / self.readers, float(self.df_r)
        within, overall = self.cov2_within or 0.0, self.cov2 or 0.0
        extra = within + (self.readers - 1) * overall
        total, df = satterthwaite(self.ms_r, extra, self.df_r)
        return total / self.readers, df


def reader_mean(values: Floats, covariance: Floats, groups: Floats | None = None) -> ReaderMean:
    """Summarise readers under one treatment.

    Args:
        values: (readers,) figures.
        covariance: (readers, readers) of their errors.
        groups: (readers,) a code for each, where groups of readers have cases of their own.
    """
    readers = len(values)
    codes = np.zeros(readers) if groups is None else groups
    together = codes[:, None] == codes
    others = ~np.eye(readers, dtype=bool)
    df = readers - len(np.unique(codes))
    centred = values - (together / together.sum(axis=1, keepdims=True)) @ values
    return ReaderMean(
        float(values.mean()),
        readers,
        float(centred @ centred / df) if df else None,
        df,
        float(np.diag(covariance).mean()),
        mean_of(covariance, others),
        mean_of(covariance, others & together),
    )


def mean_of(covariance: Floats, these: Flags) -> float | None:
    """Return the mean of some covariances, None where there is none of them."""
    return float(covariance[these].mean()) if these.any() else None


def satterthwaite(mean_square: float, extra: float, df: int) -> tuple[float, float | None]:
    """Return a mean square with a covariance term added, truncated at 0, and its df.

    ddf_H of Hillis (2007): the covariance term is taken for known. Without reader variance the
    degrees of freedom are not defined, and None stands for the normal distribution.
    """
    total = mean_square + max(extra, 0.0)
    if mean_square < ZERO:
        return total, None
    return total, total**2 / (mean_square**2 / df)


def interval(
    value: float,
    variance: float | None,
    df: float | None,
    *,
    level: float,
    bounds: Bounds,
    n: int,
    method: str,
) -> Estimate:
    """Return an estimate with a t interval (normal without df), clipped to its range."""
    if variance is None or variance < ZERO:
        return Estimate(value, n=n, method=f"{method}; no interval: {_why_not(variance)}")
    se = sqrt(variance)
    tail = (1 + level) / 2
    half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    low, high = value - half, value + half
    if bounds:
        low, high = max(bounds[0], low), min(bounds[1], high)
    return Estimate(value, se, df, low, high, level, n, method)


def on_logit_scale(share: Estimate) -> Estimate:
    """Return a share whose interval is symmetric for its logit, with the same error and df.

    By the delta method the logit has the standard error se / (p (1 - p)). Near 0 and 1, where a
    share errs by less to one side than to the other, such an interval holds the truth more nearly
    as often as it says (Brown, Cai and DasGupta 2001, Stat Sci 16:101, section 4.1.2).
    """
    if share.se is None or share.level is None or not 0 < share.value < 1:
        return share
    tail = (1 + share.level) / 2
    quantile = float(stats.norm.ppf(tail) if share.df is None else stats.t.ppf(tail, share.df))
    half = quantile * share.se / (share.value * (1 - share.value))
    low, high = (float(expit(logit(share.value) + side)) for side in (-half, half))
    return replace(share, low=low, high=high, method=f"{share.method}; limits on the logit scale")


def t_test(gap: float, variance: float | None, df: float | None, method: str) -> Test:
    """Return the two-sided test that a gap is 0: t with `df2` degrees, normal without."""
    if variance is None or variance < ZERO:
        return Test(method=f"{method}; no test: {_why_not(variance)}")
    statistic = gap / sqrt(variance)
    tail = stats.norm.sf(abs(statistic)) if df is None else stats.t.sf(abs(statistic), df)
    return Test(statistic, None, df, float(2 * tail), method)


def _why_not(variance: float | None) -> str:
    if variance is None:
        return "one rater says nothing of others"
    return "the unbiased variance is negative" if variance < -ZERO else "nothing varies"
