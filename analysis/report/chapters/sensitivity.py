"""Sensitivity and bias: what raters can see, apart from which answer they lean towards."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from analysis import mrmc, roc, signal_detection
from analysis.mrmc.inference import FIXED_READERS, RANDOM
from analysis.report.findings import Flags, Floats
from analysis.report.study import Study, in_pairs, said_synthetic
from analysis.results import Estimate, NotEstimable, Number, Unknown, attempt
from analysis.signal_detection import UnequalVariance

KEY = "sensitivity"


@dataclass(frozen=True)
class RaterSensitivity:
    """One rater; intervals hold for this rater, images random.

    Attributes:
        hits, false_alarms: shares of synthetic and of real images judged synthetic, uncorrected.
        d_prime, criterion, log_beta: with the log-linear correction.
    """

    rater: str
    hits: float | None
    false_alarms: float | None
    d_prime: Number
    criterion: Number
    log_beta: Number


@dataclass(frozen=True)
class OperatingPoint:
    """Hits and false alarms of a rater who takes ratings of `threshold` and more for synthetic."""

    threshold: float
    false_alarm: float
    hit: float


@dataclass(frozen=True)
class RaterRatings:
    """One rater's ratings: the points of the ROC curve and the binormal curve through them."""

    rater: str
    points: tuple[OperatingPoint, ...]
    fit: UnequalVariance | Unknown


@dataclass(frozen=True)
class PairSensitivity:
    """One rater of pairs: share found, and d' = sqrt(2) z(share)."""

    rater: str
    found: Number
    d_prime: Number


@dataclass(frozen=True)
class SensitivityFindings:
    """Sensitivity and bias.

    Attributes:
        raters, d_prime, criterion, log_beta: of single images; the latter are means over raters.
        ratings: of raters who gave any.
        slope, d_a, a_z: means over the raters whose ratings determine a curve.
        pairs, found, pair_d_prime: where pairs were read, each rater and the means.
    """

    raters: tuple[RaterSensitivity, ...]
    d_prime: Number
    criterion: Number
    log_beta: Number
    ratings: tuple[RaterRatings, ...]
    slope: Number
    d_a: Number
    a_z: Number
    pairs: tuple[PairSensitivity, ...]
    found: Number
    pair_d_prime: Number


def find(study: Study) -> SensitivityFindings | None:
    """Measure sensitivity; None where raters were asked for no origin."""
    said, synthetic = said_synthetic(study), study.grid.synthetic
    scores = study.grid.fill(study.pooled.number("rating"))
    names = study.grid.raters
    asked = bool(np.isfinite(said).any())
    if in_pairs(study) and asked:
        return _of_pairs(said[:, synthetic], names)
    if not asked and not np.isfinite(scores).any():
        return None
    none = Unknown("raters gave ratings only, no answer of real or synthetic")
    means = (
        (
            attempt(signal_detection.mean_d_prime, said, synthetic),
            attempt(signal_detection.mean_criterion, said, synthetic),
            attempt(_mean_of, _log_beta, said, synthetic, "ln beta"),
        )
        if asked
        else (none, none, none)
    )
    rated = [
        _ratings(name, row[given], synthetic[given])
        for name, row in zip(names, scores, strict=True)
        if (given := np.isfinite(row)).any()
    ]
    fits = [one.fit for one in rated if not isinstance(one.fit, Unknown)]
    return SensitivityFindings(
        raters=tuple(
            _rater(name, row, synthetic)
            for name, row in zip(names, said, strict=True)
            if np.isfinite(row).any()
        ),
        d_prime=means[0],
        criterion=means[1],
        log_beta=means[2],
        ratings=tuple(rated),
        slope=attempt(_over_raters, [fit.slope for fit in fits], "slope of the zROC"),
        d_a=attempt(_over_raters, [fit.d_a for fit in fits], "d_a"),
        a_z=attempt(_over_raters, [fit.a_z for fit in fits], "A_z"),
        pairs=(),
        found=Unknown("no pairs were read"),
        pair_d_prime=Unknown("no pairs were read"),
    )


