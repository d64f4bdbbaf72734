"""Signal detection, against published figures, closed forms and raters of known sensitivity."""

import numpy as np
import pytest
from scipy import stats

from analysis.results import NotEstimable
from analysis.signal_detection import (
    criterion,
    d_prime,
    log_beta,
    mean_criterion,
    mean_d_prime,
    two_afc_d_prime,
    unequal_variance,
)


def test_raw_figures_agree_with_r_where_they_are_defined(expected):
    for case in expected("binomial/expected_binomial.json")["dprime"]:
        hits = np.repeat([True, False], [case["hits"], case["misses"]])
        alarms = np.repeat([True, False], [case["fa"], case["cr"]])

        found = d_prime(hits, alarms, corrected=False)

        assert found.value == pytest.approx(case["dprime_raw"], rel=1e-10)
        if "c_raw" in case:
            bias = criterion(hits, alarms, corrected=False)
            assert bias.value == pytest.approx(case["c_raw"], rel=1e-10)
    with pytest.raises(NotEstimable, match="rate of 1"):
        d_prime([True] * 10, [False, True], corrected=False)


def test_raters_of_the_simulated_study_agree_with_r(data, expected):
    rows = data("simvtt/sim_vtt_dev.csv")
    for case in expected("simvtt/expected_sim_vtt_dev.json")["per_reader"]:
        own = [row for row in rows if row["reader"] == case["reader"]]
        hits, alarms = (
            [row["says_synthetic"] == "1" for row in own if row["origin"] == origin]
            for origin in ("synthetic", "real")
        )

        assert d_prime(hits, alarms).value == pytest.approx(case["dprime_loglinear"], abs=1e-8)
        assert criterion(hits, alarms).value == pytest.approx(case["c_loglinear"], abs=1e-8)


def test_ln_beta_is_the_log_ratio_of_densities_at_the_criterion():
    hits, alarms = np.arange(50) < 35, np.arange(60) < 12
    hit, alarm = 35.5 / 51, 12.5 / 61
    cut = -stats.norm.ppf(alarm)

    found = log_beta(hits, alarms)

    signal = stats.norm.logpdf(cut, loc=stats.norm.ppf(hit) + cut)
    assert found.value == pytest.approx(signal - stats.norm.logpdf(cut))
    assert found.value == pytest.approx(d_prime(hits, alarms).value * criterion(hits, alarms).value)


@pytest.mark.parametrize("statistic", [d_prime, criterion, log_beta])
def test_reported_standard_errors_are_those_of_simulated_answers(statistic):
    rng = np.random.default_rng(11)
    drawn = [statistic(rng.random(150) < 0.8, rng.random(120) < 0.35) for _ in range(600)]

    assert np.mean([each.se for each in drawn]) == pytest.approx(
        np.std([each.value for each in drawn]), rel=0.1
    )


def test_ln_beta_has_no_interval_where_both_rates_are_one_half():
    found = log_beta([1, 0, 1, 0], [0, 1])

    assert (found.value, found.se, found.low, found.high) == (0, None, None, None)
    assert "no interval" in found.method


def test_pairs_give_the_d_prime_of_their_share_of_right_answers():
    right = np.arange(100) < 76
    found = two_afc_d_prime(right)

    assert found.value == pytest.approx(np.sqrt(2) * stats.norm.ppf(76.5 / 101))
    assert two_afc_d_prime(right, corrected=False).value == pytest.approx(0.9989, abs=1e-4)
    assert np.isfinite(two_afc_d_prime([True] * 5).high)
    rng = np.random.default_rng(12)
    drawn = [two_afc_d_prime(rng.random(100) < 0.76).value for _ in range(600)]
    assert found.se == pytest.approx(np.std(drawn), rel=0.1)
    with pytest.raises(NotEstimable):
        two_afc_d_prime([])


def study(seed, raters=8, images=80, image_sd=0.0, distance=1.2):
    """Return answers of raters whose criteria differ, with d' of 1.2 for each image's average."""
    rng = np.random.default_rng(seed)
    synthetic = np.arange(images) % 2 == 1
    evidence = distance * synthetic + image_sd * rng.normal(size=images)
    cut = distance / 2 + 0.8 * rng.normal(size=(raters, 1))
    return (evidence + rng.normal(size=(raters, images)) > cut).astype(float), synthetic


def test_the_mean_is_that_of_raters_not_of_pooled_answers():
    said, synthetic = study(13, raters=12, images=200)

    found = mean_d_prime(said, synthetic)

    own = [d_prime(row[synthetic], row[~synthetic]).value for row in said]
    bias = [criterion(row[synthetic], row[~synthetic]).value for row in said]
    pooled = d_prime(said[:, synthetic].ravel(), said[:, ~synthetic].ravel()).value
    assert found.value == pytest.approx(np.mean(own))
    assert mean_criterion(said, synthetic).value == pytest.approx(np.mean(bias))
    assert pooled < found.value - 0.1
    assert found.low < 1.2 < found.high


