"""Signal detection: how well raters tell synthetic (signal) from real (noise), and their bias.

The log-linear correction of Hautus (1995, Behav Res Methods 27:46, eq. 2) is applied unless one
asks for the raw figures, so that rates of 0 and 1 are neither dropped nor infinite and all raters
are treated alike. Several raters are averaged, never pooled: pooled answers mix their criteria and
give a d' that is too small.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from analysis.arrays import as_flags, as_truth
from analysis.reader_means import ONE_RATER, mean_over_raters
from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]

MOST_CATEGORIES = 12  # finer ratings are cut into as many of about equal size


def d_prime(
    hits: ArrayLike, false_alarms: ArrayLike, level: float = 0.95, *, corrected: bool = True
) -> Estimate:
    """Sensitivity of one rater in telling synthetic from real: d' = z(H) - z(F).

    Args:
        hits: (n_synthetic,) bool, synthetic judged synthetic.
        false_alarms: (n_real,) bool, real judged synthetic.
        level: coverage of the normal interval.
        corrected: apply the log-linear correction.

    Returns:
        d' in standard deviations, with the standard error of Gourevitch and Galanter
        (1967, Psychometrika 32:25).

    Raises:
        NotEstimable: one of the arrays is empty, or without correction a rate is 0 or 1.
    """
    hit, alarm = _rates(hits, false_alarms, corrected)
    se = sqrt(hit.variance + alarm.variance)
    return _estimate(hit.z - alarm.z, se, hit.n + alarm.n, level, "d'", corrected)


def criterion(
    hits: ArrayLike, false_alarms: ArrayLike, level: float = 0.95, *, corrected: bool = True
) -> Estimate:
    """Bias of one rater: c = -(z(H) + z(F)) / 2; above 0 is a tendency to say "real".

    Arguments, correction, standard error and errors as in `d_prime`.
    """
    hit, alarm = _rates(hits, false_alarms, corrected)
    se = sqrt(hit.variance + alarm.variance) / 2
    return _estimate(-(hit.z + alarm.z) / 2, se, hit.n + alarm.n, level, "criterion c", corrected)


def log_beta(
    hits: ArrayLike, false_alarms: ArrayLike, level: float = 0.95, *, corrected: bool = True
) -> Estimate:
    """Bias of one rater as a likelihood ratio: ln beta = (z(F)^2 - z(H)^2) / 2 = d' c.

    (Macmillan and Creelman 2005, Detection theory, eq. 2.10.) Arguments, correction and errors as
    in `d_prime`; the standard error follows from that of the rates by the delta method, which says
    nothing where both rates are one half: then there is no interval.
    """
    hit, alarm = _rates(hits, false_alarms, corrected)
    se = sqrt(hit.z**2 * hit.variance + alarm.z**2 * alarm.variance)
    value = (alarm.z**2 - hit.z**2) / 2
    return _estimate(value, se, hit.n + alarm.n, level, "ln beta", corrected)


def mean_d_prime(said: ArrayLike, synthetic: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's d', raters and images random.

    Args:
        said: (raters, images) 1 judged synthetic, 0 judged real, NaN where there is no answer.
        synthetic: (images,) what they are.
        level: coverage of the interval.

    Raises:
        NotEstimable: no rater has judged images of both kinds.
    """
    return _mean_over_raters(said, synthetic, level, (1.0, -1.0), d_prime, "d'")


