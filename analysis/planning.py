"""Planning: what a study of so many raters and images can be expected to show, by simulation.

A rater's answer about a synthetic image is "real" where rate, rater and image together exceed
chance in a probit model with crossed random effects; each simulated study is analysed as the
report analyses a real one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis import mrmc

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assumptions:
    """What is expected before any data.

    Attributes:
        rate: true mean deception rate, 0.5 where synthetic images pass for real by chance.
        margin: how far from 0.5 still counts as equivalent to chance.
        rater_sd: standard deviation between raters, in probits.
        image_sd: standard deviation between images, in probits.
    """

    rate: float = 0.5
    margin: float = 0.1
    rater_sd: float = 0.35
    image_sd: float = 0.5

    def problems(self) -> list[str]:
        """Return what makes no sense, each with the mend."""
        wrong = []
        if not 0 < self.rate < 1:
            wrong.append(f"a rate of {self.rate:g} is no share; choose between 0 and 1")
        if not 0 < self.margin < 0.5:
            wrong.append(f"a margin of {self.margin:g} makes no sense; choose between 0 and 0.5")
        for name in ("rater_sd", "image_sd"):
            if not 0 <= getattr(self, name) <= 3:
                wrong.append(f"{name} of {getattr(self, name):g} is out of range; choose 0 to 3")
        return wrong


@dataclass(frozen=True)
class Prospect:
    """What to expect of a study.

    Attributes:
        raters, images: how many; images are the synthetic ones that each rater reads.
        half_width: median half-width of the 95 % interval of the deception rate.
        equivalent: probability of the verdict "equivalent to chance" (90 % interval in the margin);
            0 with one rater, whose interval says nothing of others.
        different: probability that the 95 % interval leaves 0.5 out.
    """

    raters: int
    images: int
    half_width: float
    equivalent: float
    different: float


def prospect(
    raters: int,
    images: int,
    assumed: Assumptions | None = None,
    *,
    simulations: int = 500,
    seed: int = 0,
) -> Prospect:
    """Simulate `simulations` studies of `raters` who each read the same `images`.

    Raises:
        ValueError: fewer than one rater, two images or one simulation.
    """
    assumed = assumed or Assumptions()
    if raters < 1 or images < 2 or simulations < 1:
        raise ValueError("at least one rater, two images and one simulation are needed")
    rng = np.random.default_rng((seed, raters, images))
    widths, equivalent, different = [], 0, 0
    for _ in range(simulations):
        answers = _study(raters, images, assumed, rng)
        wide = mrmc.proportion(answers, 0.95)
        narrow = mrmc.proportion(answers, 0.90)
        low, high = _ends(wide.low, wide.high)
        widths.append((high - low) / 2)
        different += not low <= 0.5 <= high
        low, high = _ends(narrow.low, narrow.high)
        equivalent += 0.5 - assumed.margin < low and high < 0.5 + assumed.margin
    return Prospect(
        raters,
        images,
        float(np.median(widths)),
        equivalent / simulations if raters > 1 else 0.0,
        different / simulations,
    )


def fewest_raters(prospects: Sequence[Prospect], power: float) -> Prospect | None:
    """Return the first prospect, by raters, that shows equivalence with that probability."""
    enough = [each for each in prospects if each.equivalent >= power]
    return min(enough, key=lambda each: each.raters) if enough else None


def _study(raters: int, images: int, assumed: Assumptions, rng: np.random.Generator) -> Floats:
    """Return one simulated study as (raters, images), 1 where judged real."""
    rater = rng.normal(0, assumed.rater_sd, (raters, 1))
    image = rng.normal(0, assumed.image_sd, (1, images))
    # The mean over raters and images is the rate: random effects flatten a probit curve.
    spread = sqrt(1 + assumed.rater_sd**2 + assumed.image_sd**2)
    centre = stats.norm.ppf(assumed.rate) * spread
    return (centre + rater + image + rng.normal(size=(raters, images)) > 0).astype(float)


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    """Return an interval, everything where there is none."""
    return (0.0 if low is None else low), (1.0 if high is None else high)
