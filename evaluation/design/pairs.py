"""Two-alternative forced choice: a real and a synthetic image side by side; which one is AI?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluation.design.items import Item, Kind, Showing, strata
from evaluation.design.lists import ReadingPlan
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible


@dataclass(frozen=True)
class Pair:
    """A real and a synthetic stimulus of one entity; `arm` is the synthetic one's generator."""

    real: int
    synthetic: int
    entity: str
    arm: str


def match_pairs(items: Sequence[Item], stream: SeededStream) -> list[Pair]:
    """Match each synthetic item with a real one of its entity, at random.

    Every arm meets its share of the real images.

    Raises:
        DesignImpossible: an entity has not as many real items as synthetic ones.
    """
    sides: dict[str, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for stratum in strata(items):
        sides[stratum[0].entity][bool(stratum[0].arm)].extend(stream.shuffled(stratum))
    pairs = []
    for entity in sorted(sides):
        real, synthetic = sides[entity]
        if len(real) != len(synthetic):
            raise DesignImpossible(
                f"{entity}: {len(real)} real and {len(synthetic)} synthetic images make no pairs; "
                "draw as many of either"
            )
        pairs += [
            Pair(one.number, other.number, entity, other.arm)
            for one, other in zip(real, synthetic, strict=True)
        ]
    return pairs


def pair_items(pairs: Sequence[Pair]) -> list[Item]:
    """Return the pairs as items that lists and orders can be made of, numbered from 0."""
    return [Item(k, "", pair.entity, pair.arm) for k, pair in enumerate(pairs)]


def take_sides(plan: ReadingPlan, pairs: Sequence[Pair], seed: str) -> ReadingPlan:
    """Put each pair's images left and right, so that neither side holds more synthetic ones.

    Within a list the synthetic image stands on the left in half of the pairs, of each entity and
    arm too, but for one. A pair that comes back, in the same reading or the next, has changed
    sides.

    Args:
        plan: a list whose showings name pairs.
        pairs: all pairs, by their numbers.
        seed: the randomisation seed.
    """
    stream = SeededStream(seed, "sides", plan.number)  # the same on every occasion
    left: set[int] = set()
    shown = {showing.number for showing in plan.showings if showing.kind is not Kind.PRACTICE}
    practised = {showing.number for showing in plan.showings} - shown
    for numbers in (shown, practised):
        own = [item for item in pair_items(pairs) if item.number in numbers]
        pack = [item.number for stratum in strata(own) for item in stream.shuffled(stratum)]
        left |= set(pack[stream.below(2) :: 2])

    def seated(showing: Showing) -> Showing:
        pair = pairs[showing.number]
        turned = (showing.kind is Kind.REPEAT) != (plan.occasion % 2 == 0)
        on_the_left = (showing.number in left) != turned
        sides = (pair.synthetic, pair.real) if on_the_left else (pair.real, pair.synthetic)
        return replace(showing, number=sides[0], beside=sides[1])

    return replace(plan, showings=tuple(seated(showing) for showing in plan.showings))