def mean_criterion(said: ArrayLike, synthetic: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's criterion c; else as `mean_d_prime`."""
    return _mean_over_raters(said, synthetic, level, (-0.5, -0.5), criterion, "criterion c")


def two_afc_d_prime(right: ArrayLike, level: float = 0.95, *, corrected: bool = True) -> Estimate:
    """Return d' of one rater from pairs of which one is synthetic: sqrt(2) z(share right).

    (Macmillan and Creelman 2005, eq. 7.2, for a rater without a preference for a side.)

    Args:
        right: (n,) bool, whether the synthetic one was found.
        level: coverage of the normal interval.
        corrected: apply the log-linear correction.

    Raises:
        NotEstimable: no pairs, or without correction all right or all wrong.
    """
    rate = _rate(right, "pairs", corrected)
    se = sqrt(2 * rate.variance)
    return _estimate(sqrt(2) * rate.z, se, rate.n, level, "two-alternative d'", corrected)


@dataclass(frozen=True)
class UnequalVariance:
    """The binormal model of one rater's ratings.

    Attributes:
        intercept, slope: of the ROC curve in z coordinates, z(H) = intercept + slope z(F); the
            slope is the SD of real images' evidence over that of synthetic ones'.
        d_a: their distance in units of the root mean square of both SDs.
        a_z: area under the fitted curve, Phi(d_a / sqrt(2)).
        thresholds: (categories - 1,) criteria, in SDs from the mean of real images.
        log_likelihood: at the maximum.
        categories: the lowest rating of each category.
    """

    intercept: Estimate
    slope: Estimate
    d_a: Estimate
    a_z: Estimate
    thresholds: Floats
    log_likelihood: float
    categories: Floats


def unequal_variance(
    ratings: ArrayLike, synthetic: ArrayLike, level: float = 0.95
) -> UnequalVariance:
    """Fit normal distributions of unequal variance to one rater's ratings.

    Maximum likelihood of Dorfman and Alf (1969, J Math Psychol 6:487); standard errors from the
    expected information, of d_a and A_z by the delta method (Simpson and Fitter 1973 for d_a).

    Args:
        ratings: (n,) higher speaks for synthetic; more than twelve different ones are cut into
            twelve categories of about equal size.
        synthetic: (n,) what the images are.
        level: coverage of the intervals.

    Raises:
        NotEstimable: images of one kind only, fewer than three categories, or ratings that
            determine no curve (perfect separation, or a category apart for each kind).
    """
    scores, signal = np.asarray(ratings, dtype=float), as_truth(synthetic)
    if scores.shape != signal.shape or scores.ndim != 1:
        raise ValueError(f"ratings {scores.shape} and truth {signal.shape} must be equal vectors")
    if np.isnan(scores).any():
        raise ValueError("a rating is missing; leave out the image")
    if not signal.any() or signal.all():
        raise NotEstimable("images of one kind only")
    lowest = _categories(scores)
    if len(lowest) < 3:
        raise NotEstimable("fewer than three categories of ratings were used")
    code = np.searchsorted(lowest, scores, side="right") - 1
    counts = np.stack([np.bincount(code[signal == s], minlength=len(lowest)) for s in (0, 1)])
    fitted = _fit_binormal(counts.astype(float))
    a, b = float(fitted.parameters[0]), float(fitted.parameters[1])
    n, z = scores.size, float(stats.norm.ppf((1 + level) / 2))
    spread = sqrt(1 + b * b)
    d_a = a * sqrt(2) / spread
    towards = np.array([sqrt(2) / spread, -sqrt(2) * a * b / spread**3])
    covariance = fitted.covariance[:2, :2]
    se = sqrt(float(towards @ covariance @ towards))
    method = "unequal-variance fit of the ratings; images random"

    def normal(value: float, error: float) -> Estimate:
        return Estimate(value, error, None, value - z * error, value + z * error, level, n, method)

    distance = normal(d_a, se)
    low, middle, high = (
        float(stats.norm.cdf(end / sqrt(2))) for end in (d_a - z * se, d_a, d_a + z * se)
    )
    density = float(stats.norm.pdf(d_a / sqrt(2))) / sqrt(2)
    return UnequalVariance(
        intercept=normal(a, sqrt(float(covariance[0, 0]))),
        slope=normal(b, sqrt(float(covariance[1, 1]))),
        d_a=distance,
        a_z=Estimate(middle, se * density, None, low, high, level, n, method),
        thresholds=fitted.parameters[2:],
        log_likelihood=fitted.log_likelihood,
        categories=lowest,
    )


@dataclass(frozen=True)
class _Rate:
    z: float
    variance: float  # of z
    n: int


@dataclass(frozen=True)
class _Binormal:
    parameters: Floats  # intercept, slope, thresholds
    covariance: Floats
    log_likelihood: float


def _rates(hits: ArrayLike, false_alarms: ArrayLike, corrected: bool) -> tuple[_Rate, _Rate]:
    return (
        _rate(hits, "synthetic images", corrected),
        _rate(false_alarms, "real images", corrected),
    )


def _rate(yes: ArrayLike, on: str, corrected: bool) -> _Rate:
    yes = as_flags(yes, f"answers on {on} must be 1 or 0")
    if yes.ndim != 1:
        raise ValueError(f"answers on {on} must be a vector of 1 and 0, not of shape {yes.shape}")
    if yes.size == 0:
        raise NotEstimable(f"no answers on {on}")
    more = 0.5 if corrected else 0.0
    rate = (np.count_nonzero(yes) + more) / (yes.size + 2 * more)
    if rate in (0.0, 1.0):
        raise NotEstimable(f"a rate of {rate:g} on {on}; use the log-linear correction")
    z = float(stats.norm.ppf(rate))
    return _Rate(z, float(rate * (1 - rate) / (yes.size * stats.norm.pdf(z) ** 2)), yes.size)


def _estimate(
    value: float, se: float, n: int, level: float, name: str, corrected: bool
) -> Estimate:
    correction = "with log-linear correction" if corrected else "uncorrected"
    method = f"{name} {correction}, Gourevitch-Galanter standard error"
    if se < 1e-12:  # rounding
        return Estimate(value, n=n, method=f"{name} {correction}; both rates are 50 %: no interval")
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    return Estimate(value, se, None, value - half, value + half, level, n, method)


def _mean_over_raters(
    said: ArrayLike,
    synthetic: ArrayLike,
    level: float,
    factors: tuple[float, float],
    one_rater: Callable[[ArrayLike, ArrayLike, float], Estimate],
    name: str,
) -> Estimate:
    """Average factors[0] z(H) + factors[1] z(F) over raters."""
    table, signal = np.asarray(said, dtype=float), as_truth(synthetic)
    given = ~np.isnan(table)
    usable = (given & signal).any(axis=1) & (given & ~signal).any(axis=1)
    table, given = table[usable], given[usable]
    if len(table) == 1:
        hits, alarms = (table[0, given[0] & kind] for kind in (signal, ~signal))
        alone = one_rater(hits, alarms, level)
        return replace(alone, method=f"{alone.method}; {ONE_RATER}")
    values, influence = np.zeros(len(table)), np.zeros(table.shape)
    for row, (answers, known) in enumerate(zip(table, given, strict=True)):
        for factor, kind in zip(factors, (signal, ~signal), strict=True):
            own = known & kind
            yes, m = answers[own], int(own.sum())
            z = _rate(yes, "images", corrected=True).z
            values[row] += factor * z
            slope = factor * m / ((m + 1) * float(stats.norm.pdf(z)))
            influence[row, own] = slope * (yes - yes.mean()) / sqrt(m * max(m - 1, 1))
    what = f"{name} with log-linear correction"
    return mean_over_raters(values, influence, level=level, n=int(given.sum()), what=what)


def _categories(scores: Floats) -> Floats:
    """Return the lowest rating of each category, ascending."""
    different = np.unique(scores)
    if len(different) <= MOST_CATEGORIES:
        return different
    shares = np.arange(1, MOST_CATEGORIES) / MOST_CATEGORIES
    cuts = np.quantile(scores, shares, method="higher")
    return np.unique(np.concatenate([different[:1], cuts]))


def _fit_binormal(counts: Floats) -> _Binormal:
    """Fit intercept a, slope b and thresholds t to counts (2, categories), real images first.

    P(rating above threshold t) is Phi(-t) for real images and Phi(a - b t) for synthetic ones.
    The search is over a, log b, the first threshold and the logs of the gaps.
    """
    inner = counts.shape[1] - 1
    totals = counts.sum(axis=1, keepdims=True)
    # Start from the curve through smoothed rates: its points in z coordinates.
    above = (counts[:, ::-1].cumsum(axis=1)[:, :-1][:, ::-1] + 0.5) / (totals + 1)
    z = stats.norm.ppf(above)
    begin = -z[0]
    gaps = np.maximum(np.diff(begin), 0.05)

    def unpack(x: Floats) -> Floats:
        steps = np.concatenate([x[2:3], np.exp(x[3:])])
        return np.concatenate([x[:1], np.exp(x[1:2]), np.cumsum(steps)])

    def lost(x: Floats) -> tuple[float, Floats]:
        parameters = unpack(x)
        shares, slopes = _category_shares(parameters)
        seen = counts > 0
        value = -float((counts[seen] * np.log(np.maximum(shares[seen], 1e-300))).sum())
        ratio = np.where(seen, counts / np.maximum(shares, 1e-300), 0.0)
        gradient = -np.einsum("ck,ckp->p", ratio, slopes)
        turned = np.empty_like(x)
        turned[0], turned[1] = gradient[0], gradient[1] * parameters[1]
        later = gradient[2:][::-1].cumsum()[::-1]
        turned[2], turned[3:] = later[0], later[1:] * np.exp(x[3:])
        return value, turned

    start = np.concatenate([[float((z[1] + begin).mean())], [0.0], begin[:1], np.log(gaps)])
    found = optimize.minimize(
        lost,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12, 12), (log(0.02), log(50)), (-12, 12)] + [(-9, 3)] * (inner - 1),
        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-7, "maxls": 60},
    )
    parameters = unpack(found.x)
    if not 0.05 < parameters[1] < 20 or abs(parameters[0]) > 10:
        raise NotEstimable("the ratings determine no curve: they hardly overlap")
    shares, slopes = _category_shares(parameters)
    shares = np.maximum(shares, 1e-12)
    information = np.einsum("c,ckp,ckq,ck->pq", totals[:, 0], slopes, slopes, 1 / shares)
    if np.linalg.cond(information) > 1e12:
        raise NotEstimable("the ratings determine no curve: categories of one kind only")
    covariance = np.linalg.inv(information)
    if covariance[0, 0] > 100 or covariance[1, 1] > 100:
        raise NotEstimable("the ratings determine no curve: they hardly overlap")
    return _Binormal(parameters, covariance, -float(found.fun))


def _category_shares(parameters: Floats) -> tuple[Floats, Floats]:
    """Return shares (2, categories) and their derivatives (2, categories, parameters)."""
    a, b, t = parameters[0], parameters[1], parameters[2:]
    below, slopes = np.zeros((2, t.size + 2)), np.zeros((2, t.size + 2, parameters.size))
    below[:, -1] = 1
    below[0, 1:-1], below[1, 1:-1] = stats.norm.cdf(t), stats.norm.cdf(b * t - a)
    density = stats.norm.pdf(b * t - a)
    each = np.arange(t.size)
    slopes[0, each + 1, each + 2] = stats.norm.pdf(t)
    slopes[1, each + 1, each + 2] = b * density
    slopes[1, 1:-1, 0], slopes[1, 1:-1, 1] = -density, t * density
    return np.diff(below, axis=1), np.diff(slopes, axis=1)
