"""Proportions of independent answers: one rater, images as the sample.

What pools several raters is in `analysis.mrmc`: their answers about one image go together, and
the intervals and tests of this module would be too sure.
"""

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.results import Estimate, NotEstimable, Test

Floats = NDArray[np.float64]


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """Return a proportion with the score interval of Wilson (1927, JASA 22:209).

    Args:
        successes: how many of the `n` answers count.
        n: number of independent answers.
        level: coverage of the interval.

    Raises:
        NotEstimable: `n` is 0.
        ValueError: `successes` is not within 0..n.
    """
    successes, n, share = _share(successes, n)
    z = float(stats.norm.ppf((1 + level) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Estimate(
        value=share,
        low=0.0 if successes == 0 else centre - half,
        high=1.0 if successes == n else centre + half,
        level=level,
        n=n,
        method="Wilson score interval",
    )


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """Return a proportion with the exact interval of Clopper and Pearson (1934, Biometrika 26:404).

    Its coverage is never below `level`, so it is wider than Wilson's.

    Raises:
        NotEstimable: `n` is 0.
        ValueError: `successes` is not within 0..n.
    """
    successes, n, share = _share(successes, n)
    tail = (1 - level) / 2
    return Estimate(
        value=share,
        low=0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1)),
        high=1.0 if successes == n else float(stats.beta.isf(tail, successes + 1, n - successes)),
        level=level,
        n=n,
        method="Clopper-Pearson exact interval",
    )


def tost_exact(successes: int, n: int, margin: float, centre: float = 0.5) -> Test:
    """Test whether one rater's share is within `margin` of `centre`, exactly.

    Two one-sided binomial tests (Schuirmann 1987, J Pharmacokinet Biopharm 15:657): p is the
    larger of P(X >= x | centre - margin) and P(X <= x | centre + margin). Below 0.05 the 90 %
    interval of Clopper and Pearson lies within the margin.

    Args:
        successes: how many of the `n` answers count.
        n: number of independent answers.
        margin: how far from `centre` still counts as equivalent, fixed before any data.
        centre: the share to be equivalent to; 0.5 is chance.

    Returns:
        The test, its statistic being the share.

    Raises:
        NotEstimable: `n` is 0.
        ValueError: `centre` +- `margin` is not within 0..1, or `successes` not within 0..n.
    """
    successes, n, share = _share(successes, n)
    if not (margin > 0 and centre - margin >= 0 and centre + margin <= 1):
        raise ValueError(f"{centre} +- {margin} is no band within 0 and 1")
    above = float(stats.binom.sf(successes - 1, n, centre - margin))
    below = float(stats.binom.cdf(successes, n, centre + margin))
    return Test(share, p=max(above, below), method=f"exact TOST, {centre:g} +- {margin:g}")


def tost_power(
    n: int, margin: float, rate: float, centre: float = 0.5, level: float = 0.95
) -> float:
    """Return the probability that `tost_exact` shows equivalence of n answers at this rate.

    It rises in saw-teeth: a few answers more can have a little less.
    """
    counts = np.arange(n + 1)
    p = np.maximum(
        stats.binom.sf(counts - 1, n, centre - margin), stats.binom.cdf(counts, n, centre + margin)
    )
    return float(stats.binom.pmf(counts, n, rate)[p <= 1 - level].sum())


def verdict(narrow: Estimate, wide: Estimate, margin: float, centre: float = 0.5) -> str:
    """Say what two intervals of one quantity show about its being equivalent to `centre`.

    Args:
        narrow: with the 90 % interval, which decides about equivalence at 5 %.
        wide: with the 95 % interval, which decides about a difference at 5 %.
        margin: how far from `centre` still counts as equivalent, fixed before any data.
        centre: the value to be equivalent to.

    Returns:
        "equivalent", "different", "different but within margin" (both), or "inconclusive", also
        where there is no interval: not having shown a difference is no equivalence.
    """
    equivalent = (
        narrow.low is not None
        and narrow.high is not None
        and centre - margin < narrow.low
        and narrow.high < centre + margin
    )
    different = (
        wide.low is not None and wide.high is not None and not wide.low <= centre <= wide.high
    )
    if equivalent:
        return "different but within margin" if different else "equivalent"
    return "different" if different else "inconclusive"


def mcnemar(first_only: int, second_only: int, *, mid_p: bool = False) -> Test:
    """Test whether two ways to answer about the same images are right equally often.

    The exact test of McNemar (1947, Psychometrika 12:153): twice the smaller binomial tail of the
    discordant pairs, at most 1, or its mid-p version, which counts the observed table by half
    (Fagerland et al. 2013, BMC Med Res Methodol 13:91). For one rater, or one rater and a machine:
    tables of several raters must not be added up.

    Args:
        first_only, second_only: images that only the first, or only the second, got right.
        mid_p: less conservative, not exact.

    Returns:
        The test, its statistic being the smaller count; without discordant pairs p is 1.

    Raises:
        ValueError: a count is negative.
    """
    first_only, second_only = _counts(first_only, second_only)
    fewer, n = min(first_only, second_only), first_only + second_only
    p = 2 * float(stats.binom.cdf(fewer, n, 0.5))
    if mid_p:
        p -= float(stats.binom.pmf(fewer, n, 0.5))
    return Test(fewer, p=min(p, 1.0), method=f"McNemar, {'mid-p' if mid_p else 'exact'}")


