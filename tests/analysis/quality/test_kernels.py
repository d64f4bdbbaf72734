"""Kernel distances, against definitions written out and distances that are known."""

import numpy as np
import pytest

from analysis.quality.kernels import cmmd, kid, nearness


def normal(n, d=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


def kernel(a, b):
    return (a @ b / len(a) + 1) ** 3


def test_kid_is_the_mean_over_pairs_written_out():
    x, y = normal(7), normal(5, shift=0.4, seed=1)
    within = [
        np.mean([kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (x, y)
    ]
    between = np.mean([kernel(a, b) for a in x for b in y])

    assert kid(x, y, resamples=0).value == pytest.approx(sum(within) - 2 * between, abs=1e-12)


def test_kid_of_one_distribution_is_zero_on_average_at_any_size():
    found = [
        kid(normal(20, seed=k), normal(20, seed=1000 + k), resamples=0).value for k in range(300)
    ]

    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))


def test_the_interval_of_kid_holds_the_distance_as_often_as_it_says():
    far = kid(normal(20_00, 2, seed=7), normal(20_00, 2, 0.5, seed=8), resamples=0).value
    held = 0
    for k in range(100):
        one, other = normal(80, 2, seed=2 * k + 10), normal(80, 2, 0.5, seed=2 * k + 11)
        found = kid(one, other, resamples=300)
        held += found.low <= far <= found.high

    assert 86 <= held <= 100


def test_cmmd_is_the_mean_over_pairs_of_embeddings_of_length_one_written_out():
    x, y = normal(9, shift=0.5), normal(7, shift=-0.2, seed=1)

    def gaussian(a, b):
        a, b = a / np.sqrt((a * a).sum()), b / np.sqrt((b * b).sum())
        return np.exp(-((a - b) ** 2).sum() / (2 * 10**2))

    within = [
        np.mean([gaussian(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (x, y)
    ]
    between = np.mean([gaussian(a, b) for a in x for b in y])

    found = cmmd(x, y, resamples=0)
    assert found.value == pytest.approx(1000 * (sum(within) - 2 * between), abs=1e-9)
    assert cmmd(5 * x, 0.1 * y, resamples=0).value == pytest.approx(found.value, abs=1e-9)


def test_cmmd_of_two_directions_is_that_of_their_distance():
    x, y = (np.tile(np.eye(4)[k], (20, 1)) for k in (0, 1))

    assert cmmd(x, y).value == pytest.approx(2000 * (1 - np.exp(-2 / 200)))
    assert cmmd(x, x).value == pytest.approx(0, abs=1e-9)


def test_cmmd_of_one_distribution_is_zero_on_average_where_its_authors_program_tells_more():
    found = [
        cmmd(normal(30, seed=k), normal(30, seed=1000 + k), resamples=0).value for k in range(300)
    ]

    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert 2 * 1000 / 30 * (1 - np.exp(-2 / 200)) > 10 * abs(np.mean(found))


def test_the_interval_of_cmmd_holds_the_distance_as_often_as_it_says():
    far = cmmd(normal(20_00, 4, seed=7), normal(20_00, 4, 0.5, seed=8), resamples=0).value
    held = 0
    for k in range(100):
        one, other = normal(80, 4, seed=2 * k + 10), normal(80, 4, 0.5, seed=2 * k + 11)
        found = cmmd(one, other, resamples=300)
        held += found.low <= far <= found.high

    assert 86 <= held <= 100


def test_nearness_is_kid_from_either_and_their_difference():
    s, t, h = normal(30, shift=0.2), normal(40, seed=1), normal(35, shift=0.6, seed=2)

    found = nearness(s, t, h, resamples=200)

    values = [kid(one, other, resamples=0).value for one, other in ((t, s), (h, s), (t, h))]
    assert [found.learnt.value, found.held_out.value, found.apart.value] == pytest.approx(values)
    assert found.difference.value == pytest.approx(values[0] - values[1])
    assert found.difference.n == 30


def test_a_paired_difference_is_surer_than_two_distances_that_share_the_images():
    s, t, h = normal(200, shift=0.8), normal(200, seed=1), normal(200, seed=2)

    found = nearness(s, t, h)

    apart = np.hypot(found.learnt.se, found.held_out.se)
    assert found.difference.se < 0.8 * apart
    assert found.difference.low < 0 < found.difference.high
