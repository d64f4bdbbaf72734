"""Agreement of raters with one another, and of a rater with themselves.

Percent agreement, Krippendorff's alpha and Gwet's AC1 belong side by side: where nearly all
answers are alike, chance-corrected kappas collapse although raters agree (the paradox of Feinstein
and Cicchetti 1990). Where every answer is the same one, chance agreement is complete and nothing
can be corrected for: not estimable, with 100 % agreement.

A table of answers is (raters, images) of numbers, NaN where there is none, or of text, "" where
there is none. Images are the sample that intervals speak of; raters are taken as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis import mrmc
from analysis.proportions import wilson
from analysis.results import Estimate, NotEstimable, Number, Test, attempt

Floats = NDArray[np.float64]
Weights = Literal["linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]

ALL_ALIKE = "not estimable, 100 % agreement: every answer is the same"


def percent_agreement(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return the share of pairs of raters who agree about an image, averaged over images.

    Args:
        answers: (raters, images), see above.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.

    Returns:
        The share with t over the images that two have answered; where all agree the interval of
        Wilson over images, since none is of no width.

    Raises:
        NotEstimable: no image has two answers.
        ValueError: an answer is not among the categories.
    """
    table = _Counted(answers, categories, None)
    agreed = float(table.agreement[table.paired].mean())
    if agreed == 1.0:
        images = int(table.paired.sum())
        return replace(
            wilson(images, images, level), method="percent agreement, complete; Wilson over images"
        )
    per_image = table.agreement[table.paired]
    return _over_images(agreed, per_image, level, (0.0, 1.0), "percent agreement")


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights | None = None,
    categories: Sequence | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the agreement of two raters beyond chance (Cohen 1960, 1968).

    Args:
        first, second: (images,) answers; images without an answer of both are left out.
        weights: how near misses count: not at all (None), falling with the distance of the
            answers (linear), or with its square. Distances are those of numbers, else of places
            in `categories`.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.

    Returns:
        Kappa with the variance of Fleiss, Cohen and Everitt (1969, Psychol Bull 72:323, eq. 8)
        and a normal interval; none where all agree.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
        ValueError: shapes differ, or an answer is not among the categories.
    """
    pair = _Pair(first, second, weights, categories)
    mean_weight = pair.row_weight[:, None] + pair.column_weight
    spread = (
        pair.shares * (pair.weight * (1 - pair.chance) - mean_weight * (1 - pair.observed)) ** 2
    ).sum()
    rest = (pair.observed * pair.chance - 2 * pair.chance + pair.observed) ** 2
    se = sqrt(max(spread - rest, 0.0) / pair.n) / (1 - pair.chance) ** 2
    name = f"Cohen's kappa{f', {weights} weights' if weights else ''}"
    return _normal(pair.kappa, se, level, pair.n, name, agreed=pair.observed == 1.0)


def cohen_kappa_test(
    first: ArrayLike,
    second: ArrayLike,
    weights: Weights | None = None,
    categories: Sequence | None = None,
) -> Test:
    """Test whether two raters agree beyond chance, as `cohen_kappa` measures it.

    z with the variance under no association of Fleiss, Cohen and Everitt (1969, eq. 9), two-sided.
    """
    pair = _Pair(first, second, weights, categories)
    mean_weight = pair.row_weight[:, None] + pair.column_weight
    spread = (pair.expected * (pair.weight - mean_weight) ** 2).sum() - pair.chance**2
    if spread <= 1e-15:
        raise NotEstimable("one rater always gave the same answer")
    z = pair.kappa * (1 - pair.chance) / sqrt(spread / pair.n)
    return Test(z, p=_two_sided(z), method="Cohen's kappa against 0")


def fleiss_kappa(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return the agreement of several raters beyond chance (Fleiss 1971, Psychol Bull 76:378).

    Arguments as in `percent_agreement`; raters may have left out images, which Gwet (2014,
    Handbook of inter-rater reliability, ch. 3) allows for.

    Returns:
        Kappa with the variance of Gwet (2014, ch. 5) and t over images; no interval where all
        agree.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
    """
    table = _Counted(answers, categories, None)
    shares = table.shares
    return table.corrected(float((shares**2).sum()), table.each @ shares, level, "Fleiss' kappa")


