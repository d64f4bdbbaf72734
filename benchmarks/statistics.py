"""How fast statistics of large studies are: `OMP_NUM_THREADS=1 python -m benchmarks.statistics`.

In one run, and compared number by number: DeLong's variance of one area over 100,000 images from
mid-ranks beside its definition, all comparisons of a positive with a negative; the analysis of 100
raters by 2,000 images with each kind of covariance, and from all comparisons (U-statistics); 10,000
two-way bootstrap draws of the mean area of 20 raters by 280 images.
Limits: a fiftieth of the time of the definition; 5 s; 2 s.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np

from analysis import bootstrap, mrmc, roc
from benchmarks.product import against_limit, machine

IMAGES, RATERS, READ = 100_000, 100, 2_000
RATIO, LIMIT_S = 50, 5.0
DRAWN, DRAWS, BOOTSTRAP_S = (20, 280), 10_000, 2.0

T = TypeVar("T")


def by_definition(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return area and variance by comparing every positive with every negative."""
    positives, negatives = scores[truth], scores[~truth]
    of_positive, of_negative = np.empty(positives.size), np.zeros(negatives.size)
    for row, positive in enumerate(positives):
        wins = (positive > negatives) + 0.5 * (positive == negatives)
        of_positive[row] = wins.mean()
        of_negative += wins
    of_negative /= positives.size
    variance = of_positive.var(ddof=1) / positives.size + of_negative.var(ddof=1) / negatives.size
    return float(of_positive.mean()), float(variance)


def timed(work: Callable[[], T], times: int = 1) -> tuple[T, float]:
    """Return what came out and the least seconds that it took."""
    least = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        found = work()
        least = min(least, time.perf_counter() - begun)
    return found, least


def study(raters: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ratings from 1 to 6 by raters of different skill, and the truth."""
    rng = np.random.default_rng(0)
    truth = np.arange(images) < images // 2
    skill = 0.8 + 0.3 * rng.normal(size=(raters, 1))
    latent = truth * skill + 0.6 * rng.normal(size=images) + rng.normal(size=(raters, images))
    return np.digitize(latent, [-1, -0.3, 0.4, 1.1, 1.8]) + 1.0, truth


def main() -> int:
    """Measure, print, and fail if a limit is missed or two ways disagree."""
    print(machine())
    table, truth = study(1, IMAGES)
    ours, quick = timed(lambda: roc.delong(table[0], truth), 3)
    (area, variance), slow = timed(lambda: by_definition(table[0], truth))
    agree = np.allclose((ours.value, (ours.se or 0.0) ** 2), (area, variance), rtol=1e-8, atol=0)
    print(f"DeLong, {IMAGES:,} images: {quick:.3f} s, by definition {slow:.1f} s")
    print(f"  {slow / quick:,.0f} times as fast (limit {RATIO}); the same figures: {agree}")
    held = [agree, slow / quick >= RATIO]

    ratings, truth = study(RATERS, READ)
    for covariance in ("jackknife", "delong", "unbiased"):
        analysis = partial(mrmc.obuchowski_rockette, ratings, truth, covariance=covariance)
        _, seconds = timed(analysis)
        held.append(against_limit(f"{RATERS} x {READ:,}, {covariance}", seconds, LIMIT_S))
    _, seconds = timed(lambda: mrmc.u_statistic(ratings, truth))
    held.append(against_limit(f"{RATERS} x {READ:,}, U-statistics", seconds, LIMIT_S))

    ratings, truth = study(*DRAWN)
    found, seconds = timed(lambda: bootstrap.mean_auc(ratings, truth, draws=DRAWS), 3)
    one = found.estimate
    print(f"mean area {one.value:.3f} ({one.low:.3f} to {one.high:.3f})")
    what = f"{DRAWN[0]} x {DRAWN[1]}, {DRAWS:,} bootstrap draws"
    held.append(against_limit(what, seconds, BOOTSTRAP_S))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
