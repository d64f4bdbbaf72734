"""Means over several raters, against MRMCaov in R and by simulation."""

import numpy as np
import pytest
from scipy import special, stats

from analysis import mrmc
from analysis.proportions import wilson
from analysis.results import NotEstimable


def ratings(data, treatment):
    rows = [row for row in data("mrmc/sim_mrmc_dev.csv") if row["treatment"] == treatment]
    readers, cases = (sorted({row[key] for row in rows}) for key in ("reader", "case"))
    table, truth = np.full((len(readers), len(cases)), np.nan), np.zeros(len(cases), dtype=bool)
    for row in rows:
        case = cases.index(row["case"])
        table[readers.index(row["reader"]), case] = float(row["rating"])
        truth[case] = row["truth"] == "1"
    return table, truth


def assert_is(found, figures):
    assert (found.value, found.se, found.df) == pytest.approx(
        [figures[key] for key in ("Estimate", "StdErr", "df")], rel=1e-10
    )


@pytest.mark.parametrize("treatment", ["A", "B"])
def test_shares_and_areas_agree_with_mrmcaov(data, expected, treatment):
    figures = {
        name: next(row for row in analysis["test_means"] if row["row"] == treatment)
        for name, analysis in expected("mrmc/expected_sim_mrmc_dev.json").items()
        if isinstance(analysis, dict) and "test_means" in analysis
    }
    table, truth = ratings(data, treatment)

    area = mrmc.mean_auc(table, truth)
    limits = [figures["auc_DeLong"][key] for key in ("CI.Lower", "CI.Upper")]
    assert_is(area, figures["auc_DeLong"])
    assert (area.low, area.high) == pytest.approx(limits, rel=1e-10)
    assert_is(mrmc.proportion(table[:, truth] >= 3), figures["sens_ge3_jackknife"])
    assert_is(mrmc.proportion(table[:, ~truth] < 3), figures["spec_ge3_jackknife"])