def fleiss_kappa_test(answers: ArrayLike, categories: Sequence | None = None) -> Test:
    """Test whether several raters agree beyond chance.

    z with the variance under no agreement of Fleiss, Nee and Landis (1979, Psychol Bull 86:974,
    eq. 13), two-sided.

    Raises:
        NotEstimable: images differ in the number of their answers, or every answer is the same.
    """
    table = _Counted(answers, categories, None)
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
    return Test(z, p=_two_sided(z), method="Fleiss' kappa against 0")


def gwet_ac1(
    answers: ArrayLike, categories: Sequence | None = None, level: float = 0.95
) -> Estimate:
    """Return Gwet's AC1, whose chance agreement does not grow with the prevalence.

    Arguments, interval and errors as in `fleiss_kappa` (Gwet 2008, Br J Math Stat Psychol 61:29,
    eq. 8 and 13). `categories` matter: an answer that nobody gave makes chance agreement rarer.
    """
    return _gwet(_Counted(answers, categories, None), level, "Gwet's AC1")


def gwet_ac2(
    answers: ArrayLike,
    weights: Weights = "quadratic",
    categories: Sequence | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return Gwet's AC2: AC1 where near misses count, as in `cohen_kappa`.

    (Gwet 2014, Handbook of inter-rater reliability, ch. 4 and 5.)
    """
    return _gwet(_Counted(answers, categories, weights), level, f"Gwet's AC2, {weights} weights")


def krippendorff_alpha(
    answers: ArrayLike,
    measured: Level = "nominal",
    categories: Sequence | None = None,
    level: float = 0.95,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return Krippendorff's alpha, one minus observed over expected disagreement.

    Args:
        answers: (raters, images); images with one answer only do not count.
        measured: what the distance of two answers is: 0 or 1 (nominal), their distance in ranks
            over all answers (ordinal) or in numbers (interval), both squared.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.
        draws: of the bootstrap over images.
        seed: of the bootstrap.

    Returns:
        Alpha (Krippendorff 2004, Content analysis, ch. 11) with the percentile interval of a
        bootstrap over images; draws in which all answers are the same are left out. No interval
        where all agree.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
        ValueError: interval distances of text.
    """
    table = _Counted(answers, categories, None)
    counts = table.counts[table.paired]
    ones = np.ones((1, len(counts)))
    observed, expected = _disagreements(ones, counts, table.values, measured)
    if expected[0] <= 0:
        raise NotEstimable(ALL_ALIKE)
    value, n = 1 - float(observed[0] / expected[0]), int(counts.sum())
    name = f"Krippendorff's alpha, {measured}"
    if (np.count_nonzero(counts, axis=1) == 1).all():
        return Estimate(1.0, n=n, method=f"{name}; all agree: no interval")
    rng = np.random.default_rng(seed)
    size = len(counts)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(float)
    observed, expected = _disagreements(weights, counts, table.values, measured)
    possible = expected > 0
    alphas = 1 - observed[possible] / expected[possible]
    if alphas.size < 2:
        return Estimate(value, n=n, method=f"{name}; too few images for an interval")
    tail = (1 - level) / 2
    low, high = np.quantile(alphas, [tail, 1 - tail])
    method = f"{name}; bootstrap over images, {alphas.size} draws"
    return Estimate(
        value, float(alphas.std(ddof=1)), None, float(low), float(high), level, n, method
    )


@dataclass(frozen=True)
class IntraRater:
    """How far one rater agrees with themselves about the `n` images they saw twice.

    `icc` is None unless the answers are ratings.
    """

    n: int
    same: Number
    kappa: Number
    ac1: Number
    icc: Number | None


@dataclass(frozen=True)
class Repeatability:
    """Each rater's agreement with themselves, and the mean share of equal answers over raters."""

    raters: tuple[IntraRater, ...]
    same: Number


def intra_rater(
    first: ArrayLike,
    second: ArrayLike,
    categories: Sequence | None = None,
    level: float = 0.95,
    *,
    ratings: bool = False,
    seed: int = 0,
) -> Repeatability:
    """Return how far raters agree with themselves, from images that were shown twice.

    Args:
        first, second: (raters, images) answers at the first and at the second showing.
        categories: all answers that could be given, in their order.
        level: coverage of the intervals.
        ratings: whether answers are numbers of which an intraclass correlation makes sense.
        seed: of its bootstrap.

    Returns:
        Intervals over images for each rater, and one with raters and images random for the mean.
    """
    one, two = _table(first), _table(second)
    if one.shape != two.shape:
        raise ValueError(f"the showings have different shapes, {one.shape} and {two.shape}")
    known = _given(one) & _given(two)
    raters = []
    for a, b, both in zip(one, two, known, strict=True):
        a, b = a[both], b[both]
        pairs = np.stack([a, b])
        raters.append(
            IntraRater(
                n=int(both.sum()),
                same=attempt(wilson, int(np.count_nonzero(a == b)), a.size, level),
                kappa=attempt(cohen_kappa, a, b, None, categories, level),
                ac1=attempt(gwet_ac1, pairs, categories, level),
                icc=attempt(lambda t: icc_2_1(t, level, seed=seed), pairs) if ratings else None,
            )
        )
    same = np.where(known, (one == two).astype(float), np.nan)
    return Repeatability(tuple(raters), attempt(mrmc.proportion, same, level))


def icc_2_1(
    ratings: ArrayLike, level: float = 0.95, *, draws: int = 2000, seed: int = 0
) -> Estimate:
    """Return ICC(2,1), the absolute agreement of single ratings (Shrout and Fleiss 1979, case 2).

    Args:
        ratings: (raters or showings, images); images that lack one are left out.
        level: coverage of the percentile interval of a bootstrap over images.
        draws, seed: of the bootstrap.

    Raises:
        NotEstimable: fewer than two images or raters, or every rating is the same.
    """
    table = np.asarray(ratings, dtype=float)
    table = table[:, ~np.isnan(table).any(axis=0)]
    raters, images = table.shape
    if raters < 2 or images < 2:
        raise NotEstimable("fewer than two images were rated by two")
    if np.ptp(table) == 0:
        raise NotEstimable(ALL_ALIKE)
    value = float(_icc(table[None])[0])
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, images, (draws, images))
    drawn = _icc(table[:, chosen].transpose(1, 0, 2))
    drawn = drawn[~np.isnan(drawn)]
    name, n = "ICC(2,1)", images * raters
    if drawn.size < 2 or np.ptp(drawn) < 1e-12:
        return Estimate(value, n=n, method=f"{name}; nothing varies between draws: no interval")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    method = f"{name}; bootstrap over images, {drawn.size} draws"
    return Estimate(
        value, float(drawn.std(ddof=1)), None, float(low), float(high), level, n, method
    )


