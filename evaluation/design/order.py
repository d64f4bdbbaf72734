"""In which order a rater sees what they read: random, constrained, recomputable from the seed."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.design.items import Item, Kind, Showing, strata
from evaluation.design.randomness import SeededStream
from evaluation.errors import DesignImpossible

#: How often an order is begun anew before its rules are called impossible.
TRIES = 50


@dataclass(frozen=True)
class OrderRules:
    """What an order must keep; 0 sets no limit.

    Attributes:
        block: images a block; every block holds the same share of each origin, arm and entity.
        run_of_origin: most images of one origin in a row.
        run_of_entity: most images of one entity in a row.
        counterbalanced: all raters read the same blocks, each rater in another row of a Williams
            square, so that every block stands equally often at every place and after every other.
        repeats: images shown a second time, a third of the list later at least.
    """

    block: int = 0
    run_of_origin: int = 0
    run_of_entity: int = 0
    counterbalanced: bool = False
    repeats: int = 0


def reading_order(
    items: Sequence[Item], rules: OrderRules, *, seed: str, reading_list: int, occasion: int
) -> list[Showing]:
    """Return the order of one list on one occasion.

    Args:
        items: what the list holds.
        rules: what the order keeps.
        seed: the randomisation seed of the sealed study.
        reading_list: the list's number, from 0.
        occasion: 1 for the first reading.

    Raises:
        DesignImpossible: no such order was found.
    """
    own = SeededStream(seed, "order", reading_list, occasion)
    count = _blocks(len(items), rules)
    if rules.counterbalanced:
        blocks = deal(items, count, SeededStream(seed, "blocks"))
        square = williams_square(count)
        blocks = [blocks[k] for k in square[(reading_list + occasion - 1) % len(square)]]
    else:
        blocks = own.shuffled(deal(items, count, own))
    marked = [[(item, _kind(item)) for item in block] for block in blocks]
    _add_repeats(marked, rules.repeats, own)
    # Thirds that only keep repeats apart are no blocks.
    numbers = [k if rules.block else 0 for k, block in enumerate(marked) for _ in block]
    for _ in range(TRIES):
        order: list[tuple[Item, Kind]] = []
        if all(_extend(order, block, rules, own) for block in marked):
            return [
                Showing(item.number, kind, block)
                for (item, kind), block in zip(order, numbers, strict=True)
            ]
    raise DesignImpossible(
        f"no order of {len(items)} images in blocks of {rules.block or len(items)} keeps at most "
        f"{rules.run_of_origin or 'any number'} of one origin and "
        f"{rules.run_of_entity or 'any number'} of one diagnosis in a row; allow longer runs"
    )


def deal(items: Sequence[Item], hands: int, stream: SeededStream) -> list[list[Item]]:
    """Deal items out like cards, so that every hand holds the same of everything but for one."""
    pack = [item for stratum in strata(items) for item in stream.shuffled(stratum)]
    dealt: list[list[Item]] = [[] for _ in range(hands)]
    turn = stream.shuffled(range(hands))
    for k, item in enumerate(pack):
        dealt[turn[k % hands]].append(item)
    return dealt


def williams_square(size: int) -> list[list[int]]:
    """Return rows in which each number stands once in each place and once after each other one.

    Williams (1949), Aust. J. Sci. Res. A 2: 149-168; for odd sizes two squares are needed, and
    every number stands twice after each other one.
    """
    zigzag = [k // 2 if k % 2 == 0 else size - 1 - k // 2 for k in range(size)]
    rows = [[(start + k) % size for k in zigzag] for start in range(size)]
    return rows if size % 2 == 0 else rows + [row[::-1] for row in rows]


def _blocks(items: int, rules: OrderRules) -> int:
    wanted = -(-items // rules.block) if rules.block else 1
    return max(wanted, 3) if rules.repeats else max(wanted, 1)


def _kind(item: Item) -> Kind:
    return Kind.CHECK if item.is_check else Kind.FIRST


def _add_repeats(blocks: list[list[tuple[Item, Kind]]], repeats: int, stream: SeededStream) -> None:
    """Show items of the first third of the blocks once more in the last third."""
    if not repeats:
        return
    third = len(blocks) // 3
    early = [item for block in blocks[:third] for item, kind in block if kind is Kind.FIRST]
    origins = sorted({item.origin for item in early})
    chosen: list[Item] = []
    for k, origin in enumerate(origins):
        own = strata([item for item in early if item.origin == origin])
        pack = [item for stratum in own for item in stream.shuffled(stratum)]
        share = repeats * (k + 1) // len(origins) - repeats * k // len(origins)
        if share > len(pack):
            raise DesignImpossible(
                f"{repeats} images are to be shown twice, but only {len(early)} stand in the first "
                "third of the list and can come back far enough later; ask for fewer repeats"
            )
        # Evenly spaced cards of a sorted pack are as balanced as a dealt hand.
        start = stream.below(len(pack))
        chosen += [pack[(start + j * len(pack) // share) % len(pack)] for j in range(share)]
    for block, again in zip(blocks[-third:], deal(chosen, third, stream), strict=True):
        block += [(item, Kind.REPEAT) for item in again]


def _extend(
    order: list[tuple[Item, Kind]],
    block: Sequence[tuple[Item, Kind]],
    rules: OrderRules,
    stream: SeededStream,
) -> bool:
    """Append the items of a block in random order; False where the rules leave no next one.

    The next item is drawn among those after which each single rule can still be kept.
    """
    left = stream.shuffled(list(block))
    limits = [
        (attribute, limit)
        for attribute, limit in (("origin", rules.run_of_origin), ("entity", rules.run_of_entity))
        if limit
    ]
    counts = {name: Counter(getattr(item, name) for item, _ in left) for name, _ in limits}
    runs = {name: _run([item for item, _ in order], name) for name, _ in limits}
    while left:

        def fits(item: Item) -> bool:
            return all(
                _leaves_a_way(getattr(item, name), counts[name], *runs[name], limit)
                for name, limit in limits
            )

        place = _first(left, fits)
        if place is None:
            return False
        item, kind = left.pop(place)
        order.append((item, kind))
        for name, _ in limits:
            value = getattr(item, name)
            counts[name][value] -= 1
            last, length = runs[name]
            runs[name] = (value, length + 1 if value == last else 1)
    return True


def _first(showings: Sequence[tuple[Item, Kind]], fits: Callable[[Item], bool]) -> int | None:
    """Return the place of the first item that fits; those alike are asked about once."""
    known: dict[tuple[str, str], bool] = {}
    for place, (item, _) in enumerate(showings):
        alike = (item.origin, item.entity)
        if alike not in known:
            known[alike] = fits(item)
        if known[alike]:
            return place
    return None


def _run(order: Sequence[Item], name: str) -> tuple[str, int]:
    """Return the value of the run that `order` ends with, and its length."""
    if not order:
        return "", 0
    last = str(getattr(order[-1], name))
    length = 0
    for item in reversed(order):
        if getattr(item, name) != last:
            break
        length += 1
    return last, length


def _leaves_a_way(value: str, left: Counter[str], last: str, length: int, limit: int) -> bool:
    """Tell whether the rest can be arranged, as far as one attribute goes, if `value` is next."""
    run = length + 1 if value == last else 1
    if run > limit:
        return False
    total = sum(left.values()) - 1
    for each, count in left.items():
        rest = count - (each == value)
        room = limit * (total - rest) + (limit - run if each == value else limit)
        if rest > room:
            return False
    return True
