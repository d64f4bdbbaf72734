"""Learning in a mixed model: how the odds of being right change from trial to trial."""

from math import exp

import numpy as np
from numpy.typing import ArrayLike

from analysis.mixed_model import crossed_logistic, refuse_if_hopeless
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown
from analysis.timing.over_raters import FARTHEST, Floats

HUNDRED = 100.0  # trials


def learning(
    right: ArrayLike, trial: ArrayLike, synthetic: ArrayLike, level: float = 0.95
) -> tuple[Number, Test | None]:
    """Return the odds of being right 100 trials later, as a ratio, for an average rater and image.

    Raters and images are random, and raters may learn unequally; origin is a fixed effect, since
    one of the two is the easier one. With fewer than five raters these are fixed.

    Args:
        right: (raters, images) 1 right, 0 wrong, NaN where there is no answer.
        trial: (raters, images) number of the trial, from 1, NaN where there is none.
        synthetic: (images,) what they are.
        level: coverage of the interval, t with one degree of freedom less than raters.

    Returns:
        The odds ratio, above 1 is learning, below fatigue; and the test that it is 1. Unknown with
        the reason where no model can be fitted.

    Raises:
        ValueError: shapes differ.
    """
    hit, number = (np.asarray(each, dtype=float) for each in (right, trial))
    if hit.shape != number.shape or np.shape(synthetic) != hit.shape[1:]:
        raise ValueError(f"{hit.shape}, {number.shape} and {np.shape(synthetic)} do not fit")
    try:
        return _fitted(hit, number, np.asarray(synthetic, dtype=float), level)
    except NotEstimable as reason:
        return Unknown(str(reason)), None


def _fitted(hit: Floats, number: Floats, synthetic: Floats, level: float) -> tuple[Estimate, Test]:
    rater, image = np.nonzero(np.isfinite(hit) & np.isfinite(number))
    answers, trials = hit[rater, image], number[rater, image]
    if not answers.size:
        raise NotEstimable("no answer has the number of its trial")
    refuse_if_hopeless(answers, rater, image)
    if not np.ptp(trials):
        raise NotEstimable("all answers are of one trial")
    # One range of trials is the unit: the search goes astray in steps of another size.
    span = float(np.ptp(trials))
    columns = {"intercept": np.ones(len(answers)), "trial": (trials - trials.mean()) / span}
    origin = synthetic[image]
    if np.ptp(origin):
        columns["synthetic"] = origin - 0.5
    fit = crossed_logistic(
        answers,
        np.stack(list(columns.values()), axis=1),
        rater,
        image,
        names=tuple(columns),
        slope="trial",
        level=level,
    )
    if fit.penalised:
        raise NotEstimable("answers are separated: some are right or wrong without exception")
    if not fit.converged:
        raise NotEstimable("the search for the likeliest model did not settle")
    found, test = fit.coefficients["trial"], fit.tests["trial"]
    ends = np.array([found.low, found.value, found.high], dtype=float) * HUNDRED / span
    if not np.abs(ends).max() <= FARTHEST:
        raise NotEstimable("too few trials to speak of a hundred")
    low, middle, high = (exp(end) for end in ends)
    method = f"ratio of the odds of being right 100 trials apart; {found.method}"
    odds = Estimate(middle, None, found.df, low, high, level, fit.n, method)
    return odds, Test(test.statistic, None, test.df1, test.p, method)
