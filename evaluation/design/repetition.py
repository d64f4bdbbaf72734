"""Spaced repetition within a lesson: which case is shown next, given what was right so far.

Boxes as in Leitner (1972, So lernt man lernen): a right answer moves a case up a box, an error
moves it back to the first, and each box waits twice as long as the one before. Waiting is counted
in showings of other cases, not in days: retrieval at growing distances within a session (Landauer
and Bjork 1978, in: Practical Aspects of Memory, 625-632). A case is learnt when it was right so
many times in a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_WAIT = 3  # showings of other cases after an error
#: A case that comes back sooner is answered from what was just told, not from what it shows.
LEAST_WAIT = 2


@dataclass(frozen=True)
class Box:
    """Where a case stands.

    Attributes:
        right: answers in a row that were right, up to the last one.
        waited: showings of other cases since then.
    """

    right: int
    waited: int

    @property
    def wait(self) -> int:
        """After how many showings of other cases it is due."""
        return FIRST_WAIT * 2**self.right


def boxes(history: Sequence[tuple[int, bool]]) -> dict[int, Box]:
    """Return where each case stands that was shown.

    Args:
        history: number of the case and whether the answer was right, from the first showing on.
    """
    in_a_row: dict[int, int] = {}
    last: dict[int, int] = {}
    for showing, (case, right) in enumerate(history, start=1):
        in_a_row[case] = in_a_row.get(case, 0) + 1 if right else 0
        last[case] = showing
    return {case: Box(in_a_row[case], len(history) - last[case]) for case in last}


def count_learnt(history: Sequence[tuple[int, bool]], times_right: int) -> int:
    """Return how many cases were right the last `times_right` times."""
    return sum(box.right >= times_right for box in boxes(history).values())


def next_case(
    order: Sequence[int], history: Sequence[tuple[int, bool]], times_right: int
) -> int | None:
    """Return the case to be shown next; None once all are learnt.

    A case that is due comes first, the longest overdue before others; then a new one; then the
    one that is due soonest. Where all of these were shown just now, one that is learnt already
    comes between. The same arguments always give the same case.

    Args:
        order: numbers of all cases, as new ones come.
        history: as for `boxes`.
        times_right: right answers in a row after which a case is learnt.
    """
    standing = boxes(history)
    open_cases = [c for c in order if c not in standing or standing[c].right < times_right]
    if not open_cases:
        return None
    least = min(LEAST_WAIT, len(order) - 1)
    rested = {case: box for case, box in standing.items() if box.waited >= least}
    begun = [case for case in open_cases if case in rested]
    due = [case for case in begun if rested[case].waited >= rested[case].wait]
    new = [case for case in open_cases if case not in standing]
    if due or (begun and not new):
        return max(due or begun, key=lambda case: rested[case].waited - rested[case].wait)
    if new:
        return new[0]
    return max((case for case in order if case in rested), key=lambda case: rested[case].waited)
