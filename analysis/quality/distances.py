"""How far one set of images is from another, by their features.

Features are rows of one extractor's numbers, an image each. None of these figures says anything by
itself: beside it belongs the same figure of real images against other real ones, at the same n.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics.pairwise import euclidean_distances

from analysis.results import NotEstimable

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Manifold:
    """How two sets overlap; each a share, `density` may exceed 1.

    Attributes:
        precision: of synthetic images near a real one.
        recall: of real images near a synthetic one.
        density: real neighbourhoods that hold a synthetic image, on average, over k.
        coverage: of real images with a synthetic one in their neighbourhood.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def frechet(real: ArrayLike, synthetic: ArrayLike) -> float:
    """Return the squared Fréchet distance of two normal distributions fitted to the sets.

    Heusel et al. (2017, "GANs trained by a two time-scale update rule", eq. 6). The trace of the
    root of the covariances' product is the sum of the singular values of the product of the
    centred sets, which needs no root of a matrix and is stable for n < d. Biased upwards at
    small n: see the floor.

    Args:
        real: (n, d).
        synthetic: (m, d).

    Raises:
        NotEstimable: a set has fewer than two images.
    """
    x, y = matching(real, synthetic, 2)
    shift = np.square(x.mean(0) - y.mean(0)).sum()
    a = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    b = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    # tr (A'A B'B)^(1/2) is the nuclear norm of A B'; through triangles of A and B it is small.
    ra, rb = (np.asarray(np.linalg.qr(each, mode="r")) for each in (a, b))
    shared = np.linalg.svd(ra @ rb.T, compute_uv=False).sum()
    return float(shift + np.square(a).sum() + np.square(b).sum() - 2 * shared)


def frechet_at_infinity(
    real: ArrayLike, synthetic: ArrayLike, *, points: int = 15, seed: int = 0
) -> float:
    """Return the Fréchet distance that sets without end would have.

    Chong and Forsyth (2020, "Effectively unbiased FID and inception score"): a line through the
    distances of random subsets against one over their size, at 0. May be a little below 0.

    Args:
        real: (n, d).
        synthetic: (n, d), as many.
        points: sizes of subsets, evenly from a fifth of the sets up to all.
        seed: of the subsets.

    Raises:
        NotEstimable: the sets have fewer than ten images.
    """
    x, y = matching(real, synthetic, 10)
    most = min(len(x), len(y))
    rng = np.random.default_rng(seed)
    sizes = np.linspace(most / 5, most, points).astype(int)
    found = [
        frechet(*(each[rng.choice(len(each), size, replace=False)] for each in (x, y)))
        for size in sizes
    ]
    return float(np.polyfit(1 / sizes, found, 1)[1])


def inception_score(probabilities: ArrayLike, *, splits: int = 10, seed: int = 0) -> float:
    """Return the inception score: how sure a classifier is of images, and how varied they are.

    Salimans et al. (2016, "Improved techniques for training GANs"): the exponential of the mean
    divergence of each image's posterior from their average, averaged over random splits.

    Args:
        probabilities: (n, classes), rows that sum to 1.
        splits: into how many parts the images are divided.
        seed: of the division.

    Raises:
        NotEstimable: a split would be empty.
    """
    given = np.asarray(probabilities, float)
    if len(given) < splits:
        raise NotEstimable(f"{len(given)} images for {splits} splits")
    found = []
    for part in np.array_split(np.random.default_rng(seed).permutation(len(given)), splits):
        own = np.maximum(given[part], 1e-12)
        found.append(np.exp((own * (np.log(own) - np.log(own.mean(0)))).sum(1).mean()))
    return float(np.mean(found))


def feature_score(features: ArrayLike) -> float:
    """Return the inception score's formula of features in the place of a posterior, in one split.

    The published study computed it so. It does not say how features, which are no probabilities,
    became some; here each image's are divided by their sum.

    Args:
        features: (n, d), none below 0.
    """
    given = np.maximum(np.asarray(features, float), 0)
    own = np.maximum(given / given.sum(1, keepdims=True), 1e-12)
    return float(np.exp((own * (np.log(own) - np.log(own.mean(0)))).sum(1).mean()))


def manifold(real: ArrayLike, synthetic: ArrayLike, *, near: int = 3, dense: int = 5) -> Manifold:
    """Precision and recall with `near` neighbours, density and coverage with `dense`.

    Kynkäänniemi et al. (2019, "Improved precision and recall metric", eq. 1 and 2) and Naeem et
    al. (2020, "Reliable fidelity and diversity metrics", eq. 3 and 4). An image's neighbourhood
    is the ball that reaches to its k-th nearest of its own set.

    Args:
        real: (n, d).
        synthetic: (m, d), about as many.
        near: neighbours of precision and recall.
        dense: neighbours of density and coverage.

    Raises:
        NotEstimable: a set is not larger than the number of neighbours.
    """
    return Distances.between(real, synthetic).manifold(near=near, dense=dense)


@dataclass(frozen=True)
class Distances:
    """Euclidean distances within and between two sets, from which overlaps of parts are quick."""

    within_real: Floats  # (n, n)
    within_synthetic: Floats  # (m, m)
    between_sets: Floats  # (n, m)

    @classmethod
    def between(cls, real: ArrayLike, synthetic: ArrayLike) -> "Distances":
        """Measure sets of features (n, d) and (m, d)."""
        x, y = matching(real, synthetic, 1)
        return cls(euclidean_distances(x), euclidean_distances(y), euclidean_distances(x, y))

    def of(self, real: Rows, synthetic: Rows) -> "Distances":
        """Return those of some rows of each set."""
        return Distances(
            self.within_real[np.ix_(real, real)],
            self.within_synthetic[np.ix_(synthetic, synthetic)],
            self.between_sets[np.ix_(real, synthetic)],
        )

    def manifold(self, *, near: int = 3, dense: int = 5) -> Manifold:
        """Return the overlap; see `manifold`."""
        n, m = self.between_sets.shape
        if min(n, m) <= max(near, dense):
            raise NotEstimable(
                f"{n} real and {m} synthetic images; {max(near, dense) + 1} of each at least"
            )
        # The nearest of its own set is each image itself.
        real = np.partition(self.within_real, (near, dense), axis=1)
        synthetic = np.partition(self.within_synthetic, near, axis=1)
        in_dense = self.between_sets <= real[:, dense, None]
        return Manifold(
            precision=float((self.between_sets <= real[:, near, None]).any(0).mean()),
            recall=float((self.between_sets <= synthetic[None, :, near]).any(1).mean()),
            density=float(in_dense.sum(0).mean() / dense),
            coverage=float(in_dense.any(1).mean()),
        )


def matching(real: ArrayLike, synthetic: ArrayLike, least: int) -> tuple[Floats, Floats]:
    """Return two sets of features as numbers, after a look at their shapes.

    Raises:
        NotEstimable: a set has fewer than `least` images.
    """
    x, y = np.asarray(real, float), np.asarray(synthetic, float)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features of shapes {x.shape} and {y.shape} are not of one extractor")
    if min(len(x), len(y)) < least:
        raise NotEstimable(f"{len(x)} real and {len(y)} synthetic images; {least} of each at least")
    return x, y
