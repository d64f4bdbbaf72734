"""Pairs: property tests over random designs."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.design.items import Item, Kind
from evaluation.design.lists import plan_lists
from evaluation.design.order import OrderRules
from evaluation.design.pairs import match_pairs, pair_items, take_sides
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible
from tests.evaluation.design.designs import item_sets


def matched(items, seed="s"):
    return match_pairs(items, SeededStream(seed, "pairs"))


def plans_of(pairs, *, repeats=0, seed="s", practice=0):
    count = len(pairs) - practice
    plans = plan_lists(
        pair_items(pairs)[:count],
        lists=3,
        readings=None,
        occasions=2,
        rules=OrderRules(block=6),
        repeats_percent=repeats,
        seed=seed,
        practice=range(count, len(pairs)),
    )
    return [take_sides(plan, pairs, seed) for plan in plans]


@settings(max_examples=300, deadline=None)
@given(item_sets(checks=st.just(0)), st.integers(0, 1000))
def test_each_pair_holds_both_origins_of_one_entity_and_no_image_twice(items, seed):
    pairs = matched(items, str(seed))
    by_number = {item.number: item for item in items}

    shown = [number for pair in pairs for number in (pair.real, pair.synthetic)]
    assert sorted(shown) == sorted(by_number)
    for pair in pairs:
        real, synthetic = by_number[pair.real], by_number[pair.synthetic]
        assert (real.origin, synthetic.origin) == ("real", "synthetic")
        assert real.entity == synthetic.entity == pair.entity
        assert synthetic.arm == pair.arm


@settings(max_examples=300, deadline=None)
@given(item_sets(checks=st.just(0)), st.integers(0, 1000))
def test_neither_side_holds_more_synthetic_images(items, seed):
    pairs = matched(items)
    synthetic = {pair.synthetic: pair for pair in pairs}

    for plan in plans_of(pairs, seed=str(seed)):
        left = Counter(showing.number in synthetic for showing in plan.showings)
        assert abs(left[True] - left[False]) <= 1
        for arm, entity in {(pair.arm, pair.entity) for pair in pairs}:
            own = Counter(
                showing.number in synthetic
                for showing in plan.showings
                for pair in [synthetic.get(showing.number) or synthetic[showing.beside]]
                if (pair.arm, pair.entity) == (arm, entity)
            )
            assert abs(own[True] - own[False]) <= 1


@settings(max_examples=100, deadline=None)
@given(item_sets(per_cell=st.integers(4, 8), checks=st.just(0)), st.integers(0, 1000))
def test_a_pair_that_comes_back_has_changed_sides(items, seed):
    pairs = matched(items)
    by_list = {}

    for plan in plans_of(pairs, repeats=10, seed=str(seed)):
        seats = {(s.kind, frozenset((s.number, s.beside))): s.number for s in plan.showings}
        for (kind, pair), left in seats.items():
            if kind is Kind.REPEAT:
                assert seats[Kind.FIRST, pair] != left
        firsts = {pair: left for (kind, pair), left in seats.items() if kind is Kind.FIRST}
        before = by_list.setdefault(plan.number, firsts)
        if plan.occasion == 2:
            assert all(before[pair] != left for pair, left in firsts.items())


def test_the_same_seed_gives_the_same_sides_and_another_gives_others():
    items = [
        Item(2 * k + side, origin, "mel", arm)
        for k in range(20)
        for side, (origin, arm) in enumerate([("real", ""), ("synthetic", "g")])
    ]

    assert plans_of(matched(items)) == plans_of(matched(items))
    assert plans_of(matched(items), seed="t") != plans_of(matched(items))
    assert len({plan.showings for plan in plans_of(matched(items))}) == 6


def test_practice_pairs_come_first_and_are_balanced_by_themselves():
    items = [
        Item(2 * k + side, origin, "mel", arm)
        for k in range(12)
        for side, (origin, arm) in enumerate([("real", ""), ("synthetic", "g")])
    ]
    pairs = matched(items)
    synthetic = {pair.synthetic for pair in pairs}

    plan = plans_of(pairs, practice=4)[0]

    assert [showing.kind for showing in plan.showings[:4]] == [Kind.PRACTICE] * 4
    assert sum(showing.number in synthetic for showing in plan.showings[:4]) == 2
    assert sum(showing.number in synthetic for showing in plan.showings[4:]) == 4


def test_unequal_numbers_of_both_origins_are_refused():
    items = [Item(0, "real", "mel"), Item(1, "real", "mel"), Item(2, "synthetic", "mel", "g")]

    with pytest.raises(DesignImpossible, match="mel: 2 real and 1 synthetic"):
        matched(items)
    assert len(matched([*items, replace(items[2], number=3)])) == 2
