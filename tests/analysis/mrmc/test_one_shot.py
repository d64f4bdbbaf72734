"""U-statistics over readers and cases: iMRMC in R, the definition by loops, the bootstrap."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc, roc
from analysis.results import NotEstimable
from tests.analysis.mrmc.conftest import drawn, grid


def assert_is_imrmc(found, figures, value, variance, rel):
    theirs = [
        figures[key]
        for key in (
            value, variance, "dfBDG", "pValueBDG", "botCIBDG", "topCIBDG",
            "botCInormal", "topCInormal",
        )
    ]  # fmt: skip
    assert (
        found.estimate.value, found.variance_unbiased, found.estimate.df, found.test.p,
        found.estimate.low, found.estimate.high, found.normal.low, found.normal.high,
    ) == pytest.approx(theirs, rel=rel)  # fmt: skip


@pytest.mark.parametrize(
    ("study", "file", "name", "rel"),
    [
        ("two_treatments", "mrmc/expected_sim_mrmc_dev.json", "imrmc_Ustat", 1e-10),
        (  # nine decimals are printed
            "two_generators",
            "simvtt/expected_sim_vtt_dev.json",
            "imrmc_auc_by_generator_shared_reals",
            5e-5,
        ),
    ],
)
def test_areas_and_their_difference_agree_with_imrmc(request, expected, study, file, name, rel):
    table, truth, treatments, _ = request.getfixturevalue(study)

    found = mrmc.u_statistic(table, truth, treatments=treatments)

    for pair, contrast in found.contrasts.items():
        assert found.differences[pair] == contrast.estimate
    for figures in expected(file)[name]:
        first, second = figures["modalityA"], figures["modalityB"]
        if second == "NO_MOD":
            assert_is_imrmc(found.areas[first], figures, "AUCA", "varAUCA", rel)
        else:
            ours = found.contrasts[first, second]
            assert_is_imrmc(ours, figures, "AUCAminusAUCB", "varAUCAminusAUCB", rel)


def test_the_area_of_all_images_agrees_with_imrmc(expected, data):
    table, truth, _, _ = grid(
        [{**row, "arm": "all"} for row in data("simvtt/sim_vtt_dev.csv")],
        "arm",
        "image",
        lambda row: float(row["rating_1real_6synthetic"]),
        lambda row: row["origin"] == "synthetic",
    )

    found = mrmc.u_statistic(table, truth).areas[0]

    (figures,) = expected("simvtt/expected_sim_vtt_dev.json")["imrmc_overall_auc"]
    assert_is_imrmc(found, figures, "AUCA", "varAUCA", 5e-5)


def test_each_readers_variance_agrees_with_imrmc(expected, two_treatments):
    table, truth, treatments, readers = two_treatments

    for figures in expected("mrmc/expected_sim_mrmc_dev.json")["imrmc_perReader"]:
        own = table[:, [readers.index(figures["readerID"])]]
        found = mrmc.u_statistic(own, truth, treatments=treatments)

        first, second = figures["modalityA"], figures["modalityB"]
        if second == "NO_MOD":
            alone = found.areas[first]
            assert alone.variance_unbiased == pytest.approx(figures["varAUCA"], rel=1e-10)
            assert "one rater" in alone.estimate.method
        else:
            ours = found.contrasts[first, second].variance_unbiased
            assert ours == pytest.approx(figures["varAUCAminusAUCB"], rel=1e-10)


def by_loops(first, second, truth):
    """Return the (co)variance and moments of two areas over all pairs of all comparisons."""

    def successes(ratings):
        return {
            (r, i, k): float(row[i] > row[k]) + 0.5 * float(row[i] == row[k])
            for r, row in enumerate(ratings)
            for i in np.flatnonzero(truth)
            for k in np.flatnonzero(~truth)
            if not np.isnan(row[i]) and not np.isnan(row[k])
        }

    order = [  # reader, positive and negative of the pair in common
        (1, 1, 1), (1, 1, 0), (1, 0, 1), (1, 0, 0), (0, 1, 1), (0, 1, 0), (0, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    ours, theirs = successes(first), successes(second)
    exactly, least = ({kind: [] for kind in order} for _ in range(2))
    for (one, x), (other, y) in product(ours.items(), theirs.items()):
        shares = tuple(int(a == b) for a, b in zip(one, other, strict=True))
        exactly[shares].append(x * y)
        for kind in order:
            if all(need <= has for need, has in zip(kind, shares, strict=True)):
                least[kind].append(x * y)
    total = len(ours) * len(theirs)
    coefficients = [len(exactly[kind]) / total - (kind == (0, 0, 0)) for kind in order]
    unbiased, mle = (
        [np.mean(sums[kind]) if sums[kind] else None for kind in order] for sums in (exactly, least)
    )

    def variance(moments):
        return sum(c * m for c, m in zip(coefficients, moments, strict=True) if m is not None)

    return coefficients, unbiased, mle, variance(unbiased), variance(mle)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_moments_of_any_design_are_their_definition(seed, missing):
    table, truth = drawn(seed, readers=3, cases=9, missing=missing)

    found = mrmc.u_statistic(table, truth)

    variances = {}
    for i, k in ((0, 0), (1, 1), (0, 1)):
        coefficients, unbiased, mle, *variances[i, k] = by_loops(table[i], table[k], truth)
        ours = found.moments[i, k]
        assert ours.coefficients == pytest.approx(coefficients, abs=1e-12)
        for found_one, one in zip(ours.unbiased, unbiased, strict=True):
            assert found_one == (None if one is None else pytest.approx(one, rel=1e-10))
        for found_one, one in zip(ours.mle, mle, strict=True):
            assert found_one == (0 if one is None else pytest.approx(one, rel=1e-10))
    one = found.areas[0]
    assert (one.variance_unbiased, one.variance_mle) == pytest.approx(variances[0, 0], abs=1e-12)
    apart = np.array(variances[0, 0]) + variances[1, 1] - 2 * np.array(variances[0, 1])
    gap = found.contrasts[0, 1]
    assert (gap.variance_unbiased, gap.variance_mle) == pytest.approx(apart, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_crossed_difference_has_the_variance_of_obuchowski_and_rockette(seed):
    table, truth = drawn(seed, readers=5, cases=40)

    found = mrmc.u_statistic(table, truth).contrasts[0, 1]

    c = mrmc.obuchowski_rockette(table, truth, covariance="unbiased").components
    variance = 2 / 5 * (c.ms_tr + 5 * (c.cov2 - c.cov3))
    assert found.variance_unbiased == pytest.approx(variance, rel=1e-9)


def test_the_mle_variance_is_that_of_the_bootstrap_of_readers_and_cases():
    table, truth = drawn(5, treatments=1, readers=4, cases=25)
    rng = np.random.default_rng(0)
    wins = np.stack([roc_success(row, truth) for row in table[0]])
    draws = []
    for _ in range(4000):
        weights = [rng.multinomial(n, [1 / n] * n) / n for n in wins.shape]
        draws.append(np.einsum("rpn,r,p,n", wins, *weights, optimize=True))

    found = mrmc.u_statistic(table, truth, variance="mle").areas[0]

    assert found.used == "mle"
    assert found.estimate.se**2 == pytest.approx(np.var(draws), rel=0.08)


def roc_success(ratings, truth):
    positives, negatives = ratings[truth][:, None], ratings[~truth]
    return (positives > negatives) + 0.5 * (positives == negatives)


def test_readers_who_read_more_weigh_more():
    table, truth = drawn(6, treatments=1, readers=2, cases=30)
    table[0, 1, ::2] = np.nan

    found = mrmc.u_statistic(table, truth).estimates[0].value

    areas, weights = [], []
    for row in table[0]:
        given = ~np.isnan(row)
        areas.append(roc.auc(row[given], truth[given]).value)
        weights.append((given & truth).sum() * (given & ~truth).sum())
    assert found == pytest.approx(np.average(areas, weights=weights))


def test_unpaired_readers_have_no_covariance_through_readers():
    table, truth = drawn(7, readers=4, cases=12)
    table[0, 2:], table[1, :2] = np.nan, np.nan

    found = mrmc.u_statistic(table, truth)

    between = found.moments[0, 1]
    assert between.coefficients[:4] == (0, 0, 0, 0)
    assert between.unbiased[:4] == (None,) * 4
    gap = found.contrasts[0, 1]
    parts = by_loops(table[0], table[1], truth)
    alone = [found.areas[i].variance_unbiased for i in (0, 1)]
    assert gap.variance_unbiased == pytest.approx(sum(alone) - 2 * parts[3], abs=1e-12)


def test_a_negative_unbiased_variance_falls_back_and_says_so():
    for seed in range(300):
        table, truth = drawn(seed, treatments=1, readers=2, cases=8)
        found = mrmc.u_statistic(table, truth).areas[0]
        if found.variance_unbiased < 0:
            break

    assert found.variance_unbiased < 0
    assert found.used == "mle"
    assert found.estimate.se == pytest.approx(np.sqrt(found.variance_mle))
    assert "unbiased variance is negative" in found.estimate.method


def test_degrees_of_freedom_do_not_fall_below_the_smallest_of_readers_and_cases():
    lowest = []
    for seed in range(60):
        table, truth = drawn(seed, treatments=1, readers=5, cases=12)
        found = mrmc.u_statistic(table, truth).areas[0]
        assert found.df_minimum == 4  # five readers, five positives, seven negatives
        if found.estimate.df is not None:
            assert found.estimate.df >= 4
            lowest.append(found.estimate.df)
    assert min(lowest) == 4


def test_the_interval_is_students_on_whole_degrees_of_freedom():
    table, truth = drawn(8, treatments=1, readers=5, cases=40)

    found = mrmc.u_statistic(table, truth, level=0.9).areas[0]

    half = stats.t.ppf(0.95, np.floor(found.estimate.df)) * found.estimate.se
    assert found.estimate.low == pytest.approx(found.estimate.value - half)


def test_above_fifty_degrees_of_freedom_the_interval_is_normal():
    rng = np.random.default_rng(0)
    truth = np.arange(400) < 200
    table = truth + np.tile(rng.normal(size=400), (60, 1)) + 0.1 * rng.normal(size=(60, 400))

    found = mrmc.u_statistic(table, truth).areas[0]

    assert found.estimate.df > 50
    assert (found.estimate.low, found.estimate.high) == (found.normal.low, found.normal.high)


def test_equal_and_constant_ratings_have_no_variance_and_a_reason():
    table, truth = drawn(9, treatments=1)

    equal = mrmc.u_statistic(np.concatenate([table, table]), truth).contrasts[0, 1]
    constant = mrmc.u_statistic(np.ones((1, 3, 10)), np.arange(10) < 5).areas[0]

    assert (equal.estimate.value, equal.test.p) == (0, 1)
    assert (constant.estimate.value, constant.estimate.low, constant.test.p) == (0.5, None, None)
    assert "nothing varies" in constant.estimate.method


def test_a_single_positive_leaves_the_mle_variance():
    table, truth = drawn(10, treatments=1, readers=3, cases=12)
    truth = np.arange(12) == 0

    found = mrmc.u_statistic(table, truth).areas[0]

    assert (found.variance_unbiased, found.used) == (None, "mle")
    assert "not to be had" in found.estimate.method


def test_a_treatment_without_comparisons_is_refused_by_name():
    table, truth = drawn(11)
    table[1][:, truth] = np.nan

    with pytest.raises(NotEstimable, match="treatment y"):
        mrmc.u_statistic(table, truth, treatments="xy")
    with pytest.raises(ValueError, match="'jackknife' is unknown"):
        mrmc.u_statistic(table, truth, variance="jackknife")
