"""Answers as every coefficient takes them: categories, weights of near misses, and counts."""

from collections.abc import Sequence
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.results import Estimate, NotEstimable

Floats = NDArray[np.float64]
Weights = Literal["linear", "quadratic"]

NO_SPREAD = "its variance is 0: no interval"
ALL_ALIKE = "not estimable, 100 % agreement: every answer is the same"


class Counted:
    """How often each image got each answer: what all coefficients for several raters rest on."""

    def __init__(
        self, answers: ArrayLike, categories: Sequence | None, weights: Weights | None
    ) -> None:
        table = table_of(answers)
        if table.ndim != 2:
            raise ValueError(f"answers {table.shape} must be (raters, images)")
        known = is_given(table)
        self.values = categories_of(table[known], categories)
        codes = np.searchsorted(np.sort(self.values), table)  # of the sorted ones
        order = np.argsort(self.values)
        counts = np.zeros((table.shape[1], len(self.values)))
        for row, own in zip(codes, known, strict=True):
            counts[np.flatnonzero(own), order[row[own]]] += 1
        self.counts = counts[counts.sum(axis=1) > 0]  # (images, categories)
        total = self.counts.sum(axis=1)
        self.paired = total >= 2
        if not self.paired.any():
            raise NotEstimable("no image has the answers of two raters")
        self.images = len(self.counts)
        self.scale = self.images / int(self.paired.sum())
        self.weight = agreement_weights(self.values, weights)
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
        # With gaps in a small table a coefficient can lie below -1.
        return over_images(value, per_image, level, (min(value, -1.0), 1.0), name)


def table_of(answers: ArrayLike) -> NDArray:
    """Return answers as numbers, NaN where there is none, or as text, "" where there is none."""
    table = np.asarray(answers)
    if table.dtype.kind in "US" and not isinstance(answers, np.ndarray):
        table = np.asarray(answers, dtype=object)  # numpy would write a NaN between texts as "nan"
    if table.dtype == object and any(isinstance(cell, str) for cell in table.flat):
        # Text with gaps, as data frames hold it: None or NaN.
        words = ["" if cell is None or cell != cell else str(cell) for cell in table.flat]
        table = np.array(words).reshape(table.shape)
    return table if table.dtype.kind in "US" else table.astype(float)


def is_given(table: NDArray) -> NDArray[np.bool_]:
    """Tell which cells hold an answer."""
    return table != "" if table.dtype.kind in "US" else ~np.isnan(table)


def categories_of(given: NDArray, categories: Sequence | None) -> NDArray:
    """Return the categories: those named, else those of the answers given, ascending.

    Raises:
        ValueError: an answer is not among those named, or one is named twice.
    """
    found = np.unique(given)
    if categories is None:
        return found
    named = table_of(np.asarray(categories))
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


def agreement_weights(values: NDArray, weights: Weights | None) -> Floats:
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


def over_images(
    value: float, per_image: Floats, level: float, limits: tuple[float, float], name: str
) -> Estimate:
    """Return an estimate whose linearised contributions of the images are known."""
    n = per_image.size
    if n < 2:
        return Estimate(value, n=n, method=f"{name}; one image: no interval")
    se = sqrt(float(((per_image - value) ** 2).sum()) / (n * (n - 1)))
    if se < 1e-12:  # rounding
        return Estimate(value, n=n, method=f"{name}; {NO_SPREAD}")
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * se
    low, high = max(limits[0], value - half), min(limits[1], value + half)
    return Estimate(value, se, n - 1, low, high, level, n, f"{name}; images random")


def two_sided(z: float) -> float:
    """Return the two-sided p value of a standard normal statistic."""
    return float(2 * stats.norm.sf(abs(z)))
