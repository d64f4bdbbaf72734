"""How often intervals hold the truth: `OMP_NUM_THREADS=1 python -m benchmarks.coverage [STUDIES]`.

Whole studies are drawn from a probit model of its own: raters differ (SD 0.35), images differ (SD
0.5), seven entities are of different difficulty, and each has as many images. For each number of
raters and true rate: how often the report's 95 % interval of the deception rate, raters and images
random, holds the truth, beside the interval that takes all answers for independent; how often
equivalence to chance (margin 0.10) is declared of a rate at the margin's edge, which is an error;
then the same coverage for the mean area under the ROC curve and the mean balanced accuracy.

Limits, from five raters on: coverage between 93 and 97 %, and no more than 6 % false equivalence.
Beside the report's interval stands the one that is symmetric for the share itself, which it would
be without the logit. Tables are printed as Markdown.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
from scipy import stats

from analysis import mrmc
from analysis.proportions import clopper_pearson, wilson
from analysis.results import Estimate
from benchmarks.product import machine

STUDIES = 4000
RATERS, PER_ENTITY = (3, 5, 10, 20), 10
RATER_SD, IMAGE_SD, SKILL_SD = 0.35, 0.5, 0.3
ENTITIES = np.array([-0.4, -0.3, -0.1, 0.0, 0.1, 0.3, 0.4])  # probits; the same in every study
RATES, MARGIN = (0.5, 0.3, 0.1), 0.1
COVERAGE, SIZE = (0.93, 0.97), 0.06

Floats = np.ndarray


def images() -> Floats:
    """Return how easily each image's entity passes for real, in probits."""
    return np.repeat(ENTITIES, PER_ENTITY)


def centre_of(rate: float) -> float:
    """Return the intercept at which the mean over raters, images and entities is `rate`."""
    spread = sqrt(1 + RATER_SD**2 + IMAGE_SD**2)
    low, high = -6.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = stats.norm.cdf((middle + ENTITIES) / spread).mean()
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def answers(raters: int, centre: float, rng: np.random.Generator) -> Floats:
    """Return one study as (raters, synthetic images): 1 where judged real."""
    rater = rng.normal(0, RATER_SD, (raters, 1))
    image = images() + rng.normal(0, IMAGE_SD, images().size)
    return (centre + rater + image + rng.normal(size=(raters, image.size)) > 0).astype(float)


