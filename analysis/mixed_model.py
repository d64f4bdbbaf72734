"""Crossed mixed models: what moves an answer, with raters and images both drawn at random.

    link P(answer = 1) = x beta + u_rater (+ v_rater * covariate) + w_image

with normal effects u, v, w: in the notation of lme4 `(1 | rater) + (1 | image)`, with a slope
`(covariate || rater)` where u and v are independent and `(covariate | rater)` where they are
correlated. Independent effects depend on how the covariate is coded: centre it (-0.5, 0.5) or let
them correlate.

Maximum likelihood by Laplace's approximation (`analysis.laplace`), the one that exists for crossed
effects; standard errors from the observed information on all parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from analysis.laplace import CrossedLikelihood, Diverging, Factor, Link, curve
from analysis.results import Estimate, NotEstimable, Test

Floats = NDArray[np.float64]
Effects = Literal["independent", "correlated"]

FEWEST_RATERS = 5  # below, a variance between raters means nothing
LARGEST = 10.0  # linear predictors or standard errors beyond it are those of separated answers
PRIOR_SD = 2.5  # of the penalty on separated answers (Gelman et al. 2008, Ann Appl Stat 2:1360)


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
    _solution: "_Solution" = field(repr=False, compare=False)


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
) -> CrossedFit:
    """Fit a model of yes/no answers, one row an answer.

    Args:
        answers: (n,) 1 or 0; NaN rows are left out.
        design: (n, p) columns of the fixed effects, that of ones included.
        raters, images: (n,) who gave the answer about what.
        names: (p,) of the columns; without, x0, x1 and so on.
        slope: name of the column whose effect differs between raters.
        effects: whether a rater's two effects are independent or may correlate.
        link: logit, or probit: then the coefficient of origin is d', and minus the intercept less
            half of it the criterion c, of the average rater and image (DeCarlo 1998).
        level: coverage of the intervals.

    Raises:
        NotEstimable: no answers, fewer than two images, or columns that determine one another.
        ValueError: arrays that do not fit, answers other than 0 and 1, or an unknown slope.
    """
    data = _prepare(answers, design, raters, images, names, slope, effects, link)
    likelihood = CrossedLikelihood(data.answers, data.design, data.factors, link)
    problem = _Problem(likelihood, data, penalised=False)
    notes = list(data.notes)
    try:
        solution = problem.solve()
        separated = solution.separated
    except Diverging:
        separated = True
    if separated:
        likelihood = CrossedLikelihood(data.answers, data.design, data.factors, link)
        solution = _Problem(likelihood, data, penalised=True).solve()
        notes.append(
            "answers are separated: coefficients are penalised, and shrunk towards 0 by that"
        )
    return _described(data, solution, link, level, separated, notes)


def population_rate(fit: CrossedFit, row: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the share of 1 among all raters and images, not for the average ones.

    The link's inverse is integrated over the effects (Gauss and Hermite, 40 points), which brings
    rates nearer to 0.5 than the coefficients alone do (Zeger, Liang and Albert 1988).

    Args:
        fit: the model.
        row: (p,) values of the columns given to `crossed_logistic`.
        level: coverage of the interval, by the delta method on the logit scale.
    """
    solution = fit._solution
    values = np.asarray(row, dtype=float)
    padded = np.zeros(solution.likelihood.fixed)  # the raters' own columns sum to 0
    if values.shape != (solution.given,):
        raise ValueError(f"row {values.shape} must hold one value for each of {fit.names}")
    padded[: solution.given] = values
    effects = np.array([1.0, 0.0 if solution.slope is None else values[solution.slope]])
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()

    def logit_rate(parameters: Floats) -> float:
        beta, (rater, image) = solution.likelihood.split(parameters)
        own = effects[: len(rater)] @ rater
        spread = sqrt(float((own**2).sum() + image[0, 0] ** 2))
        centre = float(padded @ beta)
        if fit.link == "probit":
            share = float(special.ndtr(centre / sqrt(1 + spread**2)))
        else:
            share = float(weights @ special.expit(centre + spread * nodes))
        return float(special.logit(share))

    middle, slopes = logit_rate(solution.parameters), []
    for k in solution.free:
        step = np.zeros(len(solution.parameters))
        step[k] = 1e-4
        ahead, behind = (logit_rate(solution.parameters + side * step) for side in (1, -1))
        slopes.append((ahead - behind) / 2e-4)
    gradient = np.array(slopes)
    se = sqrt(max(float(gradient @ solution.covariance @ gradient), 0.0))
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    rate = float(special.expit(middle))
    return Estimate(
        rate,
        se * rate * (1 - rate),
        None,
        float(special.expit(middle - half)),
        float(special.expit(middle + half)),
        level,
        fit.n,
        f"population-averaged rate, crossed {fit.link} model; {_random(fit.fixed_raters)}",
    )