class _Counted:
    """How often each image got each answer: what all coefficients for several raters rest on."""

    def __init__(
        self, answers: ArrayLike, categories: Sequence | None, weights: Weights | None
    ) -> None:
        table = _table(answers)
        if table.ndim != 2:
            raise ValueError(f"answers {table.shape} must be (raters, images)")
        given = _given(table)
        self.values = _categories(table[given], categories)
        codes = np.searchsorted(np.sort(self.values), table)  # of the sorted ones
        order = np.argsort(self.values)
        counts = np.zeros((table.shape[1], len(self.values)))
        for row, known in zip(codes, given, strict=True):
            counts[np.flatnonzero(known), order[row[known]]] += 1
        self.counts = counts[counts.sum(axis=1) > 0]  # (images, categories)
        total = self.counts.sum(axis=1)
        self.paired = total >= 2
        if not self.paired.any():
            raise NotEstimable("no image has the answers of two raters")
        self.images = len(self.counts)
        self.scale = self.images / int(self.paired.sum())
        self.weight = _agreement_weights(self.values, weights)
        self.each = self.counts / total[:, None]  # each image's shares of answers
        self.shares = self.each.mean(axis=0)  # those of an average image
        pairs = (self.counts * (self.counts @ self.weight - 1)).sum(axis=1)
        self.agreement = pairs / np.maximum(total * (total - 1), 1)  # of an image's pairs

    def corrected(self, chance: float, each_chance: Floats, level: float, name: str) -> Estimate:
        """Correct agreement for chance, with the linearised variance of Gwet (2014, ch. 5)."""
        if 1 - chance < 1e-12 or np.count_nonzero(self.counts.sum(axis=0)) == 1:
            raise NotEstimable(ALL_ALIKE)
        agreed = float(self.agreement[self.paired].mean())
        value = (agreed - chance) / (1 - chance)
        if agreed == 1.0:
            return Estimate(
                value, n=int(self.counts.sum()), method=f"{name}; all agree: no interval"
            )
        own = np.where(self.paired, self.scale * (self.agreement - chance) / (1 - chance), 0.0)
        per_image = own - 2 * (1 - value) * (each_chance - chance) / (1 - chance)
        return _over_images(value, per_image, level, (-1.0, 1.0), name)


