"""ROC curves and areas: against pROC in R, scikit-learn, and their definitions written out."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from analysis import roc
from analysis.results import NotEstimable


def columns(rows, *names):
    return tuple(np.array([float(row[name]) for row in rows]) for name in names)


def test_auc_delong_and_curve_agree_with_proc_on_hanley_mcneil(expected, data):
    figures = expected("roc/expected_roc.json")["hanley_mcneil_1982"]
    truth, rating = columns(data("roc/hanley_mcneil_1982.csv"), "truth", "rating")

    normal, logit = (roc.delong(rating, truth, interval=kind) for kind in ("normal", "logit"))
    curve = roc.empirical_curve(rating, truth)

    assert roc.auc(rating, truth).value == pytest.approx(figures["auc"], rel=1e-10)
    assert normal.se == pytest.approx(figures["delong_se"], rel=1e-10)
    assert (normal.low, normal.value, normal.high) == pytest.approx(figures["delong_ci"], rel=1e-10)
    assert (logit.low, logit.high) == pytest.approx(figures["logit_delong_ci"], rel=1e-10)
    assert curve.hit == pytest.approx([point["sens"] for point in figures["roc"]][::-1])
    assert 1 - curve.false_alarm == pytest.approx([point["spec"] for point in figures["roc"]][::-1])


def test_delong_variance_agrees_with_proc_on_the_tiny_example(expected, data):
    figures = expected("roc/expected_roc.json")["tiny_paired"]
    truth, a, b = columns(data("roc/tiny_paired.csv"), "truth", "a", "b")

    for name, scores in (("a", a), ("b", b)):
        found = roc.delong(scores, truth)
        assert found.value == pytest.approx(figures[f"auc_{name}"], rel=1e-12)
        assert found.se**2 == pytest.approx(figures[f"var_{name}"], rel=1e-10)


def test_each_simulated_readers_area_and_interval_agree_with_proc(expected, data):
    rows = data("simvtt/sim_vtt_dev.csv")
    for figures in expected("simvtt/expected_sim_vtt_dev.json")["per_reader"]:
        own = [row for row in rows if row["reader"] == figures["reader"]]
        rating, said = columns(own, "rating_1real_6synthetic", "says_synthetic")
        truth = [row["origin"] == "synthetic" for row in own]

        found = roc.delong(rating, truth)

        theirs = (figures["auc_rating"], figures["delong_lo"], figures["delong_hi"])
        assert (found.value, found.low, found.high) == pytest.approx(theirs, rel=1e-8)
        assert roc.auc(said, truth).value == pytest.approx(figures["auc_binary"], rel=1e-8)


def test_placements_are_the_definition_of_delong_with_ties():
    rng = np.random.default_rng(2)
    scores, truth = rng.integers(0, 5, 60), rng.random(60) < 0.4

    v10, v01 = roc.placements(scores, truth)

    wins = (scores[truth][:, None] > scores[~truth]) + 0.5 * (
        scores[truth][:, None] == scores[~truth]
    )
    assert v10 == pytest.approx(wins.mean(axis=1))
    assert v01 == pytest.approx(wins.mean(axis=0))


def test_perfect_separation_gets_a_one_sided_bound_and_no_standard_error():
    found = roc.delong([1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 1, 1])

    assert (found.value, found.high, found.se) == (1, 1, None)
    assert found.low == pytest.approx(0.05 ** (1 / 3))


def test_equal_ratings_give_one_half_without_an_interval():
    found = roc.delong([3] * 8, [0, 1] * 4)

    assert (found.value, found.low, found.high) == (0.5, None, None)


@pytest.mark.parametrize("truth", [[1, 1, 1], [0, 0, 0]])
def test_an_area_needs_both_classes(truth):
    with pytest.raises(NotEstimable):
        roc.auc([1, 2, 3], truth)


def test_average_curve_is_the_mean_of_hits_at_each_false_alarm_rate():
    scores = [[1, 2, 3, 4], [1, 1, 1, 1]]  # perfect, chance

    average = roc.average_curve(scores, [0, 0, 1, 1], [0, 0.5, 1])

    assert average.hit == pytest.approx([0.5, 0.75, 1])


def success(scores, truth):
    """Return the definition: 1 where a positive is scored above a negative, 1/2 for a tie."""
    scores, truth = np.asarray(scores), np.asarray(truth, dtype=bool)
    positives, negatives = scores[truth][:, None], scores[~truth]
    return (positives > negatives) + 0.5 * (positives == negatives)


def two_scores(seed, cases=60):
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) < 0.4 * cases
    shared = truth + rng.normal(size=cases)
    return (np.round(shared + rng.normal(size=cases), 1) for _ in range(2)), truth


def test_paired_areas_agree_with_proc(expected, data):
    figures = expected("roc/expected_roc.json")["tiny_paired"]
    truth, a, b = columns(data("roc/tiny_paired.csv"), "truth", "a", "b")

    found = roc.delong_paired(a, b, truth)

    assert (found.covariance, found.test.statistic, found.test.p) == pytest.approx(
        (figures["cov"], figures["z"], figures["p"]), rel=1e-10
    )
    variance = figures["var_a"] + figures["var_b"] - 2 * figures["cov"]
    assert found.difference.se == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert found.difference.value == figures["auc_a"] - figures["auc_b"]


@pytest.mark.parametrize("seed", range(5))
def test_the_variance_of_a_paired_difference_is_its_definition_with_ties(seed):
    (a, b), truth = two_scores(seed)
    gap = success(a, truth) - success(b, truth)
    naive = gap.mean(1).var(ddof=1) / gap.shape[0] + gap.mean(0).var(ddof=1) / gap.shape[1]

    found = roc.delong_paired(a, b, truth)

    parts = found.first.se**2 + found.second.se**2 - 2 * found.covariance
    assert (found.difference.se**2, parts) == pytest.approx((naive, naive), rel=1e-10)
    z = gap.mean() / np.sqrt(naive)
    assert found.test.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-10)


def test_scores_of_the_same_order_differ_by_nothing_with_p_of_one():
    (a, _), truth = two_scores(3)

    found = roc.delong_paired(a, np.exp(a), truth)

    assert (found.difference.value, found.difference.se, found.test.p) == (0, None, 1)


def test_perfect_against_reversed_scores_get_no_test_and_the_reason():
    truth = [0, 0, 0, 1, 1, 1]

    found = roc.delong_paired([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], truth)

    assert (found.difference.value, found.test.p) == (1, None)
    assert "nothing varies" in found.difference.method


@pytest.mark.parametrize("separating", [[1, 2, 3, 4, 5, 6], [9, 9, 8, 1, 2, 1]])
def test_an_interval_of_a_perfect_area_is_never_of_no_width(separating):
    found = roc.delong(separating, [0, 0, 0, 1, 1, 1])

    assert found.value in (0, 1)
    assert found.high - found.low == pytest.approx(1 - 0.05 ** (1 / 3))
    assert "perfect separation" in found.method


def test_one_discordant_pair_in_many_cases_is_no_perfect_separation():
    scores = np.arange(200_000.0)
    truth = scores >= 100_000
    scores[[99_999, 100_000]] = scores[[100_000, 99_999]]

    found = roc.delong(scores, truth)

    assert 0 < found.se < 1e-8
    assert found.value == pytest.approx(1 - 1e-10, abs=1e-15)


def test_an_area_is_the_same_in_any_order_and_complementary_when_scores_are_negated():
    (a, _), truth = two_scores(4)
    order = np.random.default_rng(0).permutation(truth.size)

    found, shuffled = roc.delong(a, truth), roc.delong(a[order], truth[order])
    negated, swapped = roc.delong(-a, truth), roc.delong(-a, ~truth)

    assert (shuffled.value, shuffled.se) == pytest.approx((found.value, found.se), rel=1e-12)
    assert (1 - negated.value, negated.se) == pytest.approx((found.value, found.se), rel=1e-12)
    assert (swapped.value, swapped.se) == pytest.approx((found.value, found.se), rel=1e-12)


def test_one_case_of_a_class_gives_an_area_but_no_variance():
    assert roc.auc([1, 2, 3], [0, 0, 1]).value == 1
    with pytest.raises(NotEstimable, match="fewer than two"):
        roc.delong([1, 2, 3], [0, 0, 1])


def test_missing_scores_are_refused():
    with pytest.raises(ValueError, match="missing"):
        roc.auc([1, np.nan, 3], [0, 0, 1])


@pytest.mark.parametrize("along", ["vertical", "diagonal"])
def test_the_area_under_an_average_curve_is_the_mean_area(along):
    rng = np.random.default_rng(7)
    truth = np.arange(47) < 16
    scores = np.round(truth + rng.normal(size=(4, truth.size)), 1)
    scores[1, 5:30], scores[2, 12:20] = np.nan, np.nan
    scores[3, truth] = np.nan  # read negatives only

    average = roc.average_curve(scores, truth, along=along)

    area = np.trapezoid(average.hit, average.false_alarm)
    given = ~np.isnan(scores[:3])
    areas = [
        roc.auc(row[own], truth[own]).value for row, own in zip(scores[:3], given, strict=True)
    ]
    assert area == pytest.approx(np.mean(areas), rel=1e-12)
    assert (average.false_alarm[0], average.hit[0]) == (0, 0)
    assert (average.false_alarm[-1], average.hit[-1]) == pytest.approx((1, 1))
    assert (np.diff(average.hit) > -1e-12).all()


@pytest.mark.parametrize("along", ["vertical", "diagonal"])
def test_the_average_of_one_curve_twice_is_that_curve(along):
    (a, _), truth = two_scores(5)
    curve = roc.empirical_curve(a, truth)

    average = roc.average_curve([a, a], truth, along=along)

    points = zip(average.false_alarm.round(9), average.hit.round(9), strict=True)
    assert set(points) <= set(zip(curve.false_alarm.round(9), curve.hit.round(9), strict=True))


def test_the_diagonal_average_of_a_perfect_and_a_useless_curve_lies_half_way_between_them():
    average = roc.average_curve([[1, 2, 3, 4], [1, 1, 1, 1]], [0, 0, 1, 1], along="diagonal")

    corner = average.false_alarm + average.hit == 1  # where one meets (0, 1), one (0.5, 0.5)
    assert (average.false_alarm[corner], average.hit[corner]) == (0.25, 0.75)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_hand_till_is_the_mean_of_pairs_as_scikit_learn_computes_it(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(0, classes, 80)
    scores = rng.dirichlet(np.ones(classes), 80).round(2) + 0.3 * np.eye(classes)[truth]
    scores /= scores.sum(axis=1, keepdims=True)

    found = roc.hand_till(scores, truth)

    if classes == 2:
        assert found.value == pytest.approx(roc_auc_score(truth, scores[:, 1]))
    else:
        theirs = roc_auc_score(truth, scores, multi_class="ovo", average="macro")
        assert found.value == pytest.approx(theirs, rel=1e-12)


def test_hand_till_leaves_out_classes_without_cases_and_says_so():
    scores = np.eye(3)[[0, 0, 1, 1]]

    found = roc.hand_till(scores, [0, 0, 1, 1])

    assert found.value == 1
    assert "1 classes without cases" in found.method
    with pytest.raises(NotEstimable, match="one class only"):
        roc.hand_till(scores, [0, 0, 0, 0])


def test_the_true_class_is_a_column_of_the_scores():
    scores = [[0.6, 0.4], [0.3, 0.7], [0.2, 0.8]]

    assert roc.hand_till(scores, [0.0, 1.0, 1.0]).value == 1
    for truth in ([0.5, 1, 1], [1, 2, 2], ["nv", "mel", "mel"]):
        with pytest.raises(ValueError, match=r"columns of the scores, 0\.\.1"):
            roc.hand_till(scores, truth)


def test_an_unknown_interval_is_refused_even_where_none_is_needed():
    with pytest.raises(ValueError, match="'wald' is unknown"):
        roc.delong([1, 2, 3, 4], [0, 0, 1, 1], interval="wald")
