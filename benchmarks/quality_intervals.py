"""How often intervals of a quality report hold the truth: `python -m benchmarks.quality_intervals`.

Two sets of 120 rows are drawn from normal distributions of 8 dimensions, alike or half a standard
deviation apart in each. The truth is each figure's mean over all such pairs of sets, since most
figures move with n. Half-samples of either set, and a bootstrap of both (percentiles, and normal
with its standard error), give 95 % intervals of the same figures. Tables are printed as Markdown.

Limit: the intervals that the report uses hold the truth in 90 % of pairs and more.
"""

import sys
from dataclasses import astuple

import numpy as np
from scipy.stats import norm, wasserstein_distance

from analysis.quality.distances import Distances, frechet, inception_score
from analysis.quality.diversity import total_variation
from analysis.quality.kernels import cmmd, kid
from analysis.quality.measures import HALVES, RESAMPLES
from analysis.quality.sliced import mind
from benchmarks.product import machine

PAIRS, N, WIDE = 200, 120, 8
SHIFTS = {"alike": 0.0, "apart": 0.5}
CLASSES = 5
LEAST = 0.90
FIGURES = (
    "KID",
    "precision",
    "recall",
    "density",
    "coverage",
    "FID",
    "inception score",
    "Wasserstein distance",
    "total variation",
    "CMMD",
    "MIND",
)
#: Those whose bootstrap does not take an image that is drawn twice for its own neighbour.
KERNELS = {"KID": kid, "CMMD": cmmd}
#: How the report computes each: kernel distances by the bootstrap, all others by half-samples.
USED = {name: "bootstrap, percentiles" if name in KERNELS else "half-samples" for name in FIGURES}

Floats = np.ndarray


def figures(x: Floats, y: Floats) -> list[float]:
    """Return all figures of two sets; the score is of the second, as are its classes' chances."""
    logits = 2 * y[:, :CLASSES]
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sides = [np.where(each[:, 0] > 0, "left", "right") for each in (x, y)]
    return [
        kid(x, y, resamples=0).value,
        *astuple(Distances.between(x, y).manifold()),
        frechet(x, y),
        inception_score(chances, splits=1),
        float(wasserstein_distance(x[:, 1], y[:, 1])),
        total_variation(*sides),
        cmmd(x, y, resamples=0).value,
        mind(x, y),
    ]


def intervals(x: Floats, y: Floats, rng: np.random.Generator) -> dict[str, tuple[Floats, Floats]]:
    """Return the ends of the intervals of all figures, by method."""
    value = np.array(figures(x, y))
    reach = norm.ppf(0.975)

    def drawn(size: int, *, again: bool) -> Floats:
        return np.array(
            [
                figures(*(each[rng.choice(len(each), size, replace=again)] for each in (x, y)))
                for _ in range(HALVES)
            ]
        )

    half, whole = drawn(N // 2, again=False), drawn(N, again=True)
    low, high = np.quantile(whole, [0.025, 0.975], axis=0)
    seed = int(rng.integers(2**31))
    for name, distance in KERNELS.items():
        own, at = distance(x, y, resamples=RESAMPLES, seed=seed), FIGURES.index(name)
        low[at], high[at] = own.low, own.high
    return {
        "half-samples": (value - reach * half.std(0, ddof=1), value + reach * half.std(0, ddof=1)),
        "bootstrap, percentiles": (low, high),
        "bootstrap, normal": (
            value - reach * whole.std(0, ddof=1),
            value + reach * whole.std(0, ddof=1),
        ),
    }


def coverage(shift: float, pairs: int) -> dict[str, Floats]:
    """Return the share of pairs whose intervals hold the truth, by method."""
    rng = np.random.default_rng(int(100 * shift) + 1)

    def pair() -> tuple[Floats, Floats]:
        return rng.normal(size=(N, WIDE)), rng.normal(shift, 1, (N, WIDE))

    truth = np.mean([figures(*pair()) for _ in range(5 * pairs)], axis=0)
    held: dict[str, list[Floats]] = {}
    for done in range(pairs):
        for method, (low, high) in intervals(*pair(), rng).items():
            held.setdefault(method, []).append((low <= truth) & (truth <= high))
        print(f"\r{done + 1} of {pairs}", end="", file=sys.stderr)
    return {method: np.mean(each, axis=0) for method, each in held.items()}


def main(pairs: int = PAIRS) -> int:
    """Measure, print, and fail if an interval that is used holds the truth too rarely."""
    found = {name: coverage(shift, pairs) for name, shift in SHIFTS.items()}
    print(f"\n95 % intervals that hold the truth; {pairs} pairs of sets of {N}; {machine()}\n")
    heads = [f"{method}, {name}" for method in found["alike"] for name in SHIFTS]
    print("| figure | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 1))
    short = []
    for k, figure in enumerate(FIGURES):
        shares = [found[name][method][k] for method in found["alike"] for name in SHIFTS]
        print(f"| {figure} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
        least = min(found[name][USED[figure]][k] for name in SHIFTS)
        short += [f"{figure} {least:.0%}"] * bool(least < LEAST)
    print(f"\nbelow the limit of {LEAST:.0%}: {', '.join(short) or 'none'}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