def likelihood_ratio(smaller: CrossedFit, larger: CrossedFit) -> Test:
    """Test what the larger of two nested models of the same answers adds.

    Chi-squared with the number of added parameters. Where the slope of raters is what was added,
    its SD of 0 lies at the edge of what is possible, and the reference is the even mixture with
    one degree less (Stram and Lee 1994, Biometrics 50:1171).

    Raises:
        NotEstimable: one of the fits is penalised.
        ValueError: the models are not nested, or of different answers.
    """
    if smaller.penalised or larger.penalised:
        raise NotEstimable("penalised fits have no likelihoods to compare")
    fixed, random = (b - a for a, b in zip(smaller.parameters, larger.parameters, strict=True))
    if smaller.n != larger.n or smaller.link != larger.link or min(fixed, random) < 0:
        raise ValueError("the models are not nested, or of different answers")
    if not fixed + random:
        raise ValueError("the models have as many parameters")
    statistic = 2 * (larger.log_likelihood - smaller.log_likelihood)
    if statistic < 1e-6:  # how exactly likelihoods are known
        statistic = 0.0
    df = fixed + random
    p = float(stats.chi2.sf(statistic, df))
    method = "likelihood ratio"
    if not fixed:
        fewer = float(stats.chi2.sf(statistic, df - 1)) if df > 1 else float(statistic <= 0)
        p, method = (p + fewer) / 2, "likelihood ratio, mixture for a variance of 0"
    return Test(statistic, df1=df, p=p, method=method)


@dataclass(frozen=True)
class _Data:
    answers: Floats
    design: Floats
    factors: tuple[Factor, Factor]
    names: tuple[str, ...]
    given: int  # columns of the caller; the rest are those of fixed raters
    slope: int | None
    rater_names: tuple[str, ...]
    image_names: tuple[str, ...]
    fixed_raters: bool
    notes: tuple[str, ...]

    @property
    def scale(self) -> Floats:
        """Range of each column; 1 where it is constant."""
        ranges = np.ptp(self.design, axis=0)
        return np.where(ranges > 0, ranges, 1.0)


@dataclass(frozen=True)
class _Solution:
    likelihood: CrossedLikelihood
    given: int  # columns of the caller
    slope: int | None
    parameters: Floats
    free: tuple[int, ...]  # those not at the edge
    covariance: Floats  # of the free ones
    log_likelihood: float
    effects: tuple[Floats, Floats]
    converged: bool
    separated: bool


