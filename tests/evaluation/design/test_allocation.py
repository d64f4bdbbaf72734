"""Allocation: property tests over random designs."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.design.allocation import allocate
from evaluation.design.items import Item
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible
from tests.evaluation.design.designs import item_sets


@st.composite
def allocations(draw):
    items = draw(item_sets())
    lists = draw(st.integers(1, 12))
    readings = draw(st.integers(1, lists))
    seed = draw(st.integers(0, 10**6))
    shares = allocate(items, lists=lists, readings=readings, stream=SeededStream(seed))
    return items, lists, readings, seed, shares


def spread(counts) -> int:
    return max(counts) - min(counts)


@settings(max_examples=300, deadline=None)
@given(allocations())
def test_every_image_is_read_as_often_as_asked_and_never_twice_by_one_rater(made):
    items, lists, readings, _, shares = made

    read = Counter(item for share in shares for item in share)

    assert all(read[item] == (lists if item.is_check else readings) for item in items)
    assert all(len(set(share)) == len(share) for share in shares)


@settings(max_examples=300, deadline=None)
@given(allocations())
def test_every_rater_gets_an_equal_share_of_each_origin_arm_and_entity(made):
    items, _, _, _, shares = made
    studied = [item for item in items if not item.is_check]

    def counts(**wanted: str) -> list[int]:
        return [
            sum(
                not item.is_check and all(getattr(item, k) == v for k, v in wanted.items())
                for item in share
            )
            for share in shares
        ]

    assert spread(counts()) <= 1
    for origin, arm in {(item.origin, item.arm) for item in studied}:
        assert spread(counts(origin=origin)) <= 1
        assert spread(counts(origin=origin, arm=arm)) <= 1
    for item in studied:
        assert spread(counts(origin=item.origin, arm=item.arm, entity=item.entity)) <= 1


@settings(max_examples=50, deadline=None)
@given(allocations())
def test_the_same_seed_gives_the_same_shares_whatever_the_order_of_the_items(made):
    items, lists, readings, seed, shares = made

    again = allocate(items[::-1], lists=lists, readings=readings, stream=SeededStream(seed))

    assert [set(share) for share in again] == [set(share) for share in shares]


def test_raters_share_about_as_many_images_with_each_other_rater():
    items = [
        Item(k, origin, f"e{k % 7}", "" if origin == "real" else "g")
        for k, origin in enumerate(["real", "synthetic"] * 70)
    ]

    shares = allocate(items, lists=10, readings=3, stream=SeededStream(5))

    shared = [len(set(a) & set(b)) for a, b in combinations(shares, 2)]
    expected = 140 * 3 * 2 / (10 * 9)  # pairs of readings over pairs of raters
    assert sum(shared) / len(shared) == pytest.approx(expected)
    assert spread(shared) <= 5


@pytest.mark.parametrize("readings", [0, 4])
def test_more_readings_than_raters_are_refused(readings):
    with pytest.raises(DesignImpossible, match=f"{readings} of 3 raters; choose .* 1 to 3"):
        allocate([Item(0, "real", "mel")], lists=3, readings=readings, stream=SeededStream(1))
