"""The analysis of variance of readers: MRMCaov in R, definitions written out, simulation."""

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc, roc
from analysis.mrmc.cells import cells_of
from analysis.proportions import wilson
from analysis.results import NotEstimable
from tests.analysis.mrmc.conftest import drawn


def near(value, rel):
    return None if value is None else pytest.approx(value, rel=rel)


def assert_is_mrmcaov(found, figures, scope, rel):
    """Compare every number of an analysis in MRMCaov's layout."""
    inference, ours = found.inferences[scope], found.components
    components = [row["Estimate"] for row in figures["vcov_comps"] or []]
    if components:
        names = ["reader", "treatment_reader", "var_e", "cov1", "cov2", "cov3"]
        assert [getattr(ours, name) for name in names] == pytest.approx(components, rel=rel)
    equality = figures["test_equality"][0]
    for theirs, value in (
        ("MS(T)", ours.ms_t),
        ("MS(T:R)", ours.ms_tr),
        ("F", inference.test.statistic),
        ("X2", inference.test.statistic),
        ("df1", inference.test.df1),
        ("df2", inference.test.df2),
        ("p-value", inference.test.p),
    ):
        if theirs in equality:
            assert value == pytest.approx(equality[theirs], rel=rel), theirs
    for row in figures["test_diffs"]:
        pair = tuple(row["Comparison"].split(" - "))
        gap, test = inference.differences[pair], inference.difference_tests[pair]
        numbers = (gap.value, gap.se, gap.low, gap.high, test.p, test.statistic)
        keys = ("Estimate", "StdErr", "CI.Lower", "CI.Upper", "p-value")
        theirs = [row[key] for key in keys] + [row.get("t", row.get("z"))]
        assert numbers == pytest.approx(theirs, rel=rel)
        assert gap.df == test.df2 == near(row.get("df"), rel)
    for row in figures["test_means"]:
        mean, own = inference.estimates[row["row"]], found.by_treatment[row["row"]]
        assert (mean.value, mean.se, mean.low, mean.high) == pytest.approx(
            [row[key] for key in ("Estimate", "StdErr", "CI.Lower", "CI.Upper")], rel=rel
        )
        assert mean.df == near(row.get("df"), rel)
        for theirs, value in (("MS(R)", own.ms_r), ("Cov2", own.cov2), ("Var(Error)", own.var_e)):
            if theirs in row:
                assert value == pytest.approx(row[theirs], rel=rel), theirs


@pytest.mark.parametrize(
    ("name", "statistic", "covariance", "scope"),
    [
        ("auc_jackknife", "auc", "jackknife", "random"),
        ("auc_DeLong", "auc", "delong", "random"),
        ("auc_unbiased", "auc", "unbiased", "random"),
        ("auc_jackknife_fixed_readers", "auc", "jackknife", "fixed_readers"),
        ("auc_fixed_cases", "auc", "jackknife", "fixed_cases"),
        ("sens_ge3_jackknife", "sensitivity", "jackknife", "random"),
        ("spec_ge3_jackknife", "specificity", "jackknife", "random"),
    ],
)
def test_a_crossed_study_agrees_with_mrmcaov(
    expected, two_treatments, name, statistic, covariance, scope
):
    table, truth, treatments, readers = two_treatments
    ratings = table if statistic == "auc" else (table >= 3).astype(float)

    found = mrmc.obuchowski_rockette(
        ratings,
        truth,
        statistic=statistic,
        covariance=covariance,
        treatments=treatments,
        readers=readers,
    )

    figures = expected("mrmc/expected_sim_mrmc_dev.json")[name]
    assert_is_mrmcaov(found, figures, scope, 1e-10)
    for row in figures["auc"]:
        if statistic == "auc":
            own = found.reader_estimates[row["treatment"], row["reader"]]
            assert own.value == pytest.approx(row["empirical_auc"], rel=1e-10)


# These figures are printed with nine decimals.
@pytest.mark.parametrize(
    ("name", "covariance", "scope"),
    [
        ("mrmcaov_auc_by_generator_jackknife", "jackknife", "random"),
        ("mrmcaov_auc_by_generator_unbiased", "unbiased", "random"),
        ("mrmcaov_auc_by_generator_fixed_readers_jackknife", "jackknife", "fixed_readers"),
    ],
)
def test_generators_that_share_the_real_images_agree_with_mrmcaov(
    expected, two_generators, name, covariance, scope
):
    table, truth, treatments, readers = two_generators

    found = mrmc.obuchowski_rockette(
        table, truth, covariance=covariance, treatments=treatments, readers=readers
    )

    assert_is_mrmcaov(found, expected("simvtt/expected_sim_vtt_dev.json")[name], scope, 2e-5)


