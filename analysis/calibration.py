"""Calibration: whether raters are as often right as they say they are sure.

Confidence is a share from 0 to 1, of being right. A scale of six steps is no probability unless its
steps were anchored in percent: who maps it decides that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import roc
from analysis.proportions import wilson
from analysis.reader_means import ONE_RATER, mean_over_raters
from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]

BINS = 10
ENOUGH = 200  # answers, below which the calibration error is mostly noise


@dataclass(frozen=True)
class Brier:
    """The mean squared distance of confidence from being right, and its parts.

    score = reliability - resolution + uncertainty + within

    Attributes:
        score: 0 is best; always saying 50 % gives 0.25.
        reliability: distance of confidence from the share right, by bin; 0 is calibrated.
        resolution: how far shares right differ between bins; more is better.
        uncertainty: variance of being right, whatever was said.
        within: what the bins hide (Stephenson, Coelho and Jolliffe 2008, Weather Forecast 23:752);
            0 where each bin holds one confidence.
    """

    score: Estimate
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers of about one confidence.

    Attributes:
        lowest, highest: confidences in the bin.
        confidence: their mean.
        right: share right, with the interval of Wilson as if answers were independent.
    """

    lowest: float
    highest: float
    confidence: float
    right: Estimate


def brier(confidence: ArrayLike, right: ArrayLike, bins: int = BINS, level: float = 0.95) -> Brier:
    """Return the Brier score with the parts of Murphy (1973, J Appl Meteorol 12:595).

    Args:
        confidence: (n,) from 0 to 1; answers without one (NaN) are left out.
        right: (n,) 1 right, 0 wrong.
        bins: how many of about equal size; as many as there are confidences if those are fewer.
        level: coverage of the interval, over answers as if they were independent.

    Raises:
        NotEstimable: there are no answers.
        ValueError: shapes do not fit, or a confidence is not within 0..1.
    """
    sure, hit = _checked(confidence, right)
    loss = (sure - hit) ** 2
    n, base = sure.size, float(hit.mean())
    reliability = resolution = 0.0
    for own in _bins(sure, bins):
        share = own.size / n
        reliability += share * float(sure[own].mean() - hit[own].mean()) ** 2
        resolution += share * (float(hit[own].mean()) - base) ** 2
    uncertainty = base * (1 - base)
    score = Estimate(float(loss.mean()), n=n, method="Brier score; answers as if independent")
    if n > 1 and np.ptp(loss) > 0:
        se = float(loss.std(ddof=1)) / sqrt(n)
        half = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
        low, high = max(score.value - half, 0.0), min(score.value + half, 1.0)
        score = replace(score, se=se, df=n - 1, low=low, high=high, level=level)
    within = score.value - (reliability - resolution + uncertainty)
    if abs(within) < 1e-12:  # rounding
        within = 0.0
    return Brier(score, reliability, resolution, uncertainty, within)


