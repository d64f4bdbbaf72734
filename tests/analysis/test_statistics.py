"""Statistics of one number, against figures from other programs and hand calculation."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import classification_report as sklearn_report

from analysis import roc
from analysis.confusion import classification_report, confusion
from analysis.proportions import clopper_pearson, wilson
from analysis.results import NotEstimable
from analysis.signal_detection import criterion, d_prime


def test_wilson_and_clopper_pearson_agree_with_r(expected):
    for case in expected("binomial/expected_binomial.json")["intervals"]:
        score, exact = (f(case["x"], case["n"]) for f in (wilson, clopper_pearson))

        assert (score.low, score.high) == pytest.approx(case["wilson"], rel=1e-10)
        assert (exact.low, exact.high) == pytest.approx(case["clopper_pearson"], rel=1e-10)
        assert score.value == pytest.approx(case["p"], rel=1e-10)
        assert score.n == case["n"]


def test_wilson_agrees_with_scipy_at_another_level():
    ours = wilson(7, 31, level=0.9)

    theirs = stats.binomtest(7, 31).proportion_ci(0.9, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_a_share_of_nothing_is_not_estimable(interval):
    with pytest.raises(NotEstimable):
        interval(0, 0)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_more_successes_than_answers_are_refused(interval):
    with pytest.raises(ValueError, match="5 of 4"):
        interval(5, 4)


def test_d_prime_and_criterion_are_log_linear(expected):
    case = expected("binomial/expected_binomial.json")["dprime"][0]
    hits = [True] * case["hits"] + [False] * case["misses"]
    alarms = [True] * case["fa"] + [False] * case["cr"]

    assert d_prime(hits, alarms).value == pytest.approx(case["dprime_loglinear"], rel=1e-10)
    assert criterion(hits, alarms).value == pytest.approx(case["c_loglinear"], rel=1e-10)


def test_d_prime_of_a_perfect_rater_is_finite_and_needs_both_kinds_of_images():
    assert np.isfinite(d_prime([True] * 10, [False] * 10).value)
    with pytest.raises(NotEstimable, match="real"):
        d_prime([True] * 10, [])


def test_standard_error_of_d_prime_is_that_of_simulated_raters():
    rng = np.random.default_rng(1)
    drawn = [d_prime(rng.random(200) < 0.8, rng.random(200) < 0.3).value for _ in range(800)]

    reported = d_prime(np.arange(200) < 160, np.arange(200) < 60).se

    assert reported == pytest.approx(np.std(drawn), rel=0.1)


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
    first = roc.empirical_curve([1, 2, 3, 4], [0, 0, 1, 1])  # perfect
    second = roc.empirical_curve([1, 1, 1, 1], [0, 0, 1, 1])  # chance

    assert roc.average_curve([first, second], [0, 0.5, 1]) == pytest.approx([0.5, 0.75, 1])


def test_the_classification_report_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    truth, answered = (rng.choice(["a", "b", "c"], 200) for _ in range(2))

    ours = classification_report(confusion(truth, answered, "abc"))

    theirs = sklearn_report(truth, answered, output_dict=True)
    for line in ours.lines:
        figures = theirs[line.label]
        assert (line.precision, line.recall, line.f1, line.support) == pytest.approx(
            (figures["precision"], figures["recall"], figures["f1-score"], figures["support"])
        )
    for name, average in (("macro avg", ours.macro), ("weighted avg", ours.weighted)):
        assert (average.precision, average.recall, average.f1) == pytest.approx(
            [theirs[name][key] for key in ("precision", "recall", "f1-score")]
        )
    assert ours.accuracy == pytest.approx(theirs["accuracy"])


def test_what_was_never_answered_has_no_precision_and_what_was_never_shown_no_recall():
    report = classification_report(confusion(["a", "a", "b"], ["a", "c", "a"], "abc"))

    a, b, c = report.lines
    assert (b.precision, b.recall, b.f1) == (None, 0, 0)
    assert (c.precision, c.recall, c.f1) == (0, None, None)
    assert (report.never_answered, report.never_shown) == (("b",), ("c",))
    assert report.macro.recall == pytest.approx((a.recall + b.recall) / 2)
    assert report.macro.precision == a.precision


def test_kappa_and_correlation_are_undefined_where_nothing_varies():
    same = classification_report(confusion(["a", "a"], ["a", "a"], "ab"))
    one_sided = classification_report(confusion(["a", "b"], ["a", "a"], "ab"))

    assert (same.kappa, same.mcc, same.accuracy) == (None, None, 1)
    assert (one_sided.kappa, one_sided.mcc) == (0, None)
