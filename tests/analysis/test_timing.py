"""Times and order, by their definitions and with drifts that are known."""

import numpy as np
import pytest
from scipy import stats

from analysis.mixed_model import crossed_logistic
from analysis.results import NotEstimable, Unknown
from analysis.timing import (
    SLOWEST_MS,
    counted_times,
    drift,
    learning,
    response_times,
    speed_accuracy,
)


def test_each_time_that_does_not_count_is_counted_once():
    times = np.array([[np.nan, 100, 200, 5000, 90_000, 4000]])
    interrupted = np.array([[True, True, False, False, False, False]])

    counts, excluded = counted_times(times, interrupted, slowest=60_000)

    assert counts.tolist() == [[False, False, False, True, False, True]]
    assert (excluded.missing, excluded.interrupted) == (1, 1)
    assert (excluded.too_fast, excluded.too_slow) == (1, 1)
    assert counted_times([300, 299.9])[0].tolist() == [True, False]
    assert counted_times([SLOWEST_MS, SLOWEST_MS + 1])[0].tolist() == [True, False]


def test_the_typical_time_is_a_mean_over_raters_of_logarithms():
    rng = np.random.default_rng(0)
    times = np.exp(rng.normal(8, 0.5, (6, 40)) + 0.3 * rng.normal(size=(6, 1)))
    times[0, :35] = np.nan

    found = response_times(times)

    logs = [np.log(row[~np.isnan(row)]).mean() for row in times]
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found.typical.value == pytest.approx(np.exp(np.mean(logs)))
    assert (found.typical.low, found.typical.high) == pytest.approx(np.exp(interval))
    assert found.typical.df == 5
    assert found.median == pytest.approx(np.nanmedian(times))
    first = found.raters[0]
    assert first.n == 5
    assert first.typical == pytest.approx(np.exp(logs[0]))
    assert (first.lower_quartile, first.upper_quartile) == pytest.approx(
        np.percentile(times[0, 35:], [25, 75])
    )
    assert found.excluded.missing == 35


def test_a_rater_without_times_is_none_and_nobody_with_any_not_estimable():
    found = response_times([[1000, 2000], [100, np.nan]])

    assert found.raters[1] is None
    assert (found.typical.low, found.typical.se) == (None, None)
    assert "one rater" in found.typical.method
    with pytest.raises(NotEstimable):
        response_times([[100, np.nan]])


def readings(seed=1, raters=10, trials=120, faster=0.8, learning=0.2):
    """Return times and answers of raters who change by known amounts in 100 trials."""
    rng = np.random.default_rng(seed)
    trial = np.stack([rng.permutation(trials) + 1.0 for _ in range(raters)])
    logs = 8 + 0.3 * rng.normal(size=(raters, 1)) + np.log(faster) * trial / 100
    times = np.exp(logs + 0.4 * rng.normal(size=trial.shape))
    right = (rng.random(trial.shape) < 0.5 + learning * trial / 100).astype(float)
    return times, right, trial


def test_learning_and_haste_are_found_per_hundred_trials():
    found = drift(*readings())
    none = drift(*readings(seed=2, faster=1, learning=0))

    assert found.time.low < 0.8 < found.time.high < 1
    assert 0 < found.accuracy.low < 0.2 < found.accuracy.high
    assert none.time.low < 1 < none.time.high
    assert none.accuracy.low < 0 < none.accuracy.high


def test_slopes_are_each_raters_own_least_squares_without_times_that_do_not_count():
    times, right, trial = readings(raters=3)
    times[0, :10] = 50
    right[1, 5] = np.nan

    found = drift(times, right, trial)

    pace = [
        stats.linregress(trial[j][times[j] >= 300], np.log(times[j][times[j] >= 300])).slope
        for j in range(3)
    ]
    known = ~np.isnan(right)
    gain = [stats.linregress(trial[j][known[j]], right[j][known[j]]).slope for j in range(3)]
    assert found.time.value == pytest.approx(np.exp(100 * np.mean(pace)))
    assert found.accuracy.value == pytest.approx(100 * np.mean(gain))


