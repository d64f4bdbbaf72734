"""Averages over several raters who read the same images: raters and images are both random.

The analysis of Obuchowski and Rockette (1995, Commun Stat Simul 24:285) for one treatment with the
degrees of freedom of Hillis (2007, Stat Med 26:596). Each rater's figure is a mean of influence
values over images, so that the covariance of two raters comes from the images that both have read;
with a complete table it is the closed form (MS_R + MS_C - MS_RC) / (R N) for a proportion and
DeLong's covariance for an AUC.
"""

from dataclasses import replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import roc
from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]

ONE_RATER = "one rater: images random, the result applies to this rater"
RATERS_ALIKE = "raters do not differ: interval over images as if one had read them"
RATERS_AND_IMAGES = "mean over raters, Obuchowski-Rockette: raters and images random"


def proportion(answers: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's share of answers that count.

    Args:
        answers: (raters, images), 1 counts, 0 does not, NaN where a rater gave no answer.
        level: coverage of the interval.

    Returns:
        With one rater the Wilson interval. Where every rater has the same share whatever the
        images (variance 0) the Wilson interval over images, which is wider than nothing.

    Raises:
        NotEstimable: there is no answer.
    """
    table = _read_by_somebody(answers)
    counts = np.count_nonzero(~np.isnan(table), axis=1)
    values = np.nanmean(table, axis=1)
    if len(table) == 1:
        return _said(wilson(int(np.nansum(table)), int(counts[0]), level), ONE_RATER)
    influence = _centred(table, values)
    images = int(np.count_nonzero(~np.isnan(table).all(axis=0)))
    if _standard_error(values, influence)[0] == 0:
        # All answers speak as one: they carry no more than one answer an image.
        value = float(values.mean())
        alone = replace(wilson(round(value * images), images, level), value=value)
        return _said(replace(alone, n=int(counts.sum())), RATERS_ALIKE)
    return _mean(values, influence, level, int(counts.sum()))


def proportion_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of the difference of two shares on different images.

    Args:
        first: (raters, images) as in `proportion`.
        second: (raters, other images), the same raters in the same rows.
        level: coverage of the interval.

    Raises:
        NotEstimable: fewer than two raters have answers of both kinds, or nothing varies.
    """
    tables = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = np.logical_and(*((~np.isnan(table)).any(axis=1) for table in tables))
    if np.count_nonzero(both) < 2:
        raise NotEstimable("fewer than two raters have read both kinds of images")
    minuend, subtrahend = (table[both] for table in tables)
    means = [np.nanmean(table, axis=1) for table in (minuend, subtrahend)]
    influence = np.hstack([_centred(minuend, means[0]), -_centred(subtrahend, means[1])])
    n = sum(int(np.count_nonzero(~np.isnan(table))) for table in (minuend, subtrahend))
    values = means[0] - means[1]
    if _standard_error(values, influence)[0] == 0:
        raise NotEstimable("nothing varies")
    return _mean(values, influence, level, n, lowest=-1.0)


def mean_auc(scores: ArrayLike, truth: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's empirical AUC.

    Args:
        scores: (raters, images), higher speaks for a positive, NaN where there is none.
        truth: (images,) 1 positive, 0 negative.
        level: coverage of the interval.

    Returns:
        With one rater DeLong's interval on the logit scale. Raters without two answers in each
        class are left out. Where all areas are equal and nothing varies (perfect separation by
        all) `low` and `high` are None.

    Raises:
        NotEstimable: no rater has two scores in each class.
    """
    table, positive = np.asarray(scores, dtype=float), np.asarray(truth, dtype=bool)
    given = ~np.isnan(table)
    counts = np.stack([(given & positive).sum(axis=1), (given & ~positive).sum(axis=1)])
    usable = counts.min(axis=0) >= 2
    if not usable.any():
        raise NotEstimable("no rater has two answers on images of either kind")
    table, given = table[usable], given[usable]
    n = int(given.sum())
    if len(table) == 1:
        own = given[0]
        return _said(roc.delong(table[0, own], positive[own], level, "logit"), ONE_RATER)
    values, influence = np.empty(len(table)), np.zeros(table.shape)
    for row, own in enumerate(given):
        values[row], influence[row, own] = _auc_influence(table[row, own], positive[own])
    if _standard_error(values, influence)[0] == 0:
        return Estimate(
            float(values.mean()), n=n, method="mean over raters; no interval: nothing varies"
        )
    return _mean(values, influence, level, n)


def _auc_influence(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return one rater's AUC and what each image adds to it, scaled to give DeLong's variance."""
    v10, v01 = roc.placements(scores, positive)
    influence = np.empty(scores.size)
    for cases, placed in ((positive, v10), (~positive, v01)):
        influence[cases] = (placed - placed.mean()) / sqrt(placed.size * (placed.size - 1))
    return float(v10.mean()), influence


def _read_by_somebody(answers: ArrayLike) -> Floats:
    table = np.asarray(answers, dtype=float)
    table = table[~np.isnan(table).all(axis=1)] if table.size else table[:0]
    if not len(table):
        raise NotEstimable("no answers")
    return table


def _centred(table: Floats, values: Floats) -> Floats:
    """Return (raters, images) deviations whose cross products are covariances of rater means."""
    counts = np.count_nonzero(~np.isnan(table), axis=1)
    scale = np.sqrt(counts * np.maximum(counts - 1, 1))
    return np.nan_to_num((table - values[:, None]) / scale[:, None])


def _standard_error(values: Floats, influence: Floats) -> tuple[float, float | None]:
    """Return the standard error of the mean of `values` and its degrees of freedom."""
    raters = len(values)
    covariance = influence @ influence.T
    between = (covariance.sum() - np.trace(covariance)) / (raters * (raters - 1))  # Cov2
    reader_mean_square = float(values.var(ddof=1))
    numerator = reader_mean_square + max(raters * float(between), 0.0)
    if numerator < 1e-15:  # rounding leaves traces where nothing varies
        return 0.0, None
    if reader_mean_square < 1e-15:
        return sqrt(numerator / raters), None
    return sqrt(numerator / raters), numerator**2 / (reader_mean_square**2 / (raters - 1))


def _mean(values: Floats, influence: Floats, level: float, n: int, lowest: float = 0.0) -> Estimate:
    value = float(values.mean())
    se, df = _standard_error(values, influence)
    tail = (1 + level) / 2
    half = se * float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))
    return Estimate(
        value,
        se,
        df,
        max(lowest, value - half),
        min(1.0, value + half),
        level,
        n,
        RATERS_AND_IMAGES,
    )


def _said(estimate: Estimate, words: str) -> Estimate:
    """Return the estimate with `words` added to its method."""
    return replace(estimate, method=f"{estimate.method}; {words}")
