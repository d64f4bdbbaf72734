"""The staircase of timed readings."""

import random
from math import exp

import pytest

from evaluation.design.staircase import (
    Staircase,
    modal_exposure,
    settled_exposure,
    whole_frames,
)


def simulate(staircase: Staircase, trials: int, seed: int) -> tuple[list[int], list[bool]]:
    """Answer as a rater who guesses at 0 ms and is right three times in four at 400 ms."""
    chance = random.Random(seed)
    exposures, right = [staircase.start], []
    for _ in range(trials):
        sees = 1 / (1 + exp(-(exposures[-1] - 400) / 60))
        right.append(chance.random() < 0.5 + 0.5 * sees)
        exposures.append(staircase.after(exposures[-1], right=right[-1]))
    return exposures[:-1], right


def test_30_up_and_10_down_settle_where_three_answers_in_four_are_right():
    runs = [simulate(Staircase(), 150, seed) for seed in range(300)]

    late = [answer for _, right in runs for answer in right[50:]]
    settled = [settled_exposure(exposures) for exposures, _ in runs]

    assert Staircase().target == 0.75
    assert sum(late) / len(late) == pytest.approx(0.75, abs=0.02)
    assert sum(settled) / len(settled) == pytest.approx(400, abs=15)


def test_steps_the_other_way_round_end_at_the_shortest_exposure_and_at_chance():
    runs = [simulate(Staircase(up=10, down=30), 150, seed) for seed in range(100)]

    late = [answer for _, right in runs for answer in right[50:]]

    assert sum(late) / len(late) < 0.6
    assert all(modal_exposure(exposures) == 100 for exposures, _ in runs)


def test_exposures_stay_between_the_shortest_and_the_longest():
    assert Staircase().exposures([True] * 60)[-1] == 100
    assert Staircase().exposures([False] * 60)[-1] == 1000
    assert Staircase().exposures([True, False]) == [500, 490, 520]


def test_an_exposure_is_shown_in_whole_frames():
    assert whole_frames(100, 1000 / 60) == pytest.approx(100)
    assert whole_frames(110, 1000 / 60) == pytest.approx(7 * 1000 / 60)
    assert whole_frames(1, 1000 / 60) == pytest.approx(1000 / 60)


def test_the_commonest_exposure_is_the_shortest_among_equals():
    assert modal_exposure([120, 110, 120, 110, 130]) == 110


def test_too_few_trials_have_no_settled_exposure():
    with pytest.raises(ValueError, match="50 trials are too few"):
        settled_exposure([100] * 50)
