"""Intervals of one proportion of independent answers: one rater, images as the sample."""

from math import sqrt

from scipy import stats

from analysis.results import Estimate, NotEstimable


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
    share = _share(successes, n)
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
    share = _share(successes, n)
    tail = (1 - level) / 2
    return Estimate(
        value=share,
        low=0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1)),
        high=1.0 if successes == n else float(stats.beta.isf(tail, successes + 1, n - successes)),
        level=level,
        n=n,
        method="Clopper-Pearson exact interval",
    )


def _share(successes: int, n: int) -> float:
    if n == 0:
        raise NotEstimable("no answers")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a count of successes")
    return successes / n
