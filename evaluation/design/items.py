"""What a design arranges: items to be read, and showings of them in a rater's list."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby


@dataclass(frozen=True)
class Item:
    """A stimulus, or a pair of them, with what a design balances.

    `origin` is the same for all items where pairs are read, `arm` names a synthetic image's
    generator and is empty for a real one.
    """

    number: int
    origin: str
    entity: str
    arm: str = ""
    is_check: bool = False


class Kind(StrEnum):
    """What a showing is for; only first showings and repeats are analysed."""

    PRACTICE = "practice"
    FIRST = "first"
    REPEAT = "repeat"
    CHECK = "check"
    CASE = "case"  # of a study that teaches


@dataclass(frozen=True)
class Showing:
    """An item at one place of a rater's list; `block` counts from 0.

    Where pairs are read, `number` is the stimulus on the left and `beside` the one on the right.
    """

    number: int
    kind: Kind
    block: int = 0
    beside: int | None = None


def strata(items: Sequence[Item]) -> list[list[Item]]:
    """Part items by origin, arm and entity, in an order where what belongs together stands so.

    Whatever is then dealt out in turn, like cards, is balanced by all three: a stretch of the
    pack goes to all hands evenly, but for one card.
    """

    def stratum(item: Item) -> tuple[bool, str, str, str]:
        return item.is_check, item.origin, item.arm, item.entity

    pack = sorted(items, key=lambda item: (stratum(item), item.number))
    return [list(group) for _, group in groupby(pack, key=stratum)]
