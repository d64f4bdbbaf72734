"""Studies that allow little: few raters, nothing that varies, no design; the reason is told."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc, roc
from analysis.proportions import wilson
from analysis.results import NotEstimable
from tests.analysis.mrmc.conftest import area, drawn


def test_one_rater_gets_results_for_this_rater_only():
    table, truth = drawn(17, readers=1, cases=60)

    found = mrmc.obuchowski_rockette(table, truth, covariance="delong")

    paired = roc.delong_paired(table[0, 0], table[1, 0], truth)
    assert found.differences[0, 1].se == pytest.approx(paired.difference.se)
    assert found.tests["fixed_readers"].p == pytest.approx(paired.test.p)
    assert found.estimates[0].se == pytest.approx(paired.first.se)
    for scope in ("random", "fixed_cases"):
        assert found.tests[scope].p is None
        assert found.inferences[scope].estimates[0].low is None
        assert "one rater" in found.inferences[scope].estimates[0].method
    assert "this rater" in found.notes[0]


def test_one_raters_share_has_wilsons_interval_and_the_exact_test():
    answers = np.zeros((1, 20))
    answers[0, :15] = 1

    found = mrmc.obuchowski_rockette(answers, statistic="proportion", null=0.5)

    assert (found.estimates[0].low, found.estimates[0].high) == (
        wilson(15, 20).low,
        wilson(15, 20).high,
    )
    assert found.tests["fixed_readers"].p == pytest.approx(stats.binomtest(15, 20, 0.5).pvalue)


def test_two_raters_are_analysed_and_warned_of():
    table, truth = drawn(18, readers=2, cases=60)

    found = mrmc.obuchowski_rockette(table, truth)

    assert found.estimates[0].low is not None
    assert any("two raters" in note for note in found.notes)


def test_one_treatment_is_tested_against_the_value_named():
    table, truth = drawn(19, treatments=1, readers=6)

    found = mrmc.obuchowski_rockette(table, truth, null=0.6)

    mean, test = found.estimates[0], found.tests["random"]
    assert test.statistic == pytest.approx((mean.value - 0.6) / mean.se)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(test.statistic), mean.df))
    assert not found.differences


def test_equal_treatments_differ_by_nothing_with_p_of_one():
    table, truth = drawn(20, treatments=1)

    found = mrmc.obuchowski_rockette(np.concatenate([table, table]), truth)

    assert (found.differences[0, 1].value, found.differences[0, 1].se) == (0, None)
    assert {scope: test.p for scope, test in found.tests.items()} == {
        "random": 1, "fixed_readers": 1, "fixed_cases": 1,
    }  # fmt: skip


def test_constant_ratings_have_an_area_of_one_half_and_no_interval():
    truth = np.arange(12) < 6

    found = mrmc.obuchowski_rockette(np.full((3, 12), 2.0), truth)

    assert (found.estimates[0].value, found.estimates[0].low) == (0.5, None)
    assert "nothing varies" in found.estimates[0].method
    assert (found.components.var_e, found.components.ms_r) == (0, 0)


def test_raters_of_equal_value_get_a_normal_interval():
    """Each rater errs on other images, so that all areas are equal but errors vary."""
    truth = np.arange(24) < 12
    table = np.tile(truth * 2.0, (3, 1))
    for j in range(3):
        table[j, j], table[:, 20] = 1, 1

    found = mrmc.obuchowski_rockette(table, truth)

    assert found.components.ms_r == pytest.approx(0, abs=1e-18)
    assert found.estimates[0].df is None
    assert found.estimates[0].high <= 1
    assert any("raters do not differ" in note for note in found.notes)


def test_intervals_end_at_zero_and_one():
    truth = np.arange(12) < 6
    table = np.tile(truth * 2.0, (3, 1)) + 0.0
    table[0, 0] = -1

    found = mrmc.obuchowski_rockette(table, truth)

    assert found.estimates[0].high == 1
    perfect = found.reader_estimates[0, 1]
    assert (perfect.value, perfect.high) == (1, 1)
    assert perfect.low == pytest.approx(0.05 ** (1 / 6))


def test_a_negative_difference_of_covariances_counts_as_none():
    for seed in range(200):
        table, truth = drawn(seed, readers=3, cases=16)
        found = mrmc.obuchowski_rockette(table, truth)
        if found.components.cov2 < found.components.cov3:
            break
    c = found.components

    assert c.cov2 < c.cov3
    assert found.differences[0, 1].se == pytest.approx(np.sqrt(2 / 3 * c.ms_tr))
    assert found.differences[0, 1].df == pytest.approx(2)
    fixed = found.inferences["fixed_readers"].differences[0, 1].se
    assert fixed == pytest.approx(np.sqrt(2 / 3 * (c.var_e - c.cov1)))
    assert any("Cov2 is below Cov3" in note for note in found.notes)


def test_a_class_that_one_case_empties_is_refused_with_the_mend():
    table, truth = drawn(22, treatments=1, readers=2)
    table[0, 1, np.flatnonzero(truth)[1:]] = np.nan

    for statistic in ("auc", area):
        with pytest.raises(NotEstimable, match="reader b") as refused:
            mrmc.obuchowski_rockette(table, truth, readers="ab", statistic=statistic)
        assert "leave" in str(refused.value)


def test_designs_without_an_analysis_of_variance_are_refused_by_name():
    table, truth = drawn(23)
    silent, irregular, empty = table.copy(), table.copy(), table.copy()
    silent[:, 1], irregular[1, 2], empty[0] = np.nan, np.nan, np.nan

    for broken, words in (
        (silent, "reader b has no rating"),
        (irregular, "reader c read nothing under treatment y"),
        (empty, "treatment x has no ratings"),
        (np.full((2, 2, 4), np.nan), "no answers"),
    ):
        with pytest.raises(NotEstimable, match=words):
            mrmc.obuchowski_rockette(
                broken, truth[: broken.shape[2]], treatments="xy", readers="abcd"[: broken.shape[1]]
            )


def test_options_that_make_no_sense_are_refused_in_words():
    table, truth = drawn(24)

    for options, words in (
        ({"statistic": "kappa"}, "'kappa' is unknown"),
        ({"covariance": "bootstrap"}, "'bootstrap' is unknown"),
        ({"statistic": area, "covariance": "delong"}, "needs the jackknife"),
        ({"statistic": "accuracy"}, "answers of 0 and 1"),
        ({"treatments": "xx"}, "2 different labels"),
        ({"groups": "aab"}, "3 groups were named for 4"),
    ):
        with pytest.raises(ValueError, match=words):
            mrmc.obuchowski_rockette(table, truth, **options)
    with pytest.raises(ValueError, match="must be one value for each"):
        mrmc.obuchowski_rockette(table, truth[:-1])
    with pytest.raises(ValueError, match="the truth of a case is 1"):
        mrmc.obuchowski_rockette(table, truth + 1)
    with pytest.raises(NotEstimable, match="every group has one reader"):
        mrmc.obuchowski_rockette(table, truth, groups="abcd")


def leaves(value):
    """Give every number that a result holds."""
    if isinstance(value, (bool, str)) or value is None:
        return
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield from leaves(vars(value))


TRUTH = np.arange(12) < 5
AWKWARD = {
    "constant": np.full((2, 3, 12), 2.0),
    "perfect": np.tile(TRUTH * 1.0, (2, 3, 1)),
    "reversed": np.stack([np.tile(TRUTH * 1.0, (3, 1)), np.tile(~TRUTH * 1.0, (3, 1))]),
    "one rater": drawn(26, readers=1, cases=12)[0],
    "one perfect rater": np.tile(TRUTH * 1.0, (1, 1, 1)),
    "equal raters": np.tile(drawn(27, readers=1, cases=12)[0], (1, 3, 1)),
    "three treatments, two raters": drawn(28, treatments=3, readers=2, cases=12)[0],
    "one rater a treatment": np.where(
        np.eye(2, dtype=bool)[..., None], drawn(29, readers=2, cases=12)[0], np.nan
    ),
    "missing": drawn(30, readers=3, cases=12, missing=0.1)[0],
}


@pytest.mark.parametrize("name", AWKWARD)
def test_no_number_of_a_result_is_missing_or_infinite(name):
    table = AWKWARD[name]
    answers = np.where(np.isnan(table), np.nan, table > 1)
    results = [
        mrmc.u_statistic(table, TRUTH),
        mrmc.obuchowski_rockette(answers, TRUTH, statistic="accuracy"),
        *(
            mrmc.obuchowski_rockette(table, TRUTH, covariance=covariance)
            for covariance in ("jackknife", "delong", "unbiased")
        ),
    ]
    if not np.isnan(table).any():
        results.append(mrmc.compare_with_ai(table[0], table[-1, -1], TRUTH))

    numbers = [number for result in results for number in leaves(result)]

    assert len(numbers) > 50
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("name", AWKWARD)
def test_what_has_no_interval_says_why(name):
    found = mrmc.obuchowski_rockette(AWKWARD[name], TRUTH)

    for inference in found.inferences.values():
        for each in (*inference.estimates.values(), *inference.differences.values()):
            assert each.low is not None or "no interval: " in each.method
        for test in (inference.test, *inference.difference_tests.values()):
            assert test.p is not None or "no test: " in test.method
