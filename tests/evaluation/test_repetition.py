"""Spaced repetition: what was missed comes back, spaced, until all of it is learnt."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.design.repetition import LEAST_WAIT, Box, boxes, count_learnt, next_case


def lesson(
    cases: int, times_right: int, answer: Callable[[int, int], bool], longest: int = 2000
) -> list[tuple[int, bool]]:
    """Return a whole lesson; `answer` is given the case and how often it was shown before."""
    history: list[tuple[int, bool]] = []
    while (case := next_case(range(cases), history, times_right)) is not None:
        before = sum(shown == case for shown, _ in history)
        history.append((case, answer(case, before)))
        assert len(history) < longest
    return history


def test_a_missed_case_comes_back_after_three_others_and_later_at_twice_the_distance():
    shown = [case for case, _ in lesson(12, 3, lambda case, before: case != 0 or before > 0)]

    places = [place for place, case in enumerate(shown) if case == 0]

    assert places[:3] == [0, 4, 11]


def test_who_is_always_right_meets_each_case_in_order_and_as_often_as_it_takes():
    history = lesson(10, 2, lambda case, before: True)

    assert [case for case, _ in history[:6]] == [0, 1, 2, 3, 4, 5]
    assert sorted(case for case, _ in history) == sorted([*range(10), *range(10)])


def test_a_case_that_is_alone_waits_for_others_that_are_learnt():
    history = lesson(5, 1, lambda case, before: case != 4 or before > 1)

    assert [case for case, _ in history] == [0, 1, 2, 3, 4, 0, 1, 4, 2, 3, 4]


def test_an_error_in_a_learnt_case_undoes_it():
    assert boxes([(7, True), (7, True), (3, True), (7, False)])[7] == Box(right=0, waited=0)
    assert count_learnt([(7, True), (7, True), (3, True)], 2) == 1
    assert count_learnt([(7, True), (7, True), (3, True), (7, False)], 2) == 0


@given(
    cases=st.integers(3, 25),
    times_right=st.integers(1, 4),
    misses=st.dictionaries(st.integers(0, 24), st.integers(1, 4)),
)
def test_every_lesson_ends_with_all_learnt_and_never_shows_a_case_too_soon(
    cases, times_right, misses
):
    history = lesson(cases, times_right, lambda case, before: before >= misses.get(case, 0))

    shown = [case for case, _ in history]
    assert count_learnt(history, times_right) == cases
    for place, case in enumerate(shown):
        assert case not in shown[max(0, place - min(LEAST_WAIT, cases - 1)) : place]
    assert history == lesson(cases, times_right, lambda case, before: before >= misses.get(case, 0))


@pytest.mark.parametrize("cases", [1, 2])
def test_so_few_cases_as_two_can_be_learnt_too(cases):
    assert len(lesson(cases, 2, lambda case, before: True)) == 2 * cases
