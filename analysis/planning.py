"""Planning: what a study of so many raters and images can be expected to show.

A rater's answer about a synthetic image is "real" where rate, rater and image together exceed
chance in a probit model with crossed random effects. One rate is held against chance in simulated
studies, each analysed as the report analyses a real one. Two generators' rates are compared, and a
pilot is followed, by variances alone (`analysis.mrmc.power`); one rater's answers are exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from analysis import mrmc
from analysis.mrmc.inference import FIXED_READERS, RANDOM
from analysis.proportions import tost_power

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assumptions:
    """What is expected before any data.

    Attributes:
        rate: true mean deception rate, 0.5 where synthetic images pass for real by chance; that of
            the first of two generators.
        margin: how far from 0.5 still counts as equivalent to chance.
        rater_sd: standard deviation between raters, in probits.
        image_sd: standard deviation between images, in probits.
        difference: by how much another generator's rate is higher, which the study is to find;
            None where one rate is held against chance.
        generator_sd: standard deviation between raters in how they take to each generator, in
            probits; counts only for a difference.
    """

    rate: float = 0.5
    margin: float = 0.1
    rater_sd: float = 0.35
    image_sd: float = 0.5
    difference: float | None = None
    generator_sd: float = 0.2

    def problems(self) -> list[str]:
        """Return what makes no sense, each with the mend."""
        wrong = []
        if not 0 < self.rate < 1:
            wrong.append(f"a rate of {self.rate:g} is no share; choose between 0 and 1")
        if not 0 < self.margin < 0.5:
            wrong.append(f"a margin of {self.margin:g} makes no sense; choose between 0 and 0.5")
        if self.difference is not None and not 0 < abs(self.difference) < 1:
            wrong.append(
                f"a difference of {self.difference:g} cannot be found; choose between 0 and 1"
            )
        elif not 0 < self.rate + (self.difference or 0) < 1 and 0 < self.rate < 1:
            wrong.append(
                f"a rate of {self.rate:g} and a difference of {self.difference:g} make no share; "
                "choose a smaller one"
            )
        for name in ("rater_sd", "image_sd", "generator_sd"):
            if not 0 <= getattr(self, name) <= 3:
                wrong.append(f"{name} of {getattr(self, name):g} is out of range; choose 0 to 3")
        return wrong


@dataclass(frozen=True)
class Prospect:
    """What to expect of a study.

    Attributes:
        raters, images: how many; images are the synthetic ones that each rater reads, of each
            generator where two are compared.
        half_width: half-width to be expected of the 95 % interval of the rate, or of the
            difference of two.
        equivalent: probability of the verdict "equivalent to chance" (90 % interval in the margin);
            0 with one rater, whose interval says nothing of others.
        different: probability that the 95 % interval leaves chance, or no difference, out.
        chance: whichever of the two the study is for.
    """

    raters: int
    images: int
    half_width: float
    equivalent: float
    different: float
    chance: float


#: From numbers of raters and images to what to expect of them.
Expect = Callable[[int, int], Prospect]


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
    shown = equivalent / simulations if raters > 1 else 0.0
    return Prospect(raters, images, float(np.median(widths)), shown, different / simulations, shown)


def prospect_by_variances(
    variances: mrmc.Variances, raters: int, images: int, assumed: Assumptions
) -> Prospect:
    """Return what to expect under these variances, of a pilot or assumed.

    Raises:
        ValueError: fewer than one rater or two images, or nothing varies.
    """
    if assumed.difference is None:  # one rate, which is judged on the logit scale
        expected = variances.of_logit(assumed.rate)
        true, margin = float(logit(assumed.rate)), float(logit(0.5 + assumed.margin))
    else:
        expected, true, margin = variances, assumed.difference, assumed.margin

    def power(margin: float | None) -> mrmc.Power:
        return mrmc.power(
            expected,
            readers=raters,
            cases=images,
            difference=true,
            margin=margin,
            scope=RANDOM if raters > 1 else FIXED_READERS,
        )

    found = power(None)
    half = found.half_width()
    equivalent = power(margin).power if raters > 1 else 0.0
    if assumed.difference is None:
        half = float(expit(true + half) - expit(true - half)) / 2
        return Prospect(raters, images, half, equivalent, found.power, equivalent)
    different = found.power if raters > 1 else 0.0
    return Prospect(raters, images, min(half, 1.0), equivalent, different, different)


def expectation(
    assumed: Assumptions,
    pilot: mrmc.Variances | None = None,
    *,
    simulations: int = 500,
    seed: int = 0,
) -> Expect:
    """Return what says what to expect: a pilot's variances, assumed ones, or simulated studies."""
    if pilot is None and assumed.difference is None:
        return partial(prospect, assumed=assumed, simulations=simulations, seed=seed)
    variances = pilot or variances_of_difference(assumed)
    return partial(prospect_by_variances, variances, assumed=assumed)


def variances_of_difference(assumed: Assumptions) -> mrmc.Variances:
    """Return where the variance of the difference of two generators' rates comes from.

    Raters read images of both, and each generator has images of its own, which are the cases.
    Covariances of answers in the probit model are those of the bivariate normal distribution.
    """
    rates = (assumed.rate, assumed.rate + (assumed.difference or 0.0))
    spread = 1 + assumed.rater_sd**2 + assumed.generator_sd**2 + assumed.image_sd**2

    def together(first: float, second: float, shared: float) -> float:
        joint = stats.multivariate_normal([0, 0], [[1, shared / spread], [shared / spread, 1]])
        return float(joint.cdf(stats.norm.ppf([first, second]))) - first * second

    rater = assumed.rater_sd**2
    own = [together(rate, rate, rater + assumed.generator_sd**2) for rate in rates]
    image = [together(rate, rate, assumed.image_sd**2) for rate in rates]
    both = sum(rate * (1 - rate) for rate in rates)
    return mrmc.Variances(
        max(sum(own) - 2 * together(*rates, rater), 0.0),
        max(sum(image), 0.0),
        both - sum(own) - sum(image),
    )


def fewest_images_alone(assumed: Assumptions, power: float, most: int = 2000) -> int | None:
    """Return how many images show of one rater alone that they are at chance, exactly.

    The first number with that power: a larger one can have a little less. None if `most` are few.
    """
    return next(
        (n for n in range(2, most + 1) if tost_power(n, assumed.margin, assumed.rate) >= power),
        None,
    )


def fewest_raters(prospects: Sequence[Prospect], power: float) -> Prospect | None:
    """Return the first prospect, by raters, with that chance of showing what the study is for."""
    enough = [each for each in prospects if each.chance >= power]
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
