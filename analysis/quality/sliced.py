"""MIND: how far two sets of features are apart along random directions, where sorting tells it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.quality.distances import Floats, Rows, matching

DIRECTIONS = 1000


@dataclass(frozen=True)
class Slices:
    """Two sets along random directions, sorted, from which distances of parts are quick.

    Attributes:
        real, synthetic: (directions, n) sorted.
        real_order, synthetic_order: (directions, n), which image stands where.
        features: how many the sets have.
    """

    real: Floats
    synthetic: Floats
    real_order: NDArray[np.intp]
    synthetic_order: NDArray[np.intp]
    features: int

    @classmethod
    def between(cls, real: ArrayLike, synthetic: ArrayLike, *, seed: int = 0) -> "Slices":
        """Project sets of features (n, d), as many of each.

        Raises:
            ValueError: the sets are not of one size.
        """
        one, other = _projected(real, synthetic, seed)
        order, other_order = np.argsort(one, axis=1), np.argsort(other, axis=1)
        return cls(
            np.take_along_axis(one, order, axis=1),
            np.take_along_axis(other, other_order, axis=1),
            order,
            other_order,
            np.shape(real)[1],
        )

    def mind(self, real: Rows, synthetic: Rows) -> float:
        """Return the distance of some rows of either set, as many of each; see `mind`."""
        x = _some(self.real, self.real_order, real)
        y = _some(self.synthetic, self.synthetic_order, synthetic)
        return float(3 * self.features * np.square(x - y).mean())


def mind(real: ArrayLike, synthetic: ArrayLike, *, seed: int = 0) -> float:
    """Return the sliced squared 2-Wasserstein distance times three times the features.

    Berthet et al. (2026, "MIND: Monge Inception Distance for generative models evaluation"): the
    mean over random directions of the mean squared difference of the sorted projections. Of two
    normal distributions that differ by a shift it is 3 |shift|^2, three times the Fréchet
    distance. Biased upwards at small n: see the floor.

    Args:
        real: (n, d).
        synthetic: (n, d), as many.
        seed: of the directions.

    Raises:
        ValueError: the sets are not of one size.
        NotEstimable: a set is empty.
    """
    one, other = (np.sort(each, axis=1) for each in _projected(real, synthetic, seed))
    return float(3 * np.shape(real)[1] * np.square(one - other).mean())


def _projected(real: ArrayLike, synthetic: ArrayLike, seed: int) -> tuple[Floats, Floats]:
    """Return both sets along the same random directions, (directions, n)."""
    x, y = matching(real, synthetic, 1)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} real and {len(y)} synthetic images; as many are needed")
    towards = np.random.default_rng(seed).normal(size=(DIRECTIONS, x.shape[1]))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return towards @ x.T, towards @ y.T


def _some(ranked: Floats, order: NDArray[np.intp], rows: Rows) -> Floats:
    """Return the sorted projections (directions, rows) of some images."""
    chosen = np.zeros(order.shape[1], bool)
    chosen[rows] = True
    return ranked[chosen[order]].reshape(len(order), -1)
