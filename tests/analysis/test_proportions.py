"""Tests and adjusted p values of independent answers, against R and by brute force."""

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy import stats

from analysis.proportions import (
    benjamini_hochberg,
    clopper_pearson,
    difference_of_shares,
    holm,
    mcnemar,
    mean_share,
    newcombe_difference,
    newcombe_independent,
    tost_exact,
    verdict,
    wilson,
)
from analysis.results import Estimate, NotEstimable


def test_exact_equivalence_agrees_with_r(expected):
    for case in expected("binomial/expected_binomial.json")["intervals"]:
        for margin in (0.05, 0.10):
            found = tost_exact(case["x"], case["n"], margin)
            assert found.p == pytest.approx(case[f"tost_exact_margin_{margin:.2f}"], rel=1e-9)


def test_exact_equivalence_is_the_ninety_percent_interval_within_the_margin():
    for x in range(61):
        interval = clopper_pearson(x, 60, level=0.9)
        within = interval.low > 0.35 and interval.high < 0.65
        assert (tost_exact(x, 60, 0.15).p < 0.05) == within


def test_equivalence_needs_answers_and_a_band_within_0_and_1():
    with pytest.raises(NotEstimable):
        tost_exact(0, 0, 0.1)
    with pytest.raises(ValueError, match="band"):
        tost_exact(5, 10, 0.6)
    with pytest.raises(ValueError, match="band"):
        tost_exact(5, 10, 0)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.45, 0.55, "equivalent"),
        (0.51, 0.58, "different but within margin"),
        (0.55, 0.65, "different"),
        (0.35, 0.55, "inconclusive"),
        (None, None, "inconclusive"),
    ],
)
def test_the_verdict_follows_from_both_intervals(low, high, said):
    interval = Estimate(0.5, low=low, high=high)

    assert verdict(interval, interval, margin=0.1) == said


def test_mcnemar_agrees_with_r(expected):
    for case in expected("binomial/expected_binomial.json")["mcnemar"]:
        b, c = case["b"], case["c"]
        assert mcnemar(b, c).p == pytest.approx(case["exact_p"], rel=1e-9)
        assert mcnemar(c, b, mid_p=True).p == pytest.approx(case["midp"], rel=1e-9)


def test_mcnemar_counts_every_table_as_rare_as_the_one_seen():
    for b, c in product(range(7), repeat=2):
        n = b + c
        exact = sum(comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= abs(b - c)) / 2**n
        assert mcnemar(b, c).p == pytest.approx(exact)
        assert mcnemar(b, c, mid_p=True).p <= mcnemar(b, c).p


def test_an_independent_difference_is_that_of_newcombe():
    # Newcombe 1998, Stat Med 17:873, table II, method 10, examples (a), (b) and (g).
    for x, n, low, high in (
        ((56, 48), (70, 80), 0.0524, 0.3339),
        ((9, 3), (10, 10), 0.1705, 0.8090),
        ((10, 0), (10, 20), 0.6791, 1.0000),
    ):
        found = newcombe_independent(x, n)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_a_mean_of_shares_has_the_limits_that_newcombes_difference_follows_from():
    # a - b is twice the mean of a and 1 - b, less 1: examples (a) and (b) of that table.
    for (x, y), (n, m), low, high in (
        ((56, 48), (70, 80), 0.0524, 0.3339),
        ((9, 3), (10, 10), 0.1705, 0.8090),
    ):
        found = mean_share([wilson(x, n), wilson(m - y, m)])
        assert (2 * found.low - 1, 2 * found.high - 1) == pytest.approx((low, high), abs=5e-5)
        own = difference_of_shares(wilson(x, n), wilson(y, m))
        assert (own.low, own.high) == pytest.approx((low, high), abs=5e-5)