def newcombe_difference(
    both: int,
    first_only: int,
    second_only: int,
    neither: int,
    level: float = 0.95,
    *,
    continuity: bool = True,
) -> Estimate:
    """Return the difference of two shares over the same images, first minus second.

    The squares of the distances to the ends of Wilson's intervals are added with the correlation
    of the pairs: method 10 of Newcombe (1998, Stat Med 17:2635).

    Args:
        both, first_only, second_only, neither: images by what counts.
        level: coverage of the interval.
        continuity: correct the correlation for continuity (method 10), or not (method 8).

    Raises:
        NotEstimable: there are no images.
        ValueError: a count is negative.
    """
    both, first_only, second_only, neither = _counts(both, first_only, second_only, neither)
    n = both + first_only + second_only + neither
    first, second = wilson(both + first_only, n, level), wilson(both + second_only, n, level)
    margins = (
        (both + first_only)
        * (second_only + neither)
        * (both + second_only)
        * (first_only + neither)
    )
    product: float = both * neither - first_only * second_only
    if continuity and product > 0:
        product = max(product - n / 2, 0)
    correlation = product / sqrt(margins) if margins else 0.0
    method = f"Newcombe paired, method {10 if continuity else 8}"
    return _square_and_add(first, second, correlation, n, method)


def newcombe_independent(
    successes: tuple[int, int], n: tuple[int, int], level: float = 0.95
) -> Estimate:
    """Return the difference of two shares over different images, first minus second.

    Method 10, the hybrid of Wilson's intervals, of Newcombe (1998, Stat Med 17:873).

    Raises:
        NotEstimable: one `n` is 0.
        ValueError: some `successes` are not within 0..n.
    """
    first, second = (wilson(x, of, level) for x, of in zip(successes, n, strict=True))
    return _square_and_add(first, second, 0.0, sum(n), "Newcombe independent, hybrid score")


def mean_share(shares: Sequence[Estimate]) -> Estimate:
    """Return the plain mean of shares over different images, each with its interval.

    The limits are as far from the mean as the root of the shares' squared distances from theirs,
    over their number (Zou, Huang and Zhang 2009, Comput Stat Data Anal 53:1080).

    Raises:
        NotEstimable: there are no shares.
    """
    if not shares:
        raise NotEstimable("there are no shares to average")
    values, lows, highs = (
        np.array([getattr(share, end) for share in shares], float)
        for end in ("value", "low", "high")
    )
    mean = float(values.mean())
    return Estimate(
        mean,
        low=mean - float(np.linalg.norm(values - lows)) / len(shares),
        high=mean + float(np.linalg.norm(highs - values)) / len(shares),
        level=shares[0].level,
        n=sum(share.n or 0 for share in shares),
        method="plain mean of shares, limits of Zou, Huang and Zhang",
    )


def difference_of_shares(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two shares, or means of shares, over different images.

    The hybrid of their intervals, as in `newcombe_independent`.
    """
    n = (first.n or 0) + (second.n or 0)
    return _square_and_add(first, second, 0.0, n, "difference, hybrid of both intervals")


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted for a confirmatory family (Holm 1979, Scand J Stat 6:65).

    They hold the probability of any false positive; equal p stay equal, none exceeds 1, and the
    order is kept. What could not be tested is None, and does not count.

    Raises:
        ValueError: something is no p value.
    """
    return _adjusted(p_values, _step_down)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted for exploring (Benjamini and Hochberg 1995, J R Stat Soc B 57:289).

    They hold the expected share of false positives among the positives; else as `holm`.

    Raises:
        ValueError: something is no p value.
    """
    return _adjusted(p_values, stats.false_discovery_control)


def _share(successes: int, n: int) -> tuple[int, int, float]:
    """Return both counts as whole numbers, whatever type they came in, and their ratio."""
    if n == 0:
        raise NotEstimable("no answers")
    if not 0 <= successes <= n or successes != int(successes) or n != int(n):
        raise ValueError(f"{successes} of {n} is not a count of successes")
    return int(successes), int(n), int(successes) / int(n)


def _counts(*counts: int) -> tuple[int, ...]:
    if any(count < 0 or count != int(count) for count in counts):
        raise ValueError(f"{', '.join(map(str, counts))} are not counts")
    return tuple(int(count) for count in counts)


def _square_and_add(
    first: Estimate, second: Estimate, correlation: float, n: int, method: str
) -> Estimate:
    def root(a: float, b: float) -> float:
        return sqrt(max(a * a - 2 * correlation * a * b + b * b, 0.0))

    def sides(share: Estimate) -> tuple[float, float]:
        assert share.low is not None  # Wilson's ends are always there
        assert share.high is not None
        return share.value - share.low, share.high - share.value

    (down1, up1), (down2, up2) = sides(first), sides(second)
    value = first.value - second.value
    return Estimate(
        value,
        low=max(value - root(down1, up2), -1.0),
        high=min(value + root(up1, down2), 1.0),
        level=first.level,
        n=n,
        method=method,
    )


def _adjusted(
    p_values: Sequence[float | None], adjust: Callable[[Floats], Floats]
) -> list[float | None]:
    tested = [p for p in p_values if p is not None]
    if not all(0 <= p <= 1 for p in tested):
        raise ValueError(f"{tested} are no p values; give None for what could not be tested")
    adjusted = iter(adjust(np.array(tested, dtype=float)).tolist() if tested else ())
    return [None if p is None else next(adjusted) for p in p_values]


def _step_down(p: Floats) -> Floats:
    order = np.argsort(p)
    adjusted = np.empty(p.size)
    steps = np.arange(p.size, 0, -1) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
