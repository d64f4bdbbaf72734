"""Who reads which images: all of them, or an equal share where images outnumber patience."""

from collections.abc import Sequence
from itertools import combinations

from evaluation.design.items import Item, strata
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible


def allocate(
    items: Sequence[Item], *, lists: int, readings: int, stream: SeededStream
) -> list[list[Item]]:
    """Give each item to `readings` of the `lists`, evenly: balanced incomplete blocks.

    Attention checks go to every list. Of the others every list gets the same number but for one,
    in all, of each origin and arm, and of each entity of each origin and arm; pairs of lists
    share as equal a number of items as a greedy choice finds.

    Args:
        items: what there is to read.
        lists: how many raters are planned.
        readings: by how many of them each item is read, `lists` for all.
        stream: decides between equals.

    Returns:
        The items of each list.

    Raises:
        DesignImpossible: more readings than lists, or none.
    """
    if not 1 <= readings <= lists:
        raise DesignImpossible(
            f"each image is to be read by {readings} of {lists} raters; "
            f"choose a number from 1 to {lists}"
        )
    shares: list[list[Item]] = [[i for i in items if i.is_check] for _ in range(lists)]
    together = [[0] * lists for _ in range(lists)]
    turn = stream.shuffled(range(lists))  # whose turn it is to get one item more than others
    due = 0
    for stratum in strata([item for item in items if not item.is_check]):
        each, more = divmod(len(stratum) * readings, lists)
        left = [each] * lists
        for k in range(more):
            left[turn[(due + k) % lists]] += 1
        due += more
        for item in stream.shuffled(stratum):
            chosen = _choose(left, together, readings, stream)
            for one in chosen:
                left[one] -= 1
                shares[one].append(item)
            for a, b in combinations(chosen, 2):
                together[a][b] += 1
                together[b][a] += 1
    return shares


def _choose(
    left: Sequence[int], together: Sequence[Sequence[int]], readings: int, stream: SeededStream
) -> list[int]:
    """Choose the lists with most room: that never runs into a dead end (Ryser's construction).

    Between equals, those that have shared least with the ones chosen already.
    """
    chosen: list[int] = []
    open_lists = stream.shuffled(range(len(left)))
    for _ in range(readings):
        best = min(open_lists, key=lambda one: (-left[one], sum(together[one][c] for c in chosen)))
        open_lists.remove(best)
        chosen.append(best)
    return chosen
