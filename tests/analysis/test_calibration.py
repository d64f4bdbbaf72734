"""Calibration, by its definitions, against scikit-learn, and with nothing to calibrate."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from analysis.calibration import (
    brier,
    calibration_error,
    mean_type_2_auc,
    overconfidence,
    reliability_curve,
    type_2_auc,
)
from analysis.proportions import wilson
from analysis.results import NotEstimable


def answers(n=400, steps=None, seed=0, bias=0.0):
    """Return confidences and right answers of somebody calibrated but for `bias`."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.3, 1, n)
    if steps:
        sure = np.round(sure * steps) / steps
    return sure, (rng.random(n) < np.clip(sure - bias, 0, 1)).astype(float)


def test_the_brier_score_is_that_of_scikit_learn_and_the_sum_of_its_parts():
    for steps in (None, 10, 100):
        sure, right = answers(steps=steps)

        found = brier(sure, right)

        parts = found.reliability - found.resolution + found.uncertainty + found.within
        assert found.score.value == pytest.approx(brier_score_loss(right, sure))
        assert parts == pytest.approx(found.score.value)
        assert found.score.low < found.score.value < found.score.high
        assert (found.within == 0) == (steps == 10)


def test_the_parts_are_those_of_murphy_for_few_confidences():
    sure = np.array([0.5, 0.5, 0.9, 0.9, 0.9])
    right = np.array([1, 0, 1, 1, 0])

    found = brier(sure, right)

    assert found.reliability == pytest.approx(3 / 5 * (0.9 - 2 / 3) ** 2)
    assert found.resolution == pytest.approx(2 / 5 * 0.1**2 + 3 / 5 * (2 / 3 - 0.6) ** 2)
    assert found.uncertainty == pytest.approx(0.24)


def test_the_curve_is_that_of_scikit_learn_in_bins_of_equal_size():
    sure, right = answers()

    found = reliability_curve(sure, right, bins=8)

    share, mean = calibration_curve(right, sure, n_bins=8, strategy="quantile")
    assert [each.right.value for each in found] == pytest.approx(share)
    assert [each.confidence for each in found] == pytest.approx(mean)
    assert [each.right.n for each in found] == [50] * 8
    assert found[0].right.low == wilson(round(50 * share[0]), 50).low


def test_equal_confidences_stay_in_one_bin():
    sure = np.repeat([0.2, 0.5, 0.55, 0.9, 0.95, 0.97], [3, 60, 1, 2, 30, 4])
    right = np.ones(100)

    found = reliability_curve(sure, right, bins=3)

    assert sum(each.right.n for each in found) == 100
    for lower, higher in pairwise(found):
        assert lower.highest < higher.lowest
    assert len(reliability_curve(sure, right, bins=10)) == 6


def test_calibration_error_is_the_mean_distance_and_says_when_it_is_mostly_noise():
    sure, right = answers(n=5000, bias=0.15)
    few = [calibration_error(*answers(n=80, seed=seed)) for seed in range(100)]

    many = calibration_error(sure, right)

    assert many.value == pytest.approx(0.15, abs=0.02)
    assert "biased" not in many.method
    curve = reliability_curve(sure, right)
    by_hand = sum(each.right.n * abs(each.confidence - each.right.value) for each in curve)
    assert many.value == pytest.approx(by_hand / 5000)
    said = [float(each.method.split()[-1]) for each in few]
    assert np.mean(said) == pytest.approx(np.mean([each.value for each in few]), abs=0.015)


def test_type_2_area_tells_right_from_wrong_by_confidence():
    sure, right = answers(n=150)
    sure[3] = np.nan

    found = type_2_auc(sure, right)

    known = ~np.isnan(sure)
    assert found.value == pytest.approx(roc_auc_score(right[known], sure[known]))
    assert found.low < found.value < found.high
    with pytest.raises(NotEstimable, match="two"):
        type_2_auc([0.5, 0.6, 0.7], [1, 1, 0])


def test_the_mean_of_type_2_areas_leaves_out_raters_without_errors():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0, 1, (5, 60))
    right = (rng.random((5, 60)) < 0.3 + 0.5 * sure).astype(float)
    right[4] = 1
    sure[0, :10] = np.nan

    found = mean_type_2_auc(sure, right)

    own = [type_2_auc(a, b).value for a, b in zip(sure[:4], right[:4], strict=True)]
    assert found.value == pytest.approx(np.mean(own))
    assert found == mean_type_2_auc(sure[:4], right[:4])
    assert 0 <= found.low < found.value < found.high <= 1
    with pytest.raises(NotEstimable):
        mean_type_2_auc(sure[4:], right[4:])


def test_overconfidence_is_a_mean_over_raters_that_covers():
    def study(seed):
        rng = np.random.default_rng(seed)
        skill = np.clip(0.6 + 0.1 * rng.normal(size=(8, 1)) + 0.2 * rng.normal(size=50), 0.02, 0.98)
        sure = np.clip(rng.normal(0.75, 0.1, (8, 50)), 0, 1)
        return sure, (rng.random((8, 50)) < skill).astype(float)

    found = [overconfidence(*study(seed)) for seed in range(300)]

    truth = np.mean([each.value for each in found])
    assert truth == pytest.approx(0.15, abs=0.02)
    assert np.mean([each.low < truth < each.high for each in found]) > 0.91
    assert np.mean([each.se for each in found]) == pytest.approx(
        np.std([each.value for each in found]), rel=0.15
    )


def test_overconfidence_averages_raters_not_answers_and_may_be_one_raters():
    sure = np.array([[0.9, 0.9, 0.9, 0.8], [0.5, np.nan, np.nan, np.nan]])
    right = np.array([[1.0, 0, 1, 0], [1, 1, 0, np.nan]])

    assert overconfidence(sure, right).value == pytest.approx((0.375 - 0.5) / 2)
    alone = overconfidence(sure[:1], right[:1])
    assert alone.value == pytest.approx(0.375)
    assert "this rater" in alone.method
    constant = overconfidence(np.full((3, 4), 0.8), np.ones((3, 4)))
    assert constant.value == pytest.approx(-0.2)
    assert (constant.low, constant.se) == (None, None)


@pytest.mark.parametrize("statistic", [brier, calibration_error, reliability_curve])
def test_no_answers_and_percentages_are_refused(statistic):
    with pytest.raises(NotEstimable):
        statistic([np.nan, 0.5], [1, np.nan])
    with pytest.raises(ValueError, match="divide percentages"):
        statistic([80, 90], [1, 0])
    with pytest.raises(ValueError, match="1 or 0"):
        statistic([0.5], [2])


def test_a_single_answer_has_a_score_without_an_interval():
    found = brier([0.8], [1])

    assert found.score.value == pytest.approx(0.04)
    assert (found.score.se, found.score.low) == (None, None)
