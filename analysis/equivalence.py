"""Equivalence to a value: what an estimate shows of how far the truth is from it.

Not having shown a difference is no equivalence. Two one-sided tests (Schuirmann 1987, J
Pharmacokinet Biopharm 15:657) show it: the 90 % interval within the margin, which was fixed before
the data.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scipy import special, stats

from analysis.proportions import clopper_pearson, tost_exact, verdict
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown

EQUIVALENT, DIFFERENT = "equivalent", "different"
WITHIN, INCONCLUSIVE = "different but within margin", "inconclusive"

Transform = Callable[[float], float]


@dataclass(frozen=True)
class Judgement:
    """A measure held against the value that it has by chance.

    Attributes:
        centre: that value.
        margin: how far from it still counts as equivalent; None where nobody fixed one.
        estimate: with the 95 % interval, which decides about a difference.
        narrow: the same with the 90 % interval, which decides about equivalence.
        difference: that the measure is `centre`, two-sided.
        equivalence: that it lies outside the margin; p is the larger of the two one-sided ones.
            None without a margin.
        verdict: "equivalent", "different", "different but within margin" or "inconclusive";
            without a margin "different" or "inconclusive".
    """

    centre: float
    margin: float | None
    estimate: Number
    narrow: Number
    difference: Test
    equivalence: Test | None
    verdict: str


def judge(
    statistic: Callable[[float], Estimate],
    margin: float | None,
    centre: float = 0.5,
    *,
    logit: bool = False,
) -> Judgement:
    """Hold a statistic against `centre`.

    Args:
        statistic: from the level of its interval to the estimate.
        margin: None makes no statement on equivalence.
        centre: the value of chance.
        logit: the interval is on the logit scale, and so are the tests.
    """
    try:
        wide, narrow = statistic(0.95), statistic(0.90)
    except NotEstimable as why:
        return _unknown(Unknown(str(why)), margin, centre)
    far, distances = _distances(wide, margin, centre, logit)
    equivalence = None
    if margin is not None:
        p = None if distances is None else max(_tail(one, wide.df) for one in distances)
        equivalence = Test(p=p, method=_words("two one-sided tests", wide))
    difference = Test(
        far,
        None,
        wide.df,
        None if far is None else min(2 * _tail(abs(far), wide.df), 1.0),
        _words(f"against {centre:g}", wide),
    )
    return Judgement(
        centre,
        margin,
        wide,
        narrow,
        difference,
        equivalence,
        _verdict(narrow, wide, margin, centre),
    )


def judge_share(successes: int, n: int, margin: float | None, centre: float = 0.5) -> Judgement:
    """Hold one rater's share of answers against `centre`, exactly.

    Intervals are Clopper and Pearson's, so that they say what the exact tests say.
    """
    if not n:
        return _unknown(Unknown("no answers"), margin, centre)
    wide, narrow = clopper_pearson(successes, n), clopper_pearson(successes, n, 0.90)
    return Judgement(
        centre,
        margin,
        wide,
        narrow,
        Test(
            successes,
            p=float(stats.binomtest(successes, n, centre).pvalue),
            method="exact binomial test: one rater",
        ),
        None if margin is None else tost_exact(successes, n, margin, centre),
        _verdict(narrow, wide, margin, centre),
    )


def _unknown(why: Unknown, margin: float | None, centre: float) -> Judgement:
    test = Test(method=why.reason)
    return Judgement(centre, margin, why, why, test, None if margin is None else test, INCONCLUSIVE)


def _distances(
    wide: Estimate, margin: float | None, centre: float, logit: bool
) -> tuple[float | None, tuple[float, float] | None]:
    """Return how many standard errors the estimate is from the centre and inside each bound."""
    if wide.se is None or not wide.se:
        return None, None
    scale: Transform = special.logit if logit else float
    # On the logit scale the standard error is that of the interval's own half width.
    se = wide.se / (wide.value * (1 - wide.value)) if logit else wide.se
    far = float(scale(wide.value) - scale(centre)) / se
    if margin is None:
        return far, None
    above = (scale(wide.value) - scale(centre - margin)) / se
    below = (scale(centre + margin) - scale(wide.value)) / se
    return far, (above, below)


def _tail(distance: float, df: float | None) -> float:
    return float(stats.norm.sf(distance) if df is None else stats.t.sf(distance, df))


def _words(test: str, estimate: Estimate) -> str:
    none = "" if estimate.se else "no test, the interval decides; "
    return f"{none}{test}; {estimate.method}"


def _verdict(narrow: Estimate, wide: Estimate, margin: float | None, centre: float) -> str:
    if wide.low is None and wide.high is None:
        return INCONCLUSIVE
    # No interval lies strictly within a margin of 0: nothing is equivalent without one.
    return verdict(narrow, wide, margin or 0.0, centre)
