"""Distances between sets of images, against definitions written out and known distributions."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.linalg import sqrtm

from analysis.quality.distances import frechet, inception_score, manifold
from analysis.quality.kernels import kid
from analysis.results import NotEstimable


def normal(n, d=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


@pytest.mark.parametrize("n", [4, 40], ids=["fewer than features", "more"])
def test_the_frechet_distance_is_that_of_the_textbook(n):
    x, y = normal(n), normal(n + 3, shift=0.3, seed=2) * 1.5
    a, b = np.cov(x.T), np.cov(y.T)
    root = sqrtm(a @ b)
    wanted = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2 * root.real)

    assert frechet(x, y) == pytest.approx(wanted, rel=1e-7)


def test_the_frechet_distance_of_known_normals():
    x, y = normal(200_000, 2), 2 * normal(200_000, 2, seed=3) + 1

    assert frechet(x, y) == pytest.approx(2 * 1 + 2 * (2 - 1) ** 2, rel=0.02)


def test_overlap_is_what_counting_balls_gives():
    x, y = normal(30, 2), normal(25, 2, 0.5, seed=4)

    def reach(points, k):
        return np.array([np.sort(np.linalg.norm(points - p, axis=1))[k] for p in points])

    rx, ry, rd = reach(x, 3), reach(y, 3), reach(x, 5)
    apart = np.linalg.norm(x[:, None] - y[None], axis=2)
    found = manifold(x, y)

    assert found.precision == np.mean([(apart[:, j] <= rx).any() for j in range(25)])
    assert found.recall == np.mean([(apart[i] <= ry).any() for i in range(30)])
    assert found.density == pytest.approx(
        np.sum([(apart[:, j] <= rd).sum() for j in range(25)]) / (5 * 25)
    )
    assert found.coverage == np.mean([apart[i].min() <= rd[i] for i in range(30)])


def test_figures_are_those_of_the_reference_programs():
    """Numbers of torchmetrics 1.9.0 and prdc 0.2 (by k = 3 and k = 5) of the same features."""
    x, y = normal(150), normal(150, shift=0.3, seed=1)
    chances = np.random.default_rng(2).dirichlet(np.ones(5), 60)

    near, wide = manifold(x, y), manifold(x, y, near=5, dense=3)

    assert frechet(x, y) == pytest.approx(0.7998585392707813, abs=1e-9)
    assert kid(x, y, resamples=0).value == pytest.approx(0.4014125102805237, abs=1e-9)
    assert inception_score(chances, splits=1) == pytest.approx(1.3507016007057098, abs=1e-9)
    assert astuple(near) == pytest.approx((0.84, 0.84, 0.856, 0.86), abs=1e-9)
    assert astuple(wide) == pytest.approx(
        (0.9066666666666666, 0.9133333333333333, 0.8577777777777778, 0.74), abs=1e-9
    )


def test_one_image_over_and_over_covers_nothing():
    real = normal(100)
    same = np.repeat(real[:1], 100, axis=0)

    assert manifold(real, same).coverage < 0.2
    assert manifold(real, same).precision == 1.0
    assert manifold(real, normal(100, seed=5)).coverage > 0.8


def test_sets_that_are_too_small_or_of_two_extractors_are_refused():
    with pytest.raises(NotEstimable, match="1 real and 9 synthetic images; 2 of each"):
        kid(normal(1), normal(9))
    with pytest.raises(NotEstimable, match="6 of each"):
        manifold(normal(5), normal(9))
    with pytest.raises(ValueError, match="not of one extractor"):
        frechet(normal(5), normal(5, d=3))