def _prepare(
    answers: ArrayLike,
    design: ArrayLike,
    raters: ArrayLike,
    images: ArrayLike,
    names: Sequence[str] | None,
    slope: str | None,
    effects: Effects,
    link: Link,
) -> _Data:
    y, x = np.asarray(answers, dtype=float), np.asarray(design, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    who, what = np.asarray(raters), np.asarray(images)
    if not len(y) == len(x) == len(who) == len(what):
        raise ValueError(f"{len(y)} answers, {len(x)} rows, {len(who)} raters, {len(what)} images")
    called = tuple(names) if names is not None else tuple(f"x{k}" for k in range(x.shape[1]))
    if len(called) != x.shape[1] or len(set(called)) != len(called):
        raise ValueError(f"names {called} must be {x.shape[1]} different ones")
    if slope is not None and slope not in called:
        raise ValueError(f"slope '{slope}' is unknown; use one of {', '.join(called)}")
    if effects not in ("independent", "correlated") or link not in ("logit", "probit"):
        raise ValueError(f"effects '{effects}' or link '{link}' is unknown")
    known = ~np.isnan(y)
    y, x, who, what = y[known], x[known], who[known], what[known]
    if not y.size:
        raise NotEstimable("no answers")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("answers must be 0 or 1")
    if not np.isfinite(x).all():
        raise ValueError("a value of the design is missing; leave out the answer")
    rater_names, rater = np.unique(who, return_inverse=True)
    image_names, image = np.unique(what, return_inverse=True)
    if len(image_names) < 2:
        raise NotEstimable("fewer than two images")
    place = called.index(slope) if slope is not None else None
    given, notes = x.shape[1], []
    few = len(rater_names) < FEWEST_RATERS
    columns, entries = np.ones((len(y), 1)), ((0, 0),)
    all_entries: tuple[tuple[int, int], ...] = entries
    if few:
        # Deviations from the mean of these raters, so that the given columns speak of that mean.
        own = np.eye(len(rater_names))[:, 1:] - np.eye(len(rater_names))[:, :1]
        extra = [own[rater]] if len(rater_names) > 1 else []
        if place is not None:
            extra += [part * x[:, [place]] for part in extra]
        x = np.hstack([x, *extra])
        columns, all_entries = np.empty((len(y), 0)), ()
        notes.append(
            f"{len(rater_names)} raters are too few for a variance: they are fixed, and the "
            "results hold for these raters"
        )
    elif place is not None:
        columns = np.stack([np.ones(len(y)), x[:, place]], axis=1)
        all_entries = ((0, 0), (1, 0), (1, 1)) if effects == "correlated" else ((0, 0), (1, 1))
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotEstimable("columns of the design determine one another")
    return _Data(
        answers=y,
        design=x,
        factors=(
            Factor(rater, len(rater_names), columns, all_entries),
            Factor(image, len(image_names), np.ones((len(y), 1)), ((0, 0),)),
        ),
        names=called,
        given=given,
        slope=place,
        rater_names=tuple(str(name) for name in rater_names),
        image_names=tuple(str(name) for name in image_names),
        fixed_raters=few,
        notes=tuple(notes),
    )


class _Problem:
    """The search for the largest likelihood, in parameters of about unit curvature."""

    def __init__(self, likelihood: CrossedLikelihood, data: _Data, *, penalised: bool) -> None:
        self._likelihood, self._data, self._penalised = likelihood, data, penalised
        # Entries of Lambda: factor, row, column.
        self._entries = [
            (which, a, b) for which, factor in enumerate(data.factors) for a, b in factor.entries
        ]
        self._fixed = likelihood.fixed
        self._spread = np.concatenate([data.scale, np.ones(len(self._entries))])

    def solve(self) -> _Solution:
        diagonal = np.array([a == b for _, a, b in self._entries])
        start = np.concatenate([self._start(), 0.5 * diagonal])
        unit = self._unit(start)

        def lost(z: Floats) -> tuple[float, Floats]:
            value, gradient = self._evaluate(unit @ z)
            return -value, -(unit.T @ gradient)

        # SDs may take either sign: a bound at 0, where the slope is 0 too, would catch the search.
        best, onward = start, start
        for _ in range(4):
            found = optimize.minimize(
                lost,
                np.linalg.solve(unit, onward),
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-4, "maxcor": 20},
            )
            best, further = self._at_the_edge(self._signed(unit @ found.x))
            if further is None:
                break
            onward = further
        value = self._evaluate(best)[0]
        point = self._likelihood.at(best)
        free = tuple(
            k for k in range(len(best)) if k < self._fixed or self._moves(best, k - self._fixed)
        )
        covariance = self._covariance(best, unit, free)
        ses = np.sqrt(np.maximum(np.diag(covariance)[: self._fixed], 0)) * self._data.scale
        # L-BFGS-B also stops where rounding ends its line search; the gradient decides.
        steepest = np.abs(unit.T @ self._evaluate(best)[1])
        at_zero = [k not in free for k in range(len(best))]
        return _Solution(
            likelihood=self._likelihood,
            given=self._data.given,
            slope=self._data.slope,
            parameters=best,
            free=free,
            covariance=covariance,
            log_likelihood=value if not self._penalised else point.value,
            effects=point.effects,
            converged=bool(steepest[~np.array(at_zero)].max() < 0.01),
            separated=bool(np.abs(point.eta).max() > LARGEST or ses.max() > LARGEST),
        )

    def _evaluate(self, parameters: Floats) -> tuple[float, Floats]:
        point = self._likelihood.at(parameters)
        if not self._penalised:
            return point.value, point.gradient
        scaled = parameters * self._spread / PRIOR_SD
        return (
            point.value - float((scaled**2).sum()) / 2,
            point.gradient - scaled * self._spread / PRIOR_SD,
        )

    def _start(self) -> Floats:
        """Return coefficients without random effects, held near 0 by the penalty."""
        beta, design = np.zeros(self._fixed), self._data.design
        hold = np.diag((self._data.scale / PRIOR_SD) ** 2)
        for _ in range(12):
            found = curve(self._data.answers, design @ beta, self._likelihood.link)
            curvature = design.T @ (design * found.fisher[:, None]) + hold
            beta = beta + np.linalg.solve(curvature, design.T @ found.score - hold @ beta)
        return beta

    def _unit(self, start: Floats) -> Floats:
        """Return the matrix from searched to real parameters."""
        unit = np.zeros((len(start), len(start)))
        information = self._likelihood.information(start)
        if self._penalised:
            information = information + np.diag((self._data.scale / PRIOR_SD) ** 2)
        lower = np.linalg.cholesky(np.linalg.inv(information))
        unit[: self._fixed, : self._fixed] = lower
        for k, (which, _, _) in enumerate(self._entries):
            size = self._data.factors[which].size
            unit[self._fixed + k, self._fixed + k] = 0.7 / sqrt(2 * size)
        return unit

    def _signed(self, best: Floats) -> Floats:
        """Return the same Lambda' Lambda with a diagonal that is not negative."""
        signed = best.copy()
        for k, (which, _, column) in enumerate(self._entries):
            if best[self._fixed + self._entries.index((which, column, column))] < 0:
                signed[self._fixed + k] *= -1
        return signed

    def _at_the_edge(self, best: Floats) -> tuple[Floats, Floats | None]:
        """Set to 0 what is as likely there, where the likelihood is flat.

        Returns:
            The parameters, and where to search on if something further from 0 is more likely.
        """
        reached = self._evaluate(best)[0]
        for k, (_, a, b) in enumerate(self._entries):
            place = self._fixed + k
            if a != b or best[place] > 0.1:
                continue
            nil, more = best.copy(), best.copy()
            nil[place], more[place] = 0.0, max(2 * best[place], 0.05)
            if self._evaluate(more)[0] > reached + 1e-7:
                return best, more
            there = self._evaluate(nil)[0]
            if there >= reached - 1e-4 * best[place]:
                best, reached = nil, there
        return best, None

    def _moves(self, best: Floats, k: int) -> bool:
        """Tell whether entry `k` of Lambda is not at the edge, nor beside an SD of 0."""
        which, _, b = self._entries[k]
        return bool(best[self._fixed + self._entries.index((which, b, b))] > 0)

    def _covariance(self, best: Floats, unit: Floats, free: tuple[int, ...]) -> Floats:
        """Return the inverse of the observed information, by differences of the gradient."""
        turned = unit[np.ix_(free, free)]
        hessian = np.empty((len(free), len(free)))
        for k in range(len(free)):
            # Small against what an SD is from 0, where the likelihood turns back.
            length = 0.02
            step = np.zeros(len(best))
            step[list(free)] = turned[:, k] * length
            ahead, behind = (self._evaluate(best + side * step)[1] for side in (1, -1))
            hessian[k] = turned.T @ (behind - ahead)[list(free)] / (2 * length)
        hessian = (hessian + hessian.T) / 2
        values, vectors = np.linalg.eigh(hessian)
        if values.min() <= 1e-8:  # flat: the answers say nothing in that direction
            values = np.maximum(values, 1e-8)
        return turned @ (vectors / values) @ vectors.T @ turned.T


def _described(
    data: _Data,
    solution: _Solution,
    link: Link,
    level: float,
    penalised: bool,
    notes: list[str],
) -> CrossedFit:
    words = f"crossed {link} model, Laplace{', penalised' if penalised else ''}; " + _random(
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
        sds["rater"] = _sd(solution, fixed, float(rater[0, 0]), level, raters)
    if len(rater) > 1:
        value = float(np.hypot(*rater[1]))
        at = fixed + entries - 1 if entries == 2 else None
        sds["rater slope"] = _sd(solution, at, value, level, raters)
    sds["image"] = _sd(solution, fixed + entries, float(image[0, 0]), level, len(data.image_names))
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
        _solution=solution,
    )


def _sd(
    solution: _Solution, parameter: int | None, value: float, level: float, groups: int
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


def _random(fixed_raters: bool) -> str:
    return "images random, raters fixed" if fixed_raters else "raters and images random"
