"""Orders: property tests over random designs."""

from collections import Counter
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.design.items import Item, Kind
from evaluation.design.order import OrderRules, deal, reading_order, williams_square
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible
from tests.evaluation.design.designs import item_sets


def order_of(items, rules, seed="s", reading_list=0, occasion=1):
    return reading_order(items, rules, seed=seed, reading_list=reading_list, occasion=occasion)


def longest_run(values) -> int:
    return max(len(list(run)) for _, run in groupby(values))


def rules_with(**fixed):
    free = {
        "block": st.integers(0, 40),
        "run_of_origin": st.sampled_from([0, 3, 4, 6]),
        "run_of_entity": st.sampled_from([0, 3, 4, 6]),
        "counterbalanced": st.booleans(),
    }
    return st.builds(OrderRules, **(free | {k: st.just(v) for k, v in fixed.items()}))


@settings(max_examples=300, deadline=None)
@given(item_sets(), rules_with(run_of_origin=0, run_of_entity=0), st.integers(0, 20))
def test_every_item_is_shown_once(items, rules, reading_list):
    order = order_of(items, rules, reading_list=reading_list)

    assert sorted(showing.number for showing in order) == list(range(len(items)))
    assert {showing.number for showing in order if showing.kind is Kind.CHECK} == {
        item.number for item in items if item.is_check
    }


@settings(max_examples=300, deadline=None)
@given(item_sets(), rules_with(), st.integers(0, 20), st.integers(0, 1000))
def test_runs_stay_as_short_as_asked_or_the_design_is_refused(items, rules, reading_list, seed):
    try:
        order = order_of(items, rules, seed=str(seed), reading_list=reading_list)
    except DesignImpossible:
        # Only designs of few diagnoses or with an excess of one origin are ever impossible, and
        # those whose blocks are so small that one of them may hold little but one diagnosis.
        entities = Counter(item.entity for item in items)
        origins = Counter(item.origin for item in items)
        crowded = rules.run_of_entity and max(entities.values()) * 2 > len(items)
        lopsided = rules.run_of_origin and origins["synthetic"] > origins["real"]
        small = rules.block and rules.block < 4 * len(entities)
        assert crowded or lopsided or small
        return

    shown = [items[showing.number] for showing in order]

    if rules.run_of_origin:
        assert longest_run(item.origin for item in shown) <= rules.run_of_origin
    if rules.run_of_entity:
        assert longest_run(item.entity for item in shown) <= rules.run_of_entity


@settings(max_examples=300, deadline=None)
@given(item_sets(), st.integers(1, 20), st.integers(0, 1000))
def test_blocks_are_of_one_size_and_hold_the_same_share_of_everything(items, hands, seed):
    blocks = deal(items, hands, SeededStream(seed))

    assert sorted(item.number for block in blocks for item in block) == list(range(len(items)))
    for what in (
        lambda item: None,
        lambda item: item.is_check,
        lambda item: (item.is_check, item.origin),
        lambda item: (item.is_check, item.origin, item.arm),
        lambda item: (item.is_check, item.origin, item.arm, item.entity),
    ):
        for value in {what(item) for item in items}:
            counts = [sum(what(item) == value for item in block) for block in blocks]
            assert max(counts) - min(counts) <= 1


@settings(max_examples=200, deadline=None)
@given(item_sets(per_cell=st.integers(3, 8)), rules_with(run_of_origin=0), st.data())
def test_repeats_come_back_once_and_far_later(items, rules, data):
    repeats = data.draw(st.integers(1, max(1, len(items) // 8)))
    # Blocks of a few images only would stand in the first third by chance, not by design.
    block = rules.block and max(rules.block, 10)
    rules = OrderRules(block, 0, 0, rules.counterbalanced, repeats)

    order = order_of(items, rules)
    places: dict[int, list[int]] = {}
    for place, showing in enumerate(order):
        places.setdefault(showing.number, []).append(place)
    twice = {number: at for number, at in places.items() if len(at) > 1}

    assert len(twice) == repeats == sum(s.kind is Kind.REPEAT for s in order)
    assert all(len(at) == 2 and at[1] - at[0] >= len(items) // 5 for at in twice.values())
    assert all(order[at[1]].kind is Kind.REPEAT for at in twice.values())
    origins = Counter(items[number].origin for number in twice)
    assert abs(origins["real"] - origins["synthetic"]) <= 1


@settings(max_examples=100, deadline=None)
@given(item_sets(), rules_with(run_of_origin=0, run_of_entity=0), st.integers(0, 5))
def test_an_order_follows_from_the_seed_alone(items, rules, reading_list):
    order = order_of(items, rules, reading_list=reading_list)

    assert order == order_of(items[::-1], rules, reading_list=reading_list)


def seed_study() -> list[Item]:
    entities = ["mel", "nv", "akiec", "bkl", "bcc", "df", "vasc"]
    cells = [(o, e) for o in ("real", "synthetic") for e in entities for _ in range(10)]
    return [Item(k, o, e, "" if o == "real" else "dermdiff") for k, (o, e) in enumerate(cells)]


def test_raters_occasions_and_studies_have_orders_of_their_own():
    rules = OrderRules(block=28, run_of_origin=4, run_of_entity=2)

    orders = [
        order_of(seed_study(), rules, seed, reading_list, occasion)
        for seed in ("a", "b")
        for reading_list in range(5)
        for occasion in (1, 2)
    ]

    assert len({tuple(s.number for s in order) for order in orders}) == 20


def test_no_place_of_the_list_tells_the_origin():
    rules = OrderRules(block=28, run_of_origin=4, run_of_entity=3)
    items = seed_study()

    orders = [order_of(items, rules, reading_list=k) for k in range(200)]

    for place in (0, 1, 27, 28, 69, 138, 139):
        synthetic = sum(items[order[place].number].origin == "synthetic" for order in orders)
        assert 70 <= synthetic <= 130  # 200 coins fall so with probability 0.99998


@pytest.mark.parametrize("size", range(1, 9))
def test_in_a_williams_square_each_block_follows_each_other_one_equally_often(size):
    square = williams_square(size)

    followed = Counter(pair for row in square for pair in pairwise(row))
    places = Counter((place, value) for row in square for place, value in enumerate(row))

    assert len(set(followed.values())) <= 1
    assert len(followed) == size * (size - 1)
    assert len(set(places.values())) == 1


def test_counterbalanced_raters_read_the_same_blocks_in_another_order():
    rules = OrderRules(block=35, counterbalanced=True)

    lists = [order_of(seed_study(), rules, reading_list=k) for k in range(4)]
    blocks = [
        [frozenset(s.number for s in order[at : at + 35]) for at in range(0, 140, 35)]
        for order in lists
    ]

    assert len({frozenset(one) for one in blocks}) == 1
    assert all(len({one[place] for one in blocks}) == 4 for place in range(4))


def test_a_rule_that_cannot_be_kept_is_refused_with_the_mend():
    items = [Item(k, "real" if k else "synthetic", "mel") for k in range(10)]

    with pytest.raises(DesignImpossible, match=r"at most 3 of one origin .* allow longer runs"):
        order_of(items, OrderRules(run_of_origin=3))


def test_more_repeats_than_can_come_back_are_refused():
    with pytest.raises(DesignImpossible, match=r"60 images .* only 47 .* fewer repeats"):
        order_of(seed_study(), OrderRules(repeats=60))
