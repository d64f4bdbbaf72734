"""From a design, its items and a seed to the reading lists, for single images and for pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.design.items import Item
from evaluation.design.lists import ReadingPlan, plan_lists
from evaluation.design.order import OrderRules
from evaluation.design.pairs import match_pairs, pair_items, take_sides
from evaluation.design.randomness import SeededStream


@dataclass(frozen=True)
class ListDesign:
    """What decides reading lists beside the items and the seed.

    Attributes:
        lists: how many raters may be invited.
        readings: by how many of them each image is read; None for all.
        occasions: how often each reads their list.
        pairs: whether a real and a synthetic image are read side by side.
        repeats_percent: share of a list that is shown a second time.
        rules: what each order keeps.
    """

    lists: int
    readings: int | None
    occasions: int
    pairs: bool
    repeats_percent: int
    rules: OrderRules

    def as_json(self) -> dict[str, object]:
        """Return the design as the protocol holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "ListDesign":
        """Return the design that a protocol holds."""
        return cls(**{**written, "rules": OrderRules(**written["rules"])})


def draw_lists(
    design: ListDesign, studied: Sequence[Item], practised: Sequence[Item], seed: str
) -> list[ReadingPlan]:
    """Return the reading lists of a study; the same arguments always give the same lists.

    Args:
        design: what they keep.
        studied: what is read, attention checks among it.
        practised: what comes first on the first occasion.
        seed: the randomisation seed.

    Raises:
        DesignImpossible: nothing can keep what is asked for.
    """

    def plan(items: Sequence[Item], practice: Sequence[int]) -> list[ReadingPlan]:
        return plan_lists(
            items,
            lists=design.lists,
            readings=design.readings,
            occasions=design.occasions,
            rules=design.rules,
            repeats_percent=design.repeats_percent,
            seed=seed,
            practice=practice,
        )

    if not design.pairs:
        return plan(studied, [item.number for item in practised])
    pairs = match_pairs(studied, SeededStream(seed, "pairs"))
    count = len(pairs)
    pairs += match_pairs(practised, SeededStream(seed, "practice pairs"))
    plans = plan(pair_items(pairs)[:count], range(count, len(pairs)))
    return [take_sides(each, pairs, seed) for each in plans]
