"""Random choices that anybody can recompute from a written-down seed, in any language.

Python's and numpy's generators may change between versions; SHA-256 does not.
"""

import hashlib
from collections.abc import Sequence
from itertools import count
from typing import TypeVar

T = TypeVar("T")


class SeededStream:
    """Whole numbers drawn from SHA-256(seed | counter), eight bytes a draw."""

    def __init__(self, *seed: object) -> None:
        self._seed = "|".join(map(str, seed)).encode()
        self._draws = count()

    def below(self, bound: int) -> int:
        """Return a number in [0, bound), evenly: draws past the last full multiple are redrawn."""
        limit = 2**64 - 2**64 % bound
        while True:
            block = hashlib.sha256(self._seed + b"|%d" % next(self._draws)).digest()
            if (number := int.from_bytes(block[:8], "big")) < limit:
                return number % bound

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return `items` in random order (Fisher and Yates)."""
        out = list(items)
        for last in range(len(out) - 1, 0, -1):
            other = self.below(last + 1)
            out[last], out[other] = out[other], out[last]
        return out
