"""The adaptive exposure of a timed reading: longer after an error, shorter after a right answer.

HYPE-time (Zhou et al. 2019, arXiv 1904.01121, section 3.1) finds the exposure at which raters
are right three times in four. Steps converge where errors and right answers cancel out, that is
where up x P(wrong) = down x P(right) (Kaernbach 1991, Percept. Psychophys. 49: 227-229): 30 ms up
and 10 ms down meet at 75 %.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Staircase:
    """An exposure that follows the answers; all in ms."""

    start: int = 500
    up: int = 30
    down: int = 10
    shortest: int = 100
    longest: int = 1000

    @property
    def target(self) -> float:
        """The share of right answers at which the exposure settles."""
        return self.up / (self.up + self.down)

    def after(self, exposure: int, *, right: bool) -> int:
        """Return the exposure of the next trial."""
        wanted = exposure - self.down if right else exposure + self.up
        return min(max(wanted, self.shortest), self.longest)

    def exposures(self, right: Sequence[bool]) -> list[int]:
        """Return the exposure of each trial and, last, of the one to come."""
        run = [self.start]
        for each in right:
            run.append(self.after(run[-1], right=each))
        return run


def whole_frames(exposure: float, frame: float) -> float:
    """Return the exposure, in ms, that a screen with frames of `frame` ms can show."""
    return max(round(exposure / frame), 1) * frame


def modal_exposure(exposures: Sequence[int]) -> int:
    """Return the commonest exposure (HYPE-time's score of a block), the shortest among equals.

    Raises:
        ValueError: there are none.
    """
    counts = Counter(exposures)
    return min(counts, key=lambda each: (-counts[each], each))


def settled_exposure(exposures: Sequence[int], settling: int = 50) -> float:
    """Return the mean exposure after `settling` trials, which varies less than the mode.

    Raises:
        ValueError: there are no more trials than that.
    """
    rest = exposures[settling:]
    if not rest:
        raise ValueError(f"{len(exposures)} trials are too few: the first {settling} do not count")
    return sum(rest) / len(rest)
