"""The analysis of variance of readers: each design against its definition, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc
from analysis.mrmc.cells import cells_of
from tests.analysis.mrmc.conftest import area, drawn


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
