"""MIND, against optimal transport by assignment and normal distributions of known distance."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from analysis.quality.sliced import DIRECTIONS, Slices, mind


def normal(n, d=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


def transported(x, y, towards):
    """Return the least mean squared way along a direction, over all assignments."""
    cost = cdist((x @ towards)[:, None], (y @ towards)[:, None], "sqeuclidean")
    return cost[linear_sum_assignment(cost)].mean()


def test_mind_is_the_mean_optimal_transport_along_its_directions_times_three_times_the_features():
    x, y = normal(12), 1.4 * normal(12, shift=0.3, seed=1)
    drawn = np.random.default_rng(5).normal(size=(1000, 6))
    directions = drawn / np.sqrt((drawn**2).sum(axis=1))[:, None]

    wanted = 3 * 6 * np.mean([transported(x, y, towards) for towards in directions])

    assert DIRECTIONS == 1000
    assert mind(x, y, seed=5) == pytest.approx(wanted, abs=1e-9)


def test_of_one_feature_it_is_three_times_the_squared_wasserstein_distance():
    x, y = normal(50, 1), normal(50, 1, 0.5, seed=1)

    assert mind(x, y) == pytest.approx(3 * np.mean((np.sort(x[:, 0]) - np.sort(y[:, 0])) ** 2))


@pytest.mark.parametrize(
    ("scale", "shift", "wanted"),
    [(1.0, 0.5, 3 * 8 * 0.5**2), (1.5, 0.0, 3 * 8 * 0.5**2), (1.5, 0.5, 3 * 8 * (0.25 + 0.25))],
    ids=["a shift", "a scale", "both"],
)
def test_mind_of_known_normals(scale, shift, wanted):
    """Of d features: three times d, by the squared differences of means and deviations."""
    x, y = normal(4_000, 8), scale * normal(4_000, 8, seed=3) + shift

    found = np.mean([mind(x, y, seed=seed) for seed in range(4)])  # a thousand directions: ± 4.5 %

    assert found == pytest.approx(wanted, rel=0.06)


def test_mind_of_one_distribution_is_above_zero_and_falls_as_images_get_more():
    few, many = (mind(normal(n), normal(n, seed=1)) for n in (50, 5000))

    assert few > 10 * many > 0


def test_parts_are_measured_along_the_same_directions_as_the_whole():
    x, y = normal(40), normal(40, shift=0.3, seed=1)
    some, others = np.arange(0, 40, 2), np.arange(20)

    found = Slices.between(x, y).mind(some, others)

    assert found == pytest.approx(mind(x[some], y[others]), abs=1e-12)


def test_sets_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="3 real and 4 synthetic images; as many are needed"):
        mind(normal(3), normal(4))