def test_recall_of_two_generators_has_no_covariance_between_them(expected, two_generators_answers):
    table, truth, treatments, _ = two_generators_answers
    figures = expected("simvtt/expected_sim_vtt_dev.json")["mrmcaov_sens_by_generator_jackknife"]

    found = mrmc.obuchowski_rockette(table, truth, statistic="sensitivity", treatments=treatments)

    assert_is_mrmcaov(found, figures, "random", 2e-5)
    own = found.by_treatment["genB"]
    fixed = found.inferences["fixed_readers"].estimates["genB"]
    assert own.cov2 < 0
    assert fixed.se == pytest.approx(np.sqrt(own.var_e / 5))
    assert (found.components.cov1, found.components.cov3) == (0, 0)
    assert found.design == "cases nested in treatments"
    assert any("Cov2 is below Cov3" in note for note in found.notes)


def area(ratings, truth):
    return roc.auc(ratings, truth).value


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_the_jackknife_of_an_area_needs_no_resampling(missing):
    table, truth = drawn(1, missing=missing)

    quick, slow = (mrmc.obuchowski_rockette(table, truth, statistic=each) for each in ("auc", area))

    assert vars(quick.components) == pytest.approx(vars(slow.components), rel=1e-9)
    assert quick.differences[0, 1].se == pytest.approx(slow.differences[0, 1].se, rel=1e-9)


def share(ratings, truth):
    return ratings.mean()


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_jackknife_of_a_share_needs_no_resampling(missing):
    table, truth = drawn(2, missing=missing)
    answers = np.where(np.isnan(table), np.nan, table > 0)

    quick = mrmc.obuchowski_rockette(answers, statistic="proportion")
    slow = mrmc.obuchowski_rockette(answers, truth, statistic=share)

    assert vars(quick.components) == pytest.approx(vars(slow.components), rel=1e-9)


