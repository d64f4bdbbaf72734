"""Averages over several raters who read the same images, as the report prints them.

One treatment of `obuchowski_rockette`, for tables in which raters or answers may be missing; what
that analysis cannot say (one rater, raters who all agree) gets the interval that is left. Shares
have that analysis's error and degrees of freedom, and limits on the logit scale: with few raters,
and near 0 and 1, these hold the truth more nearly as often as they say (`benchmarks.coverage`).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from analysis import roc
from analysis.arrays import as_truth
from analysis.mrmc.cells import Cells, Floats, cells_of
from analysis.mrmc.inference import RANDOM, interval, on_logit_scale, reader_mean
from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable

ONE_RATER = "one rater: images random, the result applies to this rater"
RATERS_ALIKE = "raters do not differ: interval over images as if one had read them"
RATERS_AND_IMAGES = "mean over raters, Obuchowski-Rockette: raters and images random"


def proportion(answers: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's share of answers that count.

    Args:
        answers: (raters, images), 1 counts, 0 does not, NaN where a rater gave no answer.
        level: coverage of the interval.

    Returns:
        Limits on the logit scale. With one rater the Wilson interval. Where every rater has the
        same share whatever the images (variance 0) the Wilson interval over images, which is wider
        than nothing.

    Raises:
        NotEstimable: there is no answer.
    """
    table = _read_by_somebody(answers)
    answers_given = int(np.count_nonzero(~np.isnan(table)))
    if len(table) == 1:
        return _said(wilson(int(np.nansum(table)), answers_given, level), ONE_RATER)
    found = _mean(_shares(table), level, 0.0)
    if found.low is None:
        # All answers speak as one: they carry no more than one answer an image.
        images = int(np.count_nonzero(~np.isnan(table).all(axis=0)))
        alone = replace(wilson(round(found.value * images), images, level), value=found.value)
        return _said(replace(alone, n=answers_given), RATERS_ALIKE)
    return on_logit_scale(found)


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
    minuend, subtrahend = (_shares(table[both]) for table in tables)
    # Different images: what the errors of two shares have in common, they have within each kind.
    gap = replace(
        minuend,
        values=minuend.values - subtrahend.values,
        covariance=minuend.covariance + subtrahend.covariance,
        ratings=minuend.ratings + subtrahend.ratings,
    )
    found = _mean(gap, level, -1.0)
    if found.low is None:
        raise NotEstimable("nothing varies")
    return found


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
    table, positive = np.asarray(scores, dtype=float), as_truth(truth)
    given = ~np.isnan(table)
    counts = np.stack([(given & positive).sum(axis=1), (given & ~positive).sum(axis=1)])
    usable = counts.min(axis=0) >= 2
    if not usable.any():
        raise NotEstimable("no rater has two answers on images of either kind")
    table, given = table[usable], given[usable]
    if len(table) == 1:
        own = given[0]
        return _said(roc.delong(table[0, own], positive[own], level, "logit"), ONE_RATER)
    found = _mean(cells_of(table[None], positive, "auc", "delong"), level, 0.0)
    if found.low is None:
        return replace(found, method="mean over raters; no interval: nothing varies")
    return found


def balanced_accuracy(said: ArrayLike, truth: ArrayLike, level: float = 0.95) -> Estimate:
    """Return the mean over raters of each rater's balanced accuracy.

    It is the area under the one operating point of yes or no, and a share: the mean of the shares
    that are right of either class. So it has the error of `mean_auc` and the limits of
    `proportion`.

    Args:
        said: (raters, images) 1 said positive, 0 said negative, NaN where there is no answer.
        truth: (images,) 1 positive, 0 negative.
        level: coverage of the interval.

    Raises:
        NotEstimable: no rater has two answers in each class.
    """
    found = mean_auc(said, truth, level)
    return found if found.df is None else on_logit_scale(found)  # one rater's limits are there


def _read_by_somebody(answers: ArrayLike) -> Floats:
    table = np.asarray(answers, dtype=float)
    table = table[~np.isnan(table).all(axis=1)] if table.size else table[:0]
    if not len(table):
        raise NotEstimable("no answers")
    return table


def _shares(table: Floats) -> Cells:
    every_case = np.ones(table.shape[1], dtype=bool)
    return cells_of(table[None], every_case, "proportion", "jackknife", lone_answers=True)


def _mean(cells: Cells, level: float, lowest: float) -> Estimate:
    mean = reader_mean(cells.values, cells.covariance)
    variance, df = mean.variance(RANDOM)
    return interval(
        mean.value,
        variance,
        df,
        level=level,
        bounds=(lowest, 1.0),
        n=int(cells.ratings.sum()),
        method=RATERS_AND_IMAGES,
    )


def _said(estimate: Estimate, words: str) -> Estimate:
    """Return the estimate with `words` added to its method."""
    return replace(estimate, method=f"{estimate.method}; {words}")