def reliability_curve(
    confidence: ArrayLike, right: ArrayLike, bins: int = BINS, level: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """Return the share right by confidence, in bins of about equal size, least sure first.

    Arguments and errors as in `brier`. Equal confidences are never parted, so that bins may be
    fewer or of unequal size.
    """
    sure, hit = _checked(confidence, right)
    return tuple(
        ReliabilityBin(
            float(sure[own].min()),
            float(sure[own].max()),
            float(sure[own].mean()),
            wilson(int(hit[own].sum()), own.size, level),
        )
        for own in _bins(sure, bins)
    )


def calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> Estimate:
    """Return the expected calibration error: the mean distance of confidence from being right.

    By bins of about equal size (Naeini et al. 2015, AAAI; Nixon et al. 2019 for such bins).
    Arguments and errors as in `brier`. It is never negative, and so above 0 even for raters who
    are calibrated: with few answers by much, which the method then says.
    """
    sure, hit = _checked(confidence, right)
    apart = _bins(sure, bins)
    value = sum(own.size * abs(float(sure[own].mean() - hit[own].mean())) for own in apart)
    method = f"expected calibration error, {len(apart)} bins of about equal size"
    if sure.size < ENOUGH:
        # A share strays by sqrt(p (1 - p) / n), of which sqrt(2 / pi) is left on average.
        noise = sum(
            sqrt(2 / np.pi * own.size * float(np.mean(sure[own] * (1 - sure[own]))))
            for own in apart
        )
        method += (
            f"; biased upwards: {sure.size} answers of calibrated raters would give about "
            f"{noise / sure.size:.2f}"
        )
    return Estimate(value / sure.size, n=sure.size, method=method)


def type_2_auc(confidence: ArrayLike, right: ArrayLike, level: float = 0.95) -> Estimate:
    """Return how well one rater's confidence tells their right answers from their wrong ones.

    The area under the type-2 ROC curve (Galvin et al. 2003, Psychon Bull Rev 10:843; Fleming and
    Lau 2014, Front Hum Neurosci 8:443): 0.5 is no insight. It depends on how often the rater is
    right, and on bias, so that it does not compare raters of unlike skill.

    Args:
        confidence: (n,) any scale, higher is surer; NaN where there is none.
        right: (n,) 1 right, 0 wrong.
        level: coverage of DeLong's interval on the logit scale.

    Raises:
        NotEstimable: fewer than two right or two wrong answers.
    """
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    known = ~(np.isnan(sure) | np.isnan(hit))
    if min(np.count_nonzero(hit[known] == side) for side in (0, 1)) < 2:
        raise NotEstimable("fewer than two right or two wrong answers")
    found = roc.delong(sure[known], hit[known] == 1, level, "logit")
    return replace(found, method=f"type-2 AUC; {found.method}; {ONE_RATER}")


def mean_type_2_auc(confidence: ArrayLike, right: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of their type-2 areas, raters and images random.

    Args:
        confidence: (raters, images), NaN where there is none.
        right: (raters, images) 1 right, 0 wrong, NaN where there is no answer.
        level: coverage of the interval.

    Returns:
        The mean over raters with two right and two wrong answers at least.

    Raises:
        NotEstimable: there is no such rater.
        ValueError: shapes differ.
    """
    sure, hit = _tables(confidence, right)
    values, rows, n = [], [], 0
    for own_sure, own_hit in zip(sure, hit, strict=True):
        known = np.flatnonzero(~(np.isnan(own_sure) | np.isnan(own_hit)))
        correct = own_hit[known] == 1
        if min(np.count_nonzero(correct), np.count_nonzero(~correct)) < 2:
            continue
        above, below = roc.placements(own_sure[known], correct)
        row = np.zeros(own_sure.size)
        for cases, placed in ((correct, above), (~correct, below)):
            scale = sqrt(placed.size * (placed.size - 1))
            row[known[cases]] = (placed - placed.mean()) / scale  # DeLong et al. 1988, eq. 5
        values.append(float(above.mean()))
        rows.append(row)
        n += known.size
    if not values:
        raise NotEstimable("no rater has two right and two wrong answers")
    return mean_over_raters(
        np.array(values), np.stack(rows), level=level, n=n, what="type-2 AUC", bounds=(0.0, 1.0)
    )


def overconfidence(confidence: ArrayLike, right: ArrayLike, level: float = 0.95) -> Estimate:
    """Return mean confidence less the share right, over raters; above 0 is too sure.

    Args:
        confidence: (raters, images) from 0 to 1, NaN where there is none.
        right: (raters, images) 1 right, 0 wrong, NaN where there is no answer.
        level: coverage of the interval, raters and images random.

    Raises:
        NotEstimable: there are no answers with a confidence.
        ValueError: shapes differ, or a confidence is not within 0..1.
    """
    sure, hit = _tables(confidence, right)
    _check_shares(sure)
    gap = sure - hit
    gap = gap[~np.isnan(gap).all(axis=1)] if gap.size else gap[:0]
    if not len(gap):
        raise NotEstimable("no answers with a confidence")
    counts = np.count_nonzero(~np.isnan(gap), axis=1)
    values = np.nanmean(gap, axis=1)
    scale = np.sqrt(counts * np.maximum(counts - 1, 1))
    influence = np.nan_to_num((gap - values[:, None]) / scale[:, None])
    return mean_over_raters(
        values,
        influence,
        level=level,
        n=int(counts.sum()),
        what="mean confidence less share right",
        bounds=(-1.0, 1.0),
    )


def _checked(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    sure, hit = (np.asarray(side, dtype=float).ravel() for side in (confidence, right))
    if sure.shape != hit.shape:
        raise ValueError(f"{sure.size} confidences and {hit.size} answers")
    known = ~(np.isnan(sure) | np.isnan(hit))
    if not known.any():
        raise NotEstimable("no answers with a confidence")
    _check_shares(sure[known])
    if not np.isin(hit[known], (0, 1)).all():
        raise ValueError("right must be 1 or 0")
    return sure[known], hit[known]


def _tables(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if sure.shape != hit.shape or sure.ndim != 2:
        raise ValueError(f"confidence {sure.shape} and right {hit.shape} must be (raters, images)")
    return sure, hit


def _check_shares(sure: Floats) -> None:
    known = sure[~np.isnan(sure)]
    if ((known < 0) | (known > 1)).any():
        raise ValueError("a confidence is not within 0 and 1; divide percentages by 100")


def _bins(sure: Floats, bins: int) -> Sequence[NDArray[np.intp]]:
    """Return the places of the answers in each bin, least sure first; ties stay together."""
    if bins < 1:
        raise ValueError(f"{bins} bins")
    order = np.argsort(sure, kind="stable")
    different, sizes = np.unique(sure, return_counts=True)
    if len(different) <= bins:
        ends = np.cumsum(sizes)
    else:
        # Each confidence goes where the middle of its answers falls among equal shares.
        middle = np.cumsum(sizes) - sizes / 2
        which = np.minimum((middle * bins / sure.size).astype(int), bins - 1)
        ends = np.cumsum(np.bincount(which, weights=sizes, minlength=bins)).astype(int)
    ends = np.unique(ends)
    return [part for part in np.split(order, ends[:-1]) if part.size]
