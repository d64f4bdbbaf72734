"""Reading lists: what each planned rater reads, in which order, on which occasion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluation.design.allocation import allocate
from evaluation.design.items import Item, Kind, Showing
from evaluation.design.order import OrderRules, reading_order
from evaluation.design.randomness import SeededStream


@dataclass(frozen=True)
class ReadingPlan:
    """The list of one rater on one occasion: `number` counts lists from 0, `occasion` from 1."""

    number: int
    occasion: int
    showings: tuple[Showing, ...]


def plan_lists(
    items: Sequence[Item],
    *,
    lists: int,
    readings: int | None,
    occasions: int,
    rules: OrderRules,
    repeats_percent: int,
    seed: str,
    practice: Sequence[int] = (),
) -> list[ReadingPlan]:
    """Draw all reading lists of a study; the same arguments always give the same lists.

    Args:
        items: what there is to read.
        lists: how many raters may be invited.
        readings: by how many of them each image is read; None for all.
        occasions: how often each reads their list, each time in another order.
        rules: what each order keeps; its number of repeats follows from the next argument.
        repeats_percent: share of a list that is shown a second time.
        seed: the randomisation seed.
        practice: numbers of the stimuli that come first on the first occasion.

    Raises:
        DesignImpossible: nothing can keep what is asked for.
    """
    if readings is None:
        shares = [list(items)] * lists
    else:
        stream = SeededStream(seed, "allocation")
        shares = allocate(items, lists=lists, readings=readings, stream=stream)
    plans = []
    for number, share in enumerate(shares):
        studied = sum(not item.is_check for item in share)
        own = replace(rules, repeats=round(studied * repeats_percent / 100))
        for occasion in range(1, occasions + 1):
            order = reading_order(share, own, seed=seed, reading_list=number, occasion=occasion)
            if occasion == 1:
                order = [*_warm_up(practice, SeededStream(seed, "practice", number)), *order]
            plans.append(ReadingPlan(number, occasion, tuple(order)))
    return plans


def _warm_up(practice: Sequence[int], stream: SeededStream) -> list[Showing]:
    return [Showing(number, Kind.PRACTICE) for number in stream.shuffled(sorted(practice))]
