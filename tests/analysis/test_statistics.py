"""Statistics of one number, against figures from other programs and hand calculation."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import classification_report as sklearn_report

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