def test_blocks_hold_twenty_trials_whatever_the_order_of_columns():
    times, right, trial = readings(raters=4, trials=50)
    right[0, trial[0] > 40] = np.nan

    found = drift(times, right, trial)

    assert [(each.first, each.last) for each in found.blocks] == [(1, 20), (21, 40), (41, 60)]
    second = found.blocks[1]
    assert second.by_rater[2] == right[2, (trial[2] > 20) & (trial[2] <= 40)].mean()
    assert second.accuracy.value == pytest.approx(np.mean(second.by_rater))
    assert found.blocks[2].by_rater[0] is None
    assert found.blocks[2].accuracy.n == 30
    assert 0 <= second.accuracy.low < second.accuracy.high <= 1


def test_a_line_through_next_to_nothing_says_nothing_of_a_hundred_trials():
    times = np.array([[400.0, 4000, 40_000], [500, 4000, 40_000]])
    trial = np.array([[1.0, 2, 3], [1, 2, 3]])

    assert isinstance(drift(times, np.ones((2, 3)), trial).time, Unknown)


def test_a_drift_that_nobody_shows_is_unknown():
    nothing = np.full((2, 5), np.nan)

    found = drift(nothing, nothing, nothing)

    assert isinstance(found.time, Unknown)
    assert isinstance(found.accuracy, Unknown)
    assert found.blocks == ()


def test_right_answers_can_be_the_faster_ones():
    times, right, _ = readings(raters=12, faster=1, learning=0)
    times = np.where(right == 1, times * 0.7, times)

    found = speed_accuracy(times, right)

    gaps = [
        np.log(row[own == 1]).mean() - np.log(row[own == 0]).mean()
        for row, own in zip(times, right, strict=True)
    ]
    assert found.within.value == pytest.approx(np.exp(np.mean(gaps)))
    assert found.within.low < 0.7 < found.within.high < 1
    speed, share = found.raters[3]
    assert speed == pytest.approx(np.exp(np.log(times[3]).mean()))
    assert share.value == right[3].mean()
    order = stats.spearmanr([each[0] for each in found.raters], right.mean(axis=1))
    assert found.between.value == pytest.approx(order.statistic)
    assert found.between_test.p == pytest.approx(order.pvalue)


def test_few_raters_have_no_correlation_and_those_who_never_err_no_difference():
    times = np.full((3, 10), 1000.0)

    found = speed_accuracy(times, np.ones((3, 10)))

    assert isinstance(found.within, Unknown)
    assert "four" in found.between.reason
    assert isinstance(speed_accuracy(np.full((5, 4), 900.0), np.ones((5, 4))).between, Unknown)


def test_learning_in_the_mixed_model_is_that_of_the_model_in_single_trials():
    _, right, trial = readings(raters=8, learning=0.4)
    synthetic = np.arange(120) % 2 == 0
    right = np.clip(right * (np.arange(120) % 7 > 0), 0, 1)
    right[0, 3] = np.nan

    odds, test = learning(right, trial, synthetic)

    rater, image = np.nonzero(np.isfinite(right))
    number = trial[rater, image]
    by_hand = crossed_logistic(
        right[rater, image],
        np.stack([np.ones(len(rater)), number - number.mean(), synthetic[image] - 0.5], axis=1),
        rater,
        image,
        names=("one", "trial", "synthetic"),
        slope="trial",
    )
    expected = by_hand.coefficients["trial"]
    assert np.log(odds.value) / 100 == pytest.approx(expected.value, rel=1e-3)
    assert np.log(odds.low) / 100 == pytest.approx(expected.low, rel=1e-2)
    assert odds.low > 1
    assert (odds.n, odds.df) == (8 * 120 - 1, 7)
    assert test.p == pytest.approx(by_hand.tests["trial"].p, rel=0.02)


@pytest.mark.parametrize(
    ("right", "trial", "reason"),
    [
        (np.ones((3, 6)), np.full((3, 6), np.nan), "no answer has the number of its trial"),
        (np.ones((1, 6)), np.arange(6.0)[None], "one rater"),
        (np.ones((3, 6)), np.tile(np.arange(6.0), (3, 1)), "every answer is the same"),
        (np.eye(6)[:3], np.ones((3, 6)), "one trial"),
        (
            np.tile(np.arange(40) < 20, (6, 1)).astype(float),
            np.tile(np.arange(40.0), (6, 1)),
            "separated",
        ),
    ],
)
def test_where_no_model_of_learning_can_be_fitted_the_reason_is_given(right, trial, reason):
    odds, test = learning(right, trial, np.arange(right.shape[1]) % 2 == 0)

    assert reason in odds.reason
    assert test is None
