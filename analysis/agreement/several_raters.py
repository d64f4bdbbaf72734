"""Agreement of several raters, who may have left out images."""

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from analysis.agreement.answers import ALL_ALIKE, Counted, Weights, over_images, two_sided
from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable, Test


def percent_agreement(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of pairs of raters who agree about an image, averaged over images.

    Args:
        answers: (raters, images), see above.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.

    Returns:
        The share with t over the images that two have answered; where all agree, or nobody does,
        the interval of Wilson over images, since none is of no width.

    Raises:
        NotEstimable: no image has two answers.
        ValueError: an answer is not among the categories.
    """
    table = Counted(answers, categories, None)
    agreed = float(table.agreement[table.paired].mean())
    if agreed in (0.0, 1.0):
        images = int(table.paired.sum())
        method = f"percent agreement, {'complete' if agreed else 'none'}; Wilson over images"
        return replace(wilson(images if agreed else 0, images, level), method=method)
    per_image = table.agreement[table.paired]
    return over_images(agreed, per_image, level, (0.0, 1.0), "percent agreement")


def fleiss_kappa(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return the agreement of several raters beyond chance (Fleiss 1971, Psychol Bull 76:378).

    Arguments as in `percent_agreement`; raters may have left out images, which Gwet (2014,
    Handbook of inter-rater reliability, ch. 3) allows for.

    Returns:
        Kappa with the variance of Gwet (2014, ch. 5) and t over images; no interval where all
        agree, or where all images are alike.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
    """
    table = Counted(answers, categories, None)
    shares = table.shares
    return table.corrected(float((shares**2).sum()), table.each @ shares, level, "Fleiss' kappa")


def fleiss_kappa_test(answers: ArrayLike, categories: Sequence | None = None) -> Test:
    """Test whether several raters agree beyond chance.

    z with the variance under no agreement of Fleiss, Nee and Landis (1979, Psychol Bull 86:974,
    eq. 13), two-sided.

    Raises:
        NotEstimable: images differ in the number of their answers, or every answer is the same.
    """
    table = Counted(answers, categories, None)
    raters = np.unique(table.counts.sum(axis=1))
    if raters.size > 1:
        raise NotEstimable("images differ in the number of their answers")
    m, p = float(raters[0]), table.shares
    spread = float((p * (1 - p)).sum())
    skew = float((p * (1 - p) * (1 - 2 * p)).sum())
    if spread <= 1e-15:
        raise NotEstimable(ALL_ALIKE)
    variance = 2 * (spread**2 - skew) / (spread**2 * table.images * m * (m - 1))
    kappa = fleiss_kappa(answers, categories).value
    z = kappa / sqrt(variance)
    return Test(z, p=two_sided(z), method="Fleiss' kappa against 0")


def gwet_ac1(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return Gwet's AC1, whose chance agreement does not grow with the prevalence.

    Arguments, interval and errors as in `fleiss_kappa` (Gwet 2008, Br J Math Stat Psychol 61:29,
    eq. 8 and 13). `categories` matter: an answer that nobody gave makes chance agreement rarer.
    """
    return _gwet(Counted(answers, categories, None), level, "Gwet's AC1")


def gwet_ac2(
    answers: ArrayLike,
    weights: Weights = "quadratic",
    categories: Sequence | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return Gwet's AC2: AC1 where near misses count, as in `cohen_kappa`.

    (Gwet 2014, Handbook of inter-rater reliability, ch. 4 and 5.)
    """
    return _gwet(Counted(answers, categories, weights), level, f"Gwet's AC2, {weights} weights")


def _gwet(table: Counted, level: float, name: str) -> Estimate:
    kinds = len(table.values)
    if kinds < 2:
        raise NotEstimable(ALL_ALIKE)
    factor = float(table.weight.sum()) / (kinds * (kinds - 1))
    shares = table.shares
    chance = factor * float((shares * (1 - shares)).sum())
    return table.corrected(chance, factor * (table.each @ (1 - shares)), level, name)
