"""Raters who answer at once, and how long each answer took."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

#: Sends an answer and fetches what comes next.
Cycle = Callable[[], None]


def measure(cycles: Sequence[Cycle], each: int) -> tuple[float, np.ndarray]:
    """Let raters answer at once, each as fast as the server lets them.

    Args:
        cycles: one a rater.
        each: answers of each.

    Returns:
        Answers a second of all together, and how long each took, in ms.
    """

    def timed(cycle: Cycle) -> list[float]:
        spent = []
        for _ in range(each):
            begun = time.perf_counter()
            cycle()
            spent.append(time.perf_counter() - begun)
        return spent

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(cycles)) as pool:
        spent = list(pool.map(timed, cycles))
    seconds = time.perf_counter() - begun
    times = np.concatenate(spent) * 1000
    return len(times) / seconds, times