class _Pair:
    """Two raters' shares of answers, as (categories, categories), and what follows from them."""

    def __init__(
        self,
        first: ArrayLike,
        second: ArrayLike,
        weights: Weights | None,
        categories: Sequence | None,
    ) -> None:
        one, two = _table(first), _table(second)
        if one.shape != two.shape or one.ndim != 1:
            raise ValueError(f"answers {one.shape} and {two.shape} must be equal vectors")
        known = _given(one) & _given(two)
        one, two = one[known], two[known]
        self.n = one.size
        if not self.n:
            raise NotEstimable("no image has the answers of two raters")
        values = _categories(np.concatenate([one, two]), categories)
        order = np.argsort(values)
        rows, columns = (order[np.searchsorted(values[order], side)] for side in (one, two))
        counts = np.zeros((len(values), len(values)))
        np.add.at(counts, (rows, columns), 1)
        self.shares = counts / self.n
        across, down = self.shares.sum(axis=1), self.shares.sum(axis=0)
        self.expected = np.outer(across, down)
        self.weight = _agreement_weights(values, weights)
        self.row_weight, self.column_weight = self.weight @ down, across @ self.weight
        self.observed = float((self.shares * self.weight).sum())
        self.chance = float((self.expected * self.weight).sum())
        if 1 - self.chance < 1e-12:
            raise NotEstimable(ALL_ALIKE)
        if np.trace(counts) == self.n:
            self.observed = 1.0  # not by a rounding error less
        self.kappa = (self.observed - self.chance) / (1 - self.chance)


def _gwet(table: _Counted, level: float, name: str) -> Estimate:
    kinds = len(table.values)
    if kinds < 2:
        raise NotEstimable(ALL_ALIKE)
    factor = float(table.weight.sum()) / (kinds * (kinds - 1))
    shares = table.shares
    chance = factor * float((shares * (1 - shares)).sum())
    return table.corrected(chance, factor * (table.each @ (1 - shares)), level, name)


def _table(answers: ArrayLike) -> NDArray:
    table = np.asarray(answers)
    return table if table.dtype.kind in "US" else table.astype(float)


def _given(table: NDArray) -> NDArray[np.bool_]:
    return table != "" if table.dtype.kind in "US" else ~np.isnan(table)


def _categories(given: NDArray, categories: Sequence | None) -> NDArray:
    found = np.unique(given)
    if categories is None:
        return found
    named = _table(np.asarray(categories))
    if len(np.unique(named)) != len(named):
        raise ValueError(f"categories {list(categories)} name one twice")
    strange = np.setdiff1d(found, named)
    if strange.size:
        raise ValueError(f"answer {strange[0]!r} is not among {list(categories)}")
    return named


def _places(values: NDArray) -> Floats:
    """Return the numbers of the categories, or their places in the order."""
    if values.dtype.kind in "US":
        return np.arange(len(values), dtype=float)
    return values.astype(float)