def test_a_mean_of_shares_covers_as_it_says():
    rng, truth, sizes = np.random.default_rng(0), (0.95, 0.6, 0.2, 0.8), (20, 100, 60, 15)
    held = 0
    for _ in range(500):
        shares = [wilson(int(rng.binomial(n, p)), n) for n, p in zip(sizes, truth, strict=True)]
        found = mean_share(shares)
        held += found.low <= np.mean(truth) <= found.high

    assert 0.92 <= held / 500 <= 0.98


def test_a_paired_difference_is_that_of_newcombe():
    # Newcombe 1998, Stat Med 17:2635, on the 50 pairs of Armitage and Berry.
    found = newcombe_difference(20, 12, 2, 16)

    assert (found.low, found.high) == pytest.approx((0.0562, 0.3292), abs=5e-5)


def test_a_paired_difference_covers_as_it_says():
    """All tables of 20 pairs, weighted by their probability."""
    n, shares = 20, (0.45, 0.25, 0.1, 0.2)
    covered = {True: 0.0, False: 0.0}
    for a in range(n + 1):
        for b in range(n + 1 - a):
            for c in range(n + 1 - a - b):
                table = (a, b, c, n - a - b - c)
                weight = stats.multinomial.pmf(table, n, shares)
                for continuity in covered:
                    found = newcombe_difference(*table, continuity=continuity)
                    covered[continuity] += weight * (found.low <= 0.15 <= found.high)

    # Newcombe found method 10 to cover a little more, and both near 95 %, for few pairs.
    assert 0.93 < covered[False] < covered[True] < 0.97


def test_a_paired_difference_changes_sign_with_the_order_and_stays_within_bounds():
    found, turned = newcombe_difference(20, 12, 2, 16), newcombe_difference(20, 2, 12, 16)

    assert (found.value, found.low, found.high) == pytest.approx(
        (-turned.value, -turned.high, -turned.low)
    )
    assert found.value == pytest.approx(0.2)
    extreme = newcombe_difference(0, 10, 0, 0)
    assert (extreme.value, extreme.high) == (1, 1)
    assert 0 < extreme.low < 1
    with pytest.raises(NotEstimable):
        newcombe_difference(0, 0, 0, 0)


def test_pairs_without_correlation_are_as_good_as_independent():
    paired = newcombe_difference(25, 25, 25, 25, continuity=False)
    independent = newcombe_independent((50, 50), (100, 100))

    assert (paired.low, paired.high) == pytest.approx((independent.low, independent.high))


def test_adjusted_p_values_agree_with_r(expected):
    case = expected("binomial/expected_binomial.json")["holm_bh"]

    assert holm(case["p"]) == pytest.approx(case["holm"])
    assert benjamini_hochberg(case["p"]) == pytest.approx(case["BH"])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_adjusting_keeps_order_ties_and_what_was_not_tested(adjust):
    p = [0.2, None, 0.01, 0.01, 0.9, 0.03, None, 1.0]

    found = adjust(p)

    assert [value is None for value in found] == [value is None for value in p]
    assert found[2] == found[3]
    known = sorted((raw, new) for raw, new in zip(p, found, strict=True) if raw is not None)
    adjusted = [new for _, new in known]
    assert adjusted == sorted(adjusted)
    assert all(raw <= new <= 1 for raw, new in known)
    assert [v for v in found if v is not None] == adjust([v for v in p if v is not None])
    assert adjust([]) == []
    with pytest.raises(ValueError, match="p values"):
        adjust([0.1, np.nan])


def test_holm_rejects_what_the_closed_bonferroni_procedure_rejects():
    rng = np.random.default_rng(7)
    for _ in range(50):
        p = rng.uniform(0, 0.1, 4)
        closed = [
            max(
                min(1.0, sum(subset) * min(x for x, used in zip(p, subset, strict=True) if used))
                for subset in product((0, 1), repeat=4)
                if subset[i]
            )
            for i in range(4)
        ]
        assert holm(p.tolist()) == pytest.approx(closed)
