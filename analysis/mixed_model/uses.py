"""What fitted models are for: rates of the population, and tests of what a model adds."""

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from analysis.mixed_model.data import deviations
from analysis.mixed_model.fit import CrossedFit, randomness
from analysis.results import Estimate, NotEstimable, Test

Floats = NDArray[np.float64]


def population_rate(
    fit: CrossedFit, row: ArrayLike, level: float = 0.95, weights: ArrayLike | None = None
) -> Estimate:
    """Return the share of 1 among all raters and images, not for the average ones.

    The link's inverse is integrated over the effects (Gauss and Hermite, 40 points), which brings
    rates nearer to 0.5 than the coefficients alone do (Zeger, Liang and Albert 1988).

    Args:
        fit: the model.
        row: (p,) values of the columns given to `crossed_logistic`, or (rows, p) of them, whose
            rates are averaged.
        level: coverage of the interval, by the delta method on the logit scale, with t of
            raters - 1 degrees of freedom: maximum likelihood takes few raters for more alike
            than they are.
        weights: (rows,) of the average; without, all count alike.
    """
    solution = fit.solution
    values = np.atleast_2d(np.asarray(row, dtype=float))
    if values.ndim != 2 or values.shape[1] != solution.given:
        raise ValueError(f"row {values.shape} must hold one value for each of {fit.names}")
    padded = np.zeros((len(values), solution.likelihood.fixed))  # raters' own columns sum to 0
    padded[:, : solution.given] = values
    shares = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    effects = np.ones((len(values), 2))
    effects[:, 1] = 0.0 if solution.slope is None else values[:, solution.slope]
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(40)
    node_weights = node_weights / node_weights.sum()

    def logit_rate(parameters: Floats) -> float:
        beta, (rater, image) = solution.likelihood.split(parameters)
        own = effects[:, : len(rater)] @ rater
        spread = np.sqrt((own**2).sum(axis=1) + image[0, 0] ** 2)
        centre = padded @ beta
        if fit.link == "probit":
            rates = special.ndtr(centre / np.sqrt(1 + spread**2))
        else:
            rates = special.expit(centre[:, None] + spread[:, None] * nodes) @ node_weights
        return float(special.logit(rates @ shares / shares.sum()))

    middle, slopes = logit_rate(solution.parameters), []
    for k in solution.free:
        step = np.zeros(len(solution.parameters))
        step[k] = 1e-4
        ahead, behind = (logit_rate(solution.parameters + side * step) for side in (1, -1))
        slopes.append((ahead - behind) / 2e-4)
    gradient = np.array(slopes)
    se = sqrt(max(float(gradient @ solution.covariance @ gradient), 0.0))
    df = None if fit.fixed_raters else len(fit.rater_names) - 1
    tail = (1 + level) / 2
    half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    rate = float(special.expit(middle))
    return Estimate(
        rate,
        se * rate * (1 - rate),
        df,
        float(special.expit(middle - half)),
        float(special.expit(middle + half)),
        level,
        fit.n,
        f"population-averaged rate, crossed {fit.link} model; {randomness(fit.fixed_raters)}",
    )


def expected(fit: CrossedFit, design: ArrayLike) -> Floats:
    """Return how likely each rater answers 1 about each image, read or not.

    Effects stand at their modes, drawn towards 0 the more, the fewer the answers that tell them:
    means over these rates are shrunken, and fit to rank what was read unequally often.

    Args:
        fit: the model.
        design: (images, p) values of the columns given to `crossed_logistic`, which must not
            differ between raters, in the order of `fit.image_names`.

    Returns:
        (raters, images), raters in the order of `fit.rater_names`.
    """
    solution, columns = fit.solution, np.asarray(design, dtype=float)
    if columns.shape != (len(fit.image_names), solution.given):
        raise ValueError(f"design {columns.shape} must be one row an image of {fit.names}")
    beta, _ = solution.likelihood.split(solution.parameters)
    raters = len(fit.rater_names)
    if not fit.fixed_raters:
        effects = fit.rater_effects.T
    elif raters == 1:
        effects = np.zeros((1, 1))
    else:
        effects = beta[solution.given :].reshape(-1, raters - 1) @ deviations(raters).T
    eta = columns @ beta[: solution.given] + fit.image_effects + effects[:1].sum(axis=0)[:, None]
    if len(effects) > 1:
        eta = eta + np.outer(effects[1], columns[:, solution.slope])
    rates: Floats = special.ndtr(eta) if fit.link == "probit" else special.expit(eta)
    return rates


def detection(
    fit: CrossedFit, intercept: str, origin: str, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Return d' and the criterion c of the average rater and image, from a probit model.

    The effect of origin is the distance of the two kinds of images in SDs of what remains when
    rater and image are known, and minus the predictor half-way between them is the criterion
    (DeCarlo 1998, Psychol Methods 3:186).

    Args:
        fit: with the probit link, and no other columns than these two, or those at 0.
        intercept: name of the column of ones.
        origin: name of the column with one value for real and a higher one for synthetic images.
        level: coverage of the intervals.

    Raises:
        ValueError: another link, a name unknown, or origin is not two values.
    """
    if fit.link != "probit":
        raise ValueError("d' follows from a model with the probit link")
    solution = fit.solution
    one, other = (fit.names.index(name) for name in (intercept, origin))
    values = np.unique(solution.likelihood.design[:, other])
    if values.size != 2:
        raise ValueError(f"column '{origin}' must have two values, one an origin")
    found = []
    for name, of_intercept, of_origin in (
        ("d'", 0.0, float(np.ptp(values))),
        ("criterion c", -1.0, -float(values.mean())),
    ):
        towards = np.zeros(len(solution.free))
        towards[[one, other]] = of_intercept, of_origin  # coefficients are always free
        value = float(solution.parameters[[one, other]] @ [of_intercept, of_origin])
        se = sqrt(max(float(towards @ solution.covariance @ towards), 0.0))
        df = fit.coefficients[origin].df if of_intercept == 0 else None
        tail = (1 + level) / 2
        half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
        method = f"{name} of a crossed probit model; {randomness(fit.fixed_raters)}"
        found.append(Estimate(value, se, df, value - half, value + half, level, fit.n, method))
    return found[0], found[1]


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