def _agreement_weights(values: NDArray, weights: Weights | None) -> Floats:
    """Return (categories, categories), 1 for the same answer, falling with the distance."""
    if weights is None or len(values) < 2:
        return np.eye(len(values))
    places = _places(values)
    distance = np.abs(places[:, None] - places) / np.ptp(places)
    if weights == "linear":
        return 1 - distance
    if weights == "quadratic":
        return 1 - distance**2
    raise ValueError(f"weights '{weights}' are unknown; use linear, quadratic or None")


def _disagreements(
    weights: Floats, counts: Floats, values: NDArray, measured: Level
) -> tuple[Floats, Floats]:
    """Return observed and expected disagreement in each draw; expected 0 where answers are alike.

    Ordinal distances are those of mid-ranks, and both those and intervals are squares, so that
    sums of squares stand for the matrix of coincidences.

    Args:
        weights: (draws, images) how often each image was drawn.
        counts: (images, categories), at least two answers an image.
        values: (categories,) the answers.
        measured: the kind of distance.
    """
    own = weights / (counts.sum(axis=1) - 1)  # an image's m answers make m pairs, not m (m - 1)
    given = weights @ counts  # (draws, categories)
    total = given.sum(axis=1)
    if measured == "nominal":
        equal = own @ (counts * (counts - 1)).sum(axis=1)
        observed, expected = total - equal, total**2 - (given**2).sum(axis=1)
    else:
        if measured == "ordinal":
            places = np.cumsum(given, axis=1) - given / 2
        elif measured == "interval" and values.dtype.kind not in "US":
            places = np.broadcast_to(values.astype(float), given.shape)
        elif measured == "interval":
            raise ValueError("answers in words have no interval distances; use ordinal or nominal")
        else:
            raise ValueError(f"level '{measured}' is unknown; use nominal, ordinal or interval")
        places = places - ((given * places).sum(axis=1) / total)[:, None]
        squares = (given * places**2).sum(axis=1)
        products = (own * ((places @ counts.T) ** 2 - places**2 @ counts.T)).sum(axis=1)
        observed, expected = 2 * (squares - products), 2 * total * squares
    alike = np.count_nonzero(given, axis=1) < 2
    return observed / total, np.where(alike, 0.0, expected / (total * (total - 1)))


def _icc(tables: Floats) -> Floats:
    """Return ICC(2,1) of (draws, raters, images); NaN where nothing varies."""
    _, raters, images = tables.shape
    grand = tables.mean(axis=(1, 2))
    by_image, by_rater = tables.mean(axis=1), tables.mean(axis=2)
    between = raters * ((by_image - grand[:, None]) ** 2).sum(axis=1) / (images - 1)
    judges = images * ((by_rater - grand[:, None]) ** 2).sum(axis=1) / (raters - 1)
    rest = tables - by_image[:, None, :] - by_rater[:, :, None] + grand[:, None, None]
    error = (rest**2).sum(axis=(1, 2)) / ((images - 1) * (raters - 1))
    below = between + (raters - 1) * error + raters * (judges - error) / images
    known = below > 1e-12
    correlation: Floats = np.full(len(tables), np.nan)
    np.divide(between - error, below, out=correlation, where=known)
    return correlation


def _over_images(
    value: float, per_image: Floats, level: float, limits: tuple[float, float], name: str
) -> Estimate:
    """Return an estimate whose linearised contributions of the images are known."""
    n = per_image.size
    if n < 2:
        return Estimate(value, n=n, method=f"{name}; one image: no interval")
    se = sqrt(float(((per_image - value) ** 2).sum()) / (n * (n - 1)))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
    low, high = max(limits[0], value - half), min(limits[1], value + half)
    return Estimate(value, se, n - 1, low, high, level, n, f"{name}; images random")


def _normal(value: float, se: float, level: float, n: int, name: str, *, agreed: bool) -> Estimate:
    if agreed:
        return Estimate(value, n=n, method=f"{name}; all agree: no interval")
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Estimate(value, se, None, low, high, level, n, f"{name}; images random")


def _two_sided(z: float) -> float:
    return float(2 * stats.norm.sf(abs(z)))
