"""Fitting a crossed model, and what the fit says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.mixed_model.data import Data, Effects, prepare
from analysis.mixed_model.laplace import CrossedLikelihood, Link
from analysis.mixed_model.search import Diverging, Problem, Solution
from analysis.results import Estimate, Test

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CrossedFit:
    """A fitted model.

    Attributes:
        names: of the coefficients.
        coefficients: on the scale of the link, by name. Those of a slope that differs between
            raters have t with raters - 1 degrees of freedom, the others normal intervals.
        tests: of each against 0.
        odds_ratios: exponentials of the coefficients; empty with the probit link.
        sds: standard deviations of effects between raters ("rater", "rater slope") and images;
            0 is a finding, without an interval, and stays in the model.
        correlation: of a rater's two effects; None unless they may correlate and both vary.
        rater_effects: (raters, effects) modes, shrunken towards 0; empty where raters are fixed.
        image_effects: (images,) modes; in the order of `rater_names` and `image_names`.
        log_likelihood: by Laplace's approximation, penalty left out.
        parameters: how many were estimated: coefficients, and SDs and correlations.
        n: answers.
        singular: an SD is 0, or a correlation 1.
        penalised: answers are separated; coefficients and SDs have a normal(0, 2.5) penalty, on
            the scale of one range of their column.
        fixed_raters: fewer than five raters, so that they are fixed effects with mean 0 and the
            results hold for these raters.
        converged: the search ended at an optimum.
        notes: what must be said beside the figures.
        solution: what the search found, from which rates are computed.
    """

    names: tuple[str, ...]
    link: Link
    coefficients: Mapping[str, Estimate]
    tests: Mapping[str, Test]
    odds_ratios: Mapping[str, Estimate]
    sds: Mapping[str, Estimate]
    correlation: float | None
    rater_names: tuple[str, ...]
    image_names: tuple[str, ...]
    rater_effects: Floats
    image_effects: Floats
    log_likelihood: float
    parameters: tuple[int, int]
    n: int
    singular: bool
    penalised: bool
    fixed_raters: bool
    converged: bool
    notes: tuple[str, ...]
    solution: Solution = field(repr=False, compare=False)


def crossed_logistic(
    answers: ArrayLike,
    design: ArrayLike,
    raters: ArrayLike,
    images: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    slope: str | None = None,
    effects: Effects = "independent",
    link: Link = "logit",
    level: float = 0.95,
    quick: bool = False,
) -> CrossedFit:
    """Fit a model of yes/no answers, one row an answer.

    Args:
        answers: (n,) 1 or 0; NaN rows are left out.
        design: (n, p) columns of the fixed effects, that of ones included.
        raters, images: (n,) who gave the answer about what.
        names: (p,) of the columns; without, x0, x1 and so on.
        slope: name of the column whose effect differs between raters.
        effects: whether a rater's two effects are independent or may correlate.
        link: logit, or probit, from which `detection` gives d' and c.
        level: coverage of the intervals.
        quick: for likelihood ratios; saves most of the time, errors of coefficients being those
            of Fisher's information, SDs taken for known and without intervals.

    Raises:
        NotEstimable: no answers, fewer than two images, or columns that determine one another.
        ValueError: arrays that do not fit, answers other than 0 and 1, or an unknown slope.
    """
    data = prepare(answers, design, raters, images, names, slope, effects, link)
    likelihood = CrossedLikelihood(data.answers, data.design, data.factors, link)
    problem = Problem(likelihood, data, penalised=False)
    notes = list(data.notes)
    try:
        solution = problem.solve(quick=quick)
        separated = solution.separated
    except Diverging:
        separated = True
    if separated:
        likelihood = CrossedLikelihood(data.answers, data.design, data.factors, link)
        solution = Problem(likelihood, data, penalised=True).solve(quick=quick)
        notes.append(
            "answers are separated: coefficients are penalised, and shrunk towards 0 by that"
        )
    return _described(data, solution, link, level, separated, notes, quick)


def _described(
    data: Data,
    solution: Solution,
    link: Link,
    level: float,
    penalised: bool,
    notes: list[str],
    quick: bool,
) -> CrossedFit:
    words = f"crossed {link} model, Laplace{', penalised' if penalised else ''}; " + randomness(
        data.fixed_raters
    )
    raters, n = len(data.rater_names), len(data.answers)
    place = {k: i for i, k in enumerate(solution.free)}
    coefficients, tests, odds = {}, {}, {}
    for k, name in enumerate(data.names):
        value = float(solution.parameters[k])
        se = sqrt(max(float(solution.covariance[place[k], place[k]]), 0.0))
        df = raters - 1 if k == data.slope and not data.fixed_raters else None
        tail = (1 + level) / 2
        half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
        coefficients[name] = Estimate(value, se, df, value - half, value + half, level, n, words)
        ratio = value / se
        p = 2 * float(stats.norm.sf(abs(ratio)) if df is None else stats.t.sf(abs(ratio), df))
        tests[name] = Test(ratio, df1=df, p=p, method=f"{'z' if df is None else 't'}; {words}")
        if link == "logit":
            low, middle, high = (float(np.exp(v)) for v in (value - half, value, value + half))
            odds[name] = Estimate(middle, None, df, low, high, level, n, f"odds ratio; {words}")
    _, (rater, image) = solution.likelihood.split(solution.parameters)
    sds = {}
    fixed = solution.likelihood.fixed
    entries = len(data.factors[0].entries)
    if rater.size:
        sds["rater"] = _sd(solution, None if quick else fixed, float(rater[0, 0]), level, raters)
    if len(rater) > 1:
        value = float(np.hypot(*rater[1]))
        at = fixed + entries - 1 if entries == 2 and not quick else None
        sds["rater slope"] = _sd(solution, at, value, level, raters)
    at = None if quick else fixed + entries
    sds["image"] = _sd(solution, at, float(image[0, 0]), level, len(data.image_names))
    correlation = None
    if entries == 3 and rater[0, 0] > 0 and sds["rater slope"].value > 0:
        correlation = float(rater[1, 0] / sds["rater slope"].value)
    if not solution.converged:
        notes.append("the search for the largest likelihood did not settle")
    return CrossedFit(
        names=data.names,
        link=link,
        coefficients=coefficients,
        tests=tests,
        odds_ratios=odds,
        sds=sds,
        correlation=correlation,
        rater_names=data.rater_names,
        image_names=data.image_names,
        rater_effects=solution.effects[0],
        image_effects=solution.effects[1][:, 0],
        log_likelihood=solution.log_likelihood,
        parameters=(fixed, len(solution.parameters) - fixed),
        n=n,
        singular=len(solution.free) < len(solution.parameters),
        penalised=penalised,
        fixed_raters=data.fixed_raters,
        converged=solution.converged,
        notes=tuple(notes),
        solution=solution,
    )


def _sd(
    solution: Solution, parameter: int | None, value: float, level: float, groups: int
) -> Estimate:
    """Return an SD with its interval on the log scale; none at 0, or beside a correlation."""
    if parameter is None or parameter not in solution.free:
        why = "0: at the edge of what is possible" if value == 0 else "no interval"
        return Estimate(value, n=groups, method=why)
    own = solution.free.index(parameter)
    se = sqrt(max(float(solution.covariance[own, own]), 0.0))
    half = float(stats.norm.ppf((1 + level) / 2)) * se / value
    if half > log(1000):
        return Estimate(value, se, n=groups, method="so near 0 that an interval says nothing")
    low, high = (float(np.exp(log(value) + side)) for side in (-half, half))
    return Estimate(value, se, None, low, high, level, groups, "observed information, log scale")


def randomness(fixed_raters: bool) -> str:
    """Return what an interval takes for random, in words."""
    return "images random, raters fixed" if fixed_raters else "raters and images random"