def comparisons(ratings, truth):
    """Return a dict from (positive, negative) to the success of their comparison."""
    return {
        (i, k): float(ratings[i] > ratings[k]) + 0.5 * float(ratings[i] == ratings[k])
        for i in np.flatnonzero(truth)
        for k in np.flatnonzero(~truth)
        if not np.isnan(ratings[i]) and not np.isnan(ratings[k])
    }


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_unbiased_covariances_are_their_definition(missing):
    table, truth = drawn(3, treatments=1, readers=3, cases=14, missing=missing)
    cells = cells_of(table, truth, "auc", "unbiased")
    all_pairs = [comparisons(row, truth) for row in table[0]]

    for a, first in enumerate(all_pairs):
        for b, second in enumerate(all_pairs):
            apart = [
                x * y
                for (i, k), x in first.items()
                for (j, m), y in second.items()
                if i != j and k != m
            ]
            product = np.mean(list(first.values())) * np.mean(list(second.values()))
            assert cells.covariance[a, b] == pytest.approx(product - np.mean(apart), abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_unbiased_covariances_of_shares_are_their_definition(missing):
    table, truth = drawn(4, treatments=1, readers=3, cases=14, missing=missing)
    answers = np.where(np.isnan(table), np.nan, table > 0)
    cells = cells_of(answers, truth, "proportion", "unbiased")

    for a, first in enumerate(answers[0]):
        for b, second in enumerate(answers[0]):
            apart = np.outer(first, second)[~np.eye(14, dtype=bool)]
            product = np.nanmean(first) * np.nanmean(second)
            assert cells.covariance[a, b] == pytest.approx(product - np.nanmean(apart), abs=1e-12)


def spread(ratings, truth):
    return ratings.std()


def test_what_shares_no_case_does_not_covary_whatever_the_statistic():
    """The mean of leave-one-out figures is not the figure: deviations alone would covary."""
    table, truth = drawn(25, readers=3)
    table[0, :, ::2], table[1, :, 1::2] = np.nan, np.nan

    found = mrmc.obuchowski_rockette(table, truth, statistic=spread)

    assert (found.components.cov1, found.components.cov3) == (0, 0)
    assert found.components.cov2 != 0


def test_delongs_covariances_are_those_of_one_rater_and_of_pairs():
    table, truth = drawn(5, treatments=1, readers=2)

    cells = cells_of(table, truth, "auc", "delong")

    paired = roc.delong_paired(*table[0], truth)
    assert np.sqrt(cells.covariance.diagonal()) == pytest.approx(
        [paired.first.se, paired.second.se]
    )
    assert cells.covariance[0, 1] == pytest.approx(paired.covariance)


def test_missing_cells_leave_delongs_variance_of_what_was_read():
    table, truth = drawn(6, treatments=1, missing=0.3)

    cells = cells_of(table, truth, "auc", "delong")

    for j, row in enumerate(table[0]):
        given = ~np.isnan(row)
        alone = roc.delong(row[given], truth[given])
        assert np.sqrt(cells.covariance[j, j]) == pytest.approx(alone.se, rel=1e-12)


def test_with_cases_fixed_two_treatments_are_compared_by_the_paired_t_test():
    table, truth = drawn(7, readers=6)
    values = np.array([[area(row, truth) for row in each] for each in table])

    found = mrmc.obuchowski_rockette(table, truth)

    theirs = stats.ttest_rel(*values)
    test = found.inferences["fixed_cases"].difference_tests[0, 1]
    assert (test.statistic, test.df2, test.p) == pytest.approx(
        (theirs.statistic, theirs.df, theirs.pvalue)
    )
    assert found.tests["fixed_cases"].p == pytest.approx(theirs.pvalue)


def three_way(values):
    """Return the mean squares of a (treatments, readers) table by sums over all cells."""
    t, r = values.shape
    grand, rows, columns = values.mean(), values.mean(axis=1), values.mean(axis=0)
    left = sum(
        (values[i, j] - rows[i] - columns[j] + grand) ** 2 for i in range(t) for j in range(r)
    )
    return (
        r * sum((row - grand) ** 2 for row in rows) / (t - 1),
        t * sum((column - grand) ** 2 for column in columns) / (r - 1),
        left / ((t - 1) * (r - 1)),
    )


def test_three_treatments_are_one_test_and_three_differences():
    table, truth = drawn(8, treatments=3, readers=5)
    values = np.array([[area(row, truth) for row in each] for each in table])

    found = mrmc.obuchowski_rockette(table, truth, treatments="xyz")

    c = found.components
    assert (c.ms_t, c.ms_r, c.ms_tr) == pytest.approx(three_way(values))
    denominator = c.ms_tr + max(5 * (c.cov2 - c.cov3), 0)
    assert found.tests["random"].statistic == pytest.approx(c.ms_t / denominator)
    assert found.tests["random"].df1 == 2
    assert found.tests["random"].df2 == pytest.approx(denominator**2 / (c.ms_tr**2 / 8))
    assert list(found.differences) == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found.differences["x", "z"].se == pytest.approx(np.sqrt(2 / 5 * denominator))
    assert found.differences["x", "z"].value == pytest.approx(values[0].mean() - values[2].mean())


def test_a_share_has_the_closed_form_of_two_way_analysis_of_variance():
    answers = np.random.default_rng(9).random((6, 40)) < np.linspace(0.3, 0.9, 6)[:, None]

    found = mrmc.obuchowski_rockette(answers, statistic="proportion")

    grand = answers.mean()
    rows, columns = answers.mean(axis=1, keepdims=True), answers.mean(axis=0, keepdims=True)
    msr = 40 * ((rows - grand) ** 2).sum() / 5
    msc = 6 * ((columns - grand) ** 2).sum() / 39
    msrc = ((answers - rows - columns + grand) ** 2).sum() / (5 * 39)
    c = found.components
    assert (c.ms_r, c.cov2) == pytest.approx((msr / 40, (msc - msrc) / (6 * 40)), rel=1e-10)
    expected = (msr + max(msc - msrc, 0)) / (6 * 40)
    assert found.estimates[0].se == pytest.approx(np.sqrt(expected), rel=1e-10)


def test_each_named_share_counts_what_its_name_says():
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    answers = np.array([[1, 1, 1, 0, 1, 0, 0, 1], [1, 0, 1, 0, 0, 0, 0, 1.0]])

    found = {
        name: mrmc.obuchowski_rockette(answers, truth, statistic=name).estimates[0].value
        for name in (
            "accuracy", "sensitivity", "specificity", "deception_rate", "false_alarm_rate",
        )
    }  # fmt: skip

    assert found == pytest.approx(
        {
            "accuracy": (5 / 8 + 5 / 8) / 2,
            "sensitivity": (3 / 4 + 2 / 4) / 2,
            "specificity": (2 / 4 + 3 / 4) / 2,
            "deception_rate": (1 / 4 + 2 / 4) / 2,
            "false_alarm_rate": (2 / 4 + 1 / 4) / 2,
        }
    )


def nested(seed, sizes):
    """Return ratings where each reader reads under one treatment only."""
    table, truth = drawn(seed, treatments=len(sizes), readers=sum(sizes), cases=40)
    own = np.repeat(np.arange(len(sizes)), sizes)
    table[np.arange(len(sizes))[:, None] != own] = np.nan
    return table, truth, own


@pytest.mark.parametrize("sizes", [(4, 4), (3, 6)])
def test_readers_nested_in_treatments_have_a_mean_square_of_their_own(sizes):
    table, truth, own = nested(10, sizes)
    values = np.array([area(table[i, j], truth) for j, i in enumerate(own)])

    found = mrmc.obuchowski_rockette(table, truth)

    groups = [values[own == i] for i in range(2)]
    theirs = stats.f_oneway(*groups)
    assert found.design == "readers nested in treatments"
    fixed = found.tests["fixed_cases"]
    assert (fixed.statistic, fixed.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    c, inverse = found.components, 1 / sizes[0] + 1 / sizes[1]
    assert (c.cov1, c.ms_tr, c.treatment_reader) == (None, None, None)
    assert c.reader == pytest.approx(c.ms_r - c.var_e + c.cov2)
    ms = sum(((each - each.mean()) ** 2).sum() for each in groups) / (sum(sizes) - 2)
    assert c.ms_r == pytest.approx(ms)
    # Var = sum of sigma^2_i / r_i over treatments, readers' errors covarying by Cov2 and Cov3.
    variance = inverse * ms + 2 * max(c.cov2 - c.cov3, 0)
    assert found.differences[0, 1].se == pytest.approx(np.sqrt(variance))
    df = variance**2 / ((inverse * ms) ** 2 / (sum(sizes) - 2))
    assert found.differences[0, 1].df == pytest.approx(df)
    assert found.tests["random"].p == pytest.approx(
        found.inferences["random"].difference_tests[0, 1].p
    )
    fixed_variance = inverse * (c.var_e - c.cov2) + 2 * max(c.cov2 - c.cov3, 0)
    assert found.inferences["fixed_readers"].differences[0, 1].se == pytest.approx(
        np.sqrt(fixed_variance)
    )


def test_cases_nested_in_readers_leave_error_within_readers_only():
    table, truth = drawn(11, readers=4, cases=80)
    block = np.arange(80) % 4
    table[:, np.arange(4)[:, None] != block] = np.nan

    found = mrmc.obuchowski_rockette(table, truth)

    assert found.design == "cases nested in readers"
    assert (found.components.cov2, found.components.cov3) == (0, 0)
    assert found.components.cov1 != 0
    assert found.tests["random"].p == pytest.approx(found.tests["fixed_cases"].p)


def split_plot(seed, readers=6, cases=60, groups=2):
    table, truth = drawn(seed, readers=readers, cases=cases)
    group, block = np.arange(readers) % groups, np.arange(cases) % groups
    table[:, group[:, None] != block] = np.nan
    return table, truth, group


def test_a_split_plot_pools_readers_within_groups():
    table, truth, group = split_plot(8)
    values = np.array(
        [[area(row[~np.isnan(row)], truth[~np.isnan(row)]) for row in each] for each in table]
    )

    found = mrmc.obuchowski_rockette(table, truth, groups=group)

    within = np.mean([three_way(values[:, group == g])[2] for g in (0, 1)])
    cells = cells_of(table, truth, "auc", "jackknife")
    same = (group[cells.reader][:, None] == group[cells.reader]) & (
        cells.reader[:, None] != cells.reader
    )
    treatment = cells.treatment[:, None] == cells.treatment
    cov2, cov3 = (cells.covariance[same & kind].mean() for kind in (treatment, ~treatment))
    # Obuchowski, Gallas and Hillis 2012 (Acad Radiol 19:1508): r/G readers share their cases.
    assert cov2 > cov3
    denominator = within + 3 * (cov2 - cov3)
    test = found.tests["random"]
    assert test.statistic == pytest.approx(found.components.ms_t / denominator)
    assert test.df2 == pytest.approx(denominator**2 / (within**2 / 4))
    assert found.design.startswith("split plot")
    own = np.mean([values[0, group == g].var(ddof=1) for g in (0, 1)])
    cov2 = cells.covariance[same & treatment & (cells.treatment == 0)].mean()
    assert cov2 > 0
    assert found.estimates[0].se == pytest.approx(np.sqrt((own + 3 * cov2) / 6))


def test_a_split_plot_covers_the_true_difference():
    """2 groups of 4 raters with 30 images each; one treatment is worse by 0.2 on average."""
    rng, covered = np.random.default_rng(13), 0
    group, block = np.arange(8) % 2, np.arange(60) % 2
    read = group[:, None] == block
    centre = np.array([0.4, -0.2])[:, None, None]
    spread = np.sqrt(1 + 0.3**2 + 0.2**2 + 0.5**2 + 0.3**2)
    truth = stats.norm.cdf(0.4 / spread) - stats.norm.cdf(-0.2 / spread)
    for _ in range(400):
        latent = (
            centre
            + 0.3 * rng.normal(size=(1, 8, 1))
            + 0.2 * rng.normal(size=(2, 8, 1))
            + 0.5 * rng.normal(size=(1, 1, 60))
            + 0.3 * rng.normal(size=(2, 1, 60))
        )
        answers = np.where(read, rng.normal(size=(2, 8, 60)) < latent, np.nan)
        found = mrmc.obuchowski_rockette(answers, statistic="proportion", groups=group)
        covered += found.differences[0, 1].low <= truth <= found.differences[0, 1].high

    assert 0.925 <= covered / 400 <= 0.985


def numbers(found):
    gap, test = found.differences[0, 1], found.tests["random"]
    return (abs(gap.value), gap.se, gap.df, test.statistic, test.p, found.estimates[0].se)


def test_the_order_of_cases_and_readers_does_not_matter():
    table, truth = drawn(14, missing=0.2)
    rng = np.random.default_rng(0)
    cases, readers = rng.permutation(truth.size), rng.permutation(4)

    found = mrmc.obuchowski_rockette(table, truth)
    shuffled = mrmc.obuchowski_rockette(table[:, readers][..., cases], truth[cases])

    assert numbers(shuffled) == pytest.approx(numbers(found), rel=1e-9)


@pytest.mark.parametrize("covariance", ["jackknife", "delong", "unbiased"])
def test_negated_ratings_have_the_complementary_area_and_the_same_errors(covariance):
    table, truth = drawn(15)

    found = mrmc.obuchowski_rockette(table, truth, covariance=covariance)
    negated = mrmc.obuchowski_rockette(-table, truth, covariance=covariance)
    monotone = mrmc.obuchowski_rockette(np.exp(table), truth, covariance=covariance)

    assert negated.estimates[0].value == pytest.approx(1 - found.estimates[0].value)
    assert numbers(negated) == pytest.approx(numbers(found), rel=1e-9)
    assert numbers(monotone) == pytest.approx(numbers(found), rel=1e-9)


def test_swapped_treatments_swap_the_sign_of_their_difference():
    table, truth = drawn(16)

    found, swapped = (mrmc.obuchowski_rockette(each, truth) for each in (table, table[::-1]))

    one, other = found.differences[0, 1], swapped.differences[0, 1]
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


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


def test_each_readers_difference_rests_on_that_readers_errors():
    table, truth = drawn(21, treatments=3)

    found = mrmc.obuchowski_rockette(table, truth, readers="abcd")

    cells = cells_of(table, truth, "auc", "jackknife")
    own = cells.covariance[np.ix_(cells.reader == 1, cells.reader == 1)]
    off = own[~np.eye(3, dtype=bool)].mean()
    se = np.sqrt(2 * (own.diagonal().mean() - off))
    assert found.reader_differences["b", 0, 2].se == pytest.approx(se)
    assert found.reader_tests["b", 0, 2].statistic == pytest.approx(
        (area(table[0, 1], truth) - area(table[2, 1], truth)) / se
    )


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