def test_a_negative_covariance_of_raters_counts_as_none(data, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")["mrmcaov_sens_by_generator_jackknife"]
    figure = next(row for row in figures["test_means"] if row["row"] == "genB")
    rows = [row for row in data("simvtt/sim_vtt_dev.csv") if row["generator"] == "genB"]
    readers, images = (sorted({row[key] for row in rows}) for key in ("reader", "image"))
    table = np.empty((len(readers), len(images)))
    for row in rows:
        place = readers.index(row["reader"]), images.index(row["image"])
        table[place] = float(row["says_synthetic"])

    assert figure["Cov2"] < 0
    found = mrmc.proportion(table)
    assert (found.value, found.se, found.df) == pytest.approx(
        (figure["Estimate"], figure["StdErr"], figure["df"]), rel=1e-7
    )


def test_the_standard_error_is_the_closed_form_of_two_way_analysis_of_variance():
    table = np.random.default_rng(4).random((5, 30)) < np.linspace(0.2, 0.8, 5)[:, None]
    raters, images = table.shape

    found = mrmc.proportion(table)

    grand = table.mean()
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    msr = images * ((rows - grand) ** 2).sum() / (raters - 1)
    msc = raters * ((columns - grand) ** 2).sum() / (images - 1)
    msrc = ((table - rows - columns + grand) ** 2).sum() / ((raters - 1) * (images - 1))
    closed = (msr + max(msc - msrc, 0)) / (raters * images)
    assert found.se == pytest.approx(np.sqrt(closed), rel=1e-12)


def test_limits_of_a_share_are_those_of_its_logit():
    table = np.random.default_rng(9).random((6, 40)) < np.linspace(0.02, 0.2, 6)[:, None]

    found = mrmc.proportion(table, 0.9)

    error = found.se / (found.value * (1 - found.value))
    ends = stats.t.interval(0.9, found.df, special.logit(found.value), error)
    assert special.logit([found.low, found.high]) == pytest.approx(ends)
    assert 0 < found.low < found.value < found.high < 1
    assert "logit" in found.method


def test_one_rater_gets_wilson_and_the_words_that_say_so():
    found = mrmc.proportion([[1, 0, 1, 1, np.nan]])

    assert (found.low, found.high, found.n) == (wilson(3, 4).low, wilson(3, 4).high, 4)
    assert "this rater" in found.method


def test_raters_who_all_agree_do_not_get_an_interval_of_no_width():
    found = mrmc.proportion(np.zeros((4, 20)))

    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(wilson(0, 20).high)


def test_an_empty_table_is_not_estimable():
    with pytest.raises(NotEstimable):
        mrmc.proportion(np.full((2, 5), np.nan))
    with pytest.raises(NotEstimable):
        mrmc.proportion(np.empty((2, 0)))


def test_a_difference_between_real_and_synthetic_images_keeps_raters_together():
    rng = np.random.default_rng(5)
    skill = rng.uniform(0.2, 0.8, 6)[:, None]
    real, synthetic = (rng.random((6, 40)) < skill + shift for shift in (0.1, -0.1))

    found = mrmc.proportion_difference(real, synthetic)

    apart = np.hypot(mrmc.proportion(real).se, mrmc.proportion(synthetic).se)
    assert found.value == pytest.approx(real.mean() - synthetic.mean())
    assert found.se < apart  # raters' skill cancels
    with pytest.raises(NotEstimable):
        mrmc.proportion_difference(real[:1], synthetic[:1])


def test_balanced_accuracy_is_a_share_and_has_the_limits_of_one():
    rng = np.random.default_rng(7)
    truth = np.repeat([True, False], 30)
    said = rng.random((6, 60)) < np.where(truth, 0.7, 0.4)

    found, area = mrmc.balanced_accuracy(said, truth), mrmc.mean_auc(said, truth)
    right = mrmc.proportion(said == truth)  # as many of either class: the same share

    assert (found.value, found.se, found.df) == (area.value, area.se, area.df)
    assert found.value == pytest.approx(right.value)
    assert (found.low, found.high) == pytest.approx((right.low, right.high), abs=2e-3)
    middle = (special.logit(found.low) + special.logit(found.high)) / 2
    assert middle == pytest.approx(special.logit(found.value))
    assert mrmc.balanced_accuracy(said[:1], truth) == mrmc.mean_auc(said[:1], truth)
    perfect = mrmc.balanced_accuracy(np.tile(truth, (3, 1)), truth)
    assert (perfect.value, perfect.low, perfect.high) == (1, None, None)


def test_raters_who_saw_one_class_only_are_left_out_of_the_mean_area():
    truth = np.array([0, 0, 0, 1, 1, 1])
    whole = np.array([[1, 2, 5, 3, 4, 6], [2, 1, 3, 3, 5, 4.0]])
    partial = np.vstack([whole, [1, 2, 3, np.nan, np.nan, np.nan]])

    assert mrmc.mean_auc(partial, truth) == mrmc.mean_auc(whole, truth)


def test_the_interval_covers_where_the_pooled_one_does_not():
    """Raters of different bias and images of different difficulty, 8 x 60, rate known."""
    rng = np.random.default_rng(6)
    spread = np.sqrt(0.35**2 + 0.5**2)
    truth = stats.norm.cdf(0.2 / np.sqrt(1 + spread**2))
    covered = pooled = 0
    for _ in range(400):
        latent = 0.2 + 0.35 * rng.normal(size=(8, 1)) + 0.5 * rng.normal(size=(1, 60))
        table = rng.normal(size=(8, 60)) < latent
        found, naive = mrmc.proportion(table), wilson(int(table.sum()), table.size)
        covered += found.low <= truth <= found.high
        pooled += naive.low <= truth <= naive.high

    assert 0.92 <= covered / 400 <= 0.98
    assert pooled / 400 < 0.75


def test_a_difference_has_the_errors_of_both_kinds_of_images():
    rng = np.random.default_rng(8)
    easy = rng.normal(size=(2, 1, 30))
    first, second = (0.5 * rng.normal(size=(2, 5, 30)) + easy > 0).astype(float)

    found = mrmc.proportion_difference(first, second)

    off = ~np.eye(5, dtype=bool)
    cov2 = [np.cov(each)[off].mean() / 30 for each in (first, second)]
    values = first.mean(axis=1) - second.mean(axis=1)
    assert min(cov2) > 0
    assert found.se == pytest.approx(np.sqrt(values.var(ddof=1) / 5 + sum(cov2)))


def test_a_rater_with_one_answer_counts_in_the_mean():
    answers = np.array([[1, 0, 1, 1], [0, 1, 0, 1], [np.nan, 1, np.nan, np.nan]])

    found = mrmc.proportion(answers)

    assert found.value == pytest.approx((3 / 4 + 2 / 4 + 1) / 3)
    assert found.n == 9