def test_the_interval_of_the_mean_counts_what_images_do_to_all_raters():
    spread = np.sqrt(1 + 0.8**2)
    means = [mean_d_prime(*study(seed, image_sd=0.8)) for seed in range(200)]

    covered = np.mean([each.low < 1.2 / spread < each.high for each in means])
    alone = np.mean([each.se for each in means])
    without = []
    for seed in range(60):
        said, synthetic = study(seed, image_sd=0.8)
        own = [d_prime(row[synthetic], row[~synthetic]).value for row in said]
        without.append(np.std(own, ddof=1) / np.sqrt(len(own)))
    assert alone == pytest.approx(np.std([each.value for each in means]), rel=0.12)
    assert covered > 0.9
    assert np.mean(without) < 0.75 * alone


def test_what_images_do_to_all_raters_is_what_leaving_one_out_does():
    said, synthetic = study(16, images=120, image_sd=1.0)

    def each(table, kind):
        return np.array([d_prime(row[kind], row[~kind]).value for row in table])

    left_out = np.array(
        [each(np.delete(said, i, axis=1), np.delete(synthetic, i)) for i in range(120)]
    )
    covariance = 119 / 120 * np.cov(left_out.T) * 119
    between = covariance[~np.eye(8, dtype=bool)].mean()
    values = each(said, synthetic)
    assert between > 0.3 * values.var(ddof=1) / 8  # or else this would show nothing
    expected = np.sqrt(values.var(ddof=1) / 8 + between)
    assert mean_d_prime(said, synthetic).se == pytest.approx(expected, rel=0.02)


def test_raters_who_saw_one_kind_are_left_out_of_the_mean_and_one_rater_speaks_for_himself():
    said, synthetic = study(14, raters=3)
    said[2, synthetic] = np.nan

    assert mean_d_prime(said, synthetic) == mean_d_prime(said[:2], synthetic)
    alone, own = mean_d_prime(said[:1], synthetic), said[0]
    direct = d_prime(own[synthetic], own[~synthetic])
    assert alone.value == pytest.approx(direct.value)
    assert (alone.low, alone.high) == (direct.low, direct.high)
    assert "this rater" in alone.method
    with pytest.raises(NotEstimable):
        mean_d_prime(said[2:], synthetic)


def test_the_unequal_variance_fit_is_that_of_dorfman_and_alf(data):
    rows = data("roc/hanley_mcneil_1982.csv")

    found = unequal_variance(
        [float(row["rating"]) for row in rows], [row["truth"] == "1" for row in rows]
    )

    # As published for these data by Stata's rocfit, whose errors come from observed information.
    assert found.intercept.value == pytest.approx(1.656782, abs=2e-6)
    assert found.slope.value == pytest.approx(0.713002, abs=2e-6)
    assert found.a_z.value == pytest.approx(0.911331, abs=2e-6)
    assert (found.intercept.se, found.slope.se, found.a_z.se) == pytest.approx(
        (0.310, 0.216, 0.0295), rel=0.01
    )
    assert found.a_z.value == pytest.approx(stats.norm.cdf(found.d_a.value / np.sqrt(2)))


def test_three_categories_determine_the_curve_through_both_points():
    counts = np.array([[50, 30, 20], [15, 35, 50]])
    ratings = np.concatenate([np.repeat([1, 2, 3], row) for row in counts])

    found = unequal_variance(ratings, np.repeat([0, 1], 100))

    z = stats.norm.ppf([[0.5, 0.2], [0.85, 0.5]])
    slope = (z[1, 0] - z[1, 1]) / (z[0, 0] - z[0, 1])
    assert found.slope.value == pytest.approx(slope, rel=1e-4)
    assert found.intercept.value == pytest.approx(z[1, 0] - slope * z[0, 0], rel=1e-4)
    assert found.thresholds == pytest.approx(-z[0], abs=1e-4)
    shares = counts / 100
    assert found.log_likelihood == pytest.approx((counts * np.log(shares)).sum())


def test_unequal_variances_are_found_also_from_ratings_without_categories():
    rng = np.random.default_rng(15)
    synthetic = np.repeat([0, 1], 1500)
    evidence = np.where(synthetic, 1.2 + 1.5 * rng.normal(size=3000), rng.normal(size=3000))

    coarse = unequal_variance(np.digitize(evidence, [-1, 0, 1, 2]), synthetic)
    fine = unequal_variance(evidence, synthetic)

    for found in (coarse, fine):
        assert found.slope.low < 1 / 1.5 < found.slope.high
        assert found.d_a.low < 1.2 / np.sqrt((1 + 1.5**2) / 2) < found.d_a.high
    assert len(fine.categories) == 12
    assert fine.slope.se < coarse.slope.se


@pytest.mark.parametrize(
    ("ratings", "truth", "why"),
    [
        ([1, 2, 1, 2], [0, 0, 1, 1], "three categories"),
        ([1, 2, 3, 4], [0, 0, 0, 0], "one kind"),
        ([1, 2, 3, 4, 5, 6] * 3, [0, 0, 0, 1, 1, 1] * 3, "no curve"),
        ([], [], "one kind"),
    ],
)
def test_ratings_that_determine_no_curve_are_not_fitted(ratings, truth, why):
    with pytest.raises(NotEstimable, match=why):
        unequal_variance(ratings, truth)