def ratings(raters: int, skill: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return one study as (raters, images) and the truth: real and synthetic, as many of each."""
    truth = np.repeat([True, False], images().size)
    own = skill + rng.normal(0, SKILL_SD, (raters, 1))
    image = rng.normal(0, IMAGE_SD, truth.size)
    return truth * own + image + rng.normal(size=(raters, truth.size)), truth


def area_of(skill: float) -> float:
    """Return the mean area over all raters and images."""
    return float(stats.norm.cdf(skill / sqrt(2 * (1 + IMAGE_SD**2) + SKILL_SD**2)))


def balanced_accuracy_of(skill: float) -> float:
    """Return the mean balanced accuracy of raters who say yes above half of the mean skill."""
    found = stats.norm.cdf(skill / 2 / np.sqrt(1 + IMAGE_SD**2 + np.array([SKILL_SD**2, 0])))
    return float(found.mean())


def share(
    what: str, studies: int, draw: Callable[[np.random.Generator], Sequence[bool]]
) -> list[float]:
    """Return how often each outcome came about in so many studies, with a word of progress."""
    rng = np.random.default_rng(list(what.encode()))
    counts = np.zeros(0)
    for done in range(studies):
        found = np.array(draw(rng), float)
        counts = found if not done else counts + found
        if (done + 1) % 500 == 0 and sys.stderr.isatty():
            print(f"\r{what}: {done + 1:,} of {studies:,} studies ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return list(counts / studies)


def holds(estimate: Estimate, truth: float) -> bool:
    """Tell whether the interval holds the truth."""
    return _low(estimate) <= truth <= _high(estimate)


def equivalent(estimate: Estimate) -> bool:
    """Tell whether the interval lies within the margin around chance."""
    return _low(estimate) > 0.5 - MARGIN and _high(estimate) < 0.5 + MARGIN


def _low(estimate: Estimate) -> float:
    return 0.0 if estimate.low is None else estimate.low


def _high(estimate: Estimate) -> float:
    return 1.0 if estimate.high is None else estimate.high


def without_logit(estimate: Estimate) -> Estimate:
    """Return the interval that is symmetric for the share itself."""
    if estimate.se is None:
        return estimate
    df = np.inf if estimate.df is None else estimate.df
    half = float(stats.t.ppf(0.975, df)) * estimate.se
    return replace(estimate, low=estimate.value - half, high=estimate.value + half)


def coverage_of_rates(raters: int, rate: float, studies: int) -> list[float]:
    """Return the coverage of the report's interval, without the logit, and of pooled answers."""
    centre = centre_of(rate)

    def draw(rng: np.random.Generator) -> tuple[bool, bool, bool]:
        table = answers(raters, centre, rng)
        found, pooled = mrmc.proportion(table), wilson(int(table.sum()), table.size)
        return holds(found, rate), holds(without_logit(found), rate), holds(pooled, rate)

    return share(f"{raters} raters, rate {rate}", studies, draw)


def false_equivalence(raters: int, studies: int) -> list[float]:
    """Return how often each test declares equivalence of a rate at the margin's edge."""
    centre = centre_of(0.5 + MARGIN)

    def draw(rng: np.random.Generator) -> tuple[bool, bool]:
        table = answers(raters, centre, rng)
        pooled = clopper_pearson(int(table.sum()), table.size, 0.90)
        return equivalent(mrmc.proportion(table, 0.90)), equivalent(pooled)

    return share(f"{raters} raters, at the margin", studies, draw)


def coverage_of_areas(raters: int, skill: float, studies: int) -> list[float]:
    """Return the coverage of the report's intervals of the mean area and balanced accuracy."""

    def draw(rng: np.random.Generator) -> tuple[bool, bool]:
        table, truth = ratings(raters, skill, rng)
        yes = mrmc.balanced_accuracy(table > skill / 2, truth)
        return holds(mrmc.mean_auc(table, truth), area_of(skill)), holds(
            yes, balanced_accuracy_of(skill)
        )

    return share(f"{raters} raters, skill {skill}", studies, draw)


def percent(shares: Sequence[float]) -> list[str]:
    """Return shares as they stand in a table."""
    return [f"{100 * one:.1f} %" for one in shares]


def main() -> int:
    """Simulate, print the tables, and fail if a limit is missed."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    print(f"{machine()}\n{studies:,} studies a row, {images().size} synthetic images\n")
    held = True
    print(
        "| raters | true rate | 95 % interval of the report | without the logit | pooled answers |"
    )
    print("|---|---|---|---|---|")
    for raters in RATERS:
        for rate in RATES:
            found = coverage_of_rates(raters, rate, studies)
            held &= raters < 5 or COVERAGE[0] <= found[0] <= COVERAGE[1]
            print("|", " | ".join([str(raters), str(rate), *percent(found)]), "|", flush=True)
    print("\n| raters | false equivalence at 0.60, nominal 5 % | pooled answers |")
    print("|---|---|---|")
    for raters in RATERS:
        found = false_equivalence(raters, studies)
        held &= raters < 5 or found[0] <= SIZE
        print("|", " | ".join([str(raters), *percent(found)]), "|", flush=True)
    print("\n| raters | true mean area | 95 % interval | true balanced accuracy | 95 % interval |")
    print("|---|---|---|---|---|")
    for raters in RATERS:
        for skill in (0.0, 1.0):
            found = coverage_of_areas(raters, skill, studies)
            held &= raters < 5 or all(COVERAGE[0] <= one <= COVERAGE[1] for one in found)
            area, yes = percent(found)
            print(
                f"| {raters} | {area_of(skill):.2f} | {area} "
                f"| {balanced_accuracy_of(skill):.2f} | {yes} |",
                flush=True,
            )
    print("\nwithin the limits" if held else "\na limit is missed")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