def _rater(name: str, said: Floats, synthetic: Flags) -> RaterSensitivity:
    given = np.isfinite(said)
    hits, alarms = (said[given & kind] == 1 for kind in (synthetic, ~synthetic))
    return RaterSensitivity(
        name,
        float(hits.mean()) if hits.size else None,
        float(alarms.mean()) if alarms.size else None,
        attempt(signal_detection.d_prime, hits, alarms),
        attempt(signal_detection.criterion, hits, alarms),
        attempt(signal_detection.log_beta, hits, alarms),
    )


def _ratings(name: str, scores: Floats, synthetic: Flags) -> RaterRatings:
    points: tuple[OperatingPoint, ...] = ()
    fit: UnequalVariance | Unknown
    try:
        curve = roc.empirical_curve(scores, synthetic)
        points = tuple(
            OperatingPoint(float(t), float(f), float(h))
            for t, f, h in zip(curve.threshold, curve.false_alarm, curve.hit, strict=True)
            if np.isfinite(t) and 0 < f < 1 and 0 < h < 1
        )
        fit = signal_detection.unequal_variance(scores, synthetic)
    except NotEstimable as why:
        fit = Unknown(str(why))
    return RaterRatings(name, points, fit)


def _of_pairs(said: Floats, names: list[str]) -> SensitivityFindings:
    none = Unknown("pairs were read: there are no false alarms")
    return SensitivityFindings(
        raters=(),
        d_prime=none,
        criterion=none,
        log_beta=none,
        ratings=(),
        slope=none,
        d_a=none,
        a_z=none,
        pairs=tuple(
            PairSensitivity(
                name,
                attempt(mrmc.proportion, row[None]),
                attempt(signal_detection.two_afc_d_prime, row[np.isfinite(row)] == 1),
            )
            for name, row in zip(names, said, strict=True)
            if np.isfinite(row).any()
        ),
        found=attempt(mrmc.proportion, said),
        pair_d_prime=attempt(
            _mean_of, _pair_d_prime, said, np.ones(said.shape[1], bool), "two-alternative d'"
        ),
    )


def _log_beta(answers: Floats, synthetic: Flags) -> float:
    return signal_detection.log_beta(answers[synthetic] == 1, answers[~synthetic] == 1).value


def _pair_d_prime(answers: Floats, _: Flags) -> float:
    return signal_detection.two_afc_d_prime(answers == 1).value


def _mean_of(
    statistic: Callable[[Floats, Flags], float], said: Floats, synthetic: Flags, name: str
) -> Estimate:
    """Return the mean over the raters for whom a statistic exists, by the jackknife.

    Raises:
        NotEstimable: there is none, or leaving out an image leaves nothing to estimate from.
    """
    given = np.isfinite(said)
    kinds = [kind for kind in (synthetic, ~synthetic) if kind.any()]
    usable = np.all([(given & kind).sum(axis=1) >= 2 for kind in kinds], axis=0)
    if not usable.any():
        raise NotEstimable("no rater has two answers on images of either kind")
    found = mrmc.obuchowski_rockette(said[usable], synthetic, statistic=statistic)
    scope = RANDOM if usable.sum() > 1 else FIXED_READERS
    mean = next(iter(found.inferences[scope].estimates.values()))
    return Estimate(
        mean.value,
        mean.se,
        mean.df,
        mean.low,
        mean.high,
        mean.level,
        mean.n,
        f"{name} with log-linear correction; jackknife; {mean.method}",
    )


def _over_raters(each: list[Estimate], name: str) -> Estimate:
    """Return a mean over raters with the t interval that takes the images as they are."""
    if not each:
        raise NotEstimable("no rater's ratings determine a curve")
    values = np.array([one.value for one in each])
    if len(values) == 1:
        return each[0]
    n = sum(one.n or 0 for one in each)
    spread = float(values.std(ddof=1))
    mean, method = float(values.mean()), f"{name}, mean of {len(values)} raters; these images only"
    if spread < 1e-12:
        return Estimate(mean, n=n, method=f"{method}; no interval: raters do not differ")
    se, df = spread / sqrt(len(values)), len(values) - 1
    half = float(stats.t.ppf(0.975, df)) * se
    return Estimate(mean, se, df, mean - half, mean + half, 0.95, n, method)
