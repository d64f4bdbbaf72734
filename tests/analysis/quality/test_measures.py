"""Figures with their intervals, floors and least numbers."""

import numpy as np
import pytest

from analysis.quality import measures
from analysis.quality.distances import frechet, frechet_at_infinity, inception_score
from analysis.quality.sets import ImageSet, draw
from analysis.quality.sliced import mind
from analysis.results import Estimate, Unknown


def normal(n, d=4, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


def test_too_few_images_give_the_numbers_and_no_figure():
    found = measures.set_distances(normal(7), normal(7, seed=1), domain=True)

    assert found["kid"] == Unknown("n too small: 7 < 50", "7 < 50")
    assert found["fid"] == Unknown("n too small: 7 < 50", "7 < 50")
    assert found["precision"] == Unknown("n too small: 7 < 100", "7 < 100")
    assert found["fid_infinity"] == Unknown("n too small: 7 < 1000", "7 < 1000")
    assert found["mind"] == Unknown("n too small: 7 < 500", "7 < 500")
    assert measures.clip_distance(normal(99), normal(99)).short == "99 < 100"
    assert measures.score(np.full((499, 3), 1 / 3)) == Unknown(
        "n too small: 499 < 500", "499 < 500"
    )
    assert measures.mean_of(np.zeros(9)) == Unknown("n too small: 9 < 10", "9 < 10")


def test_features_of_everyday_photographs_need_more_images_for_fid():
    x, y = normal(100), normal(100, seed=1)

    assert isinstance(measures.set_distances(x, y, domain=True)["fid"], Estimate)
    assert measures.set_distances(x, y, domain=False)["fid"] == Unknown(
        "n too small: 100 < 500", "100 < 500"
    )


def test_the_frechet_distance_at_infinity_takes_the_bias_of_n_away():
    x, y = normal(1500, 30), normal(1500, 30, 0.2, seed=1)
    truth = 30 * 0.2**2

    assert frechet(x[:150], y[:150]) > 3 * truth
    assert abs(frechet_at_infinity(x, y) - truth) < 0.35 < abs(frechet(x[:300], y[:300]) - truth)


def test_mind_holds_its_value_in_an_interval_of_half_samples():
    x, y = normal(500), normal(500, shift=0.4, seed=1)

    found = measures.set_distances(x, y, domain=False)["mind"]

    assert found.value == mind(x, y)
    assert found.low < found.value < found.high
    assert found.n == 500


def test_half_samples_hold_a_mean_and_a_distance_as_often_as_they_say():
    far = frechet(normal(100_000, 2, seed=7), normal(100_000, 2, 0.7, seed=8))
    held = {"mean": 0, "distance": 0}
    for k in range(100):
        x, y = normal(120, 2, seed=2 * k + 10), normal(120, 2, 0.7, seed=2 * k + 11)
        (mean,) = measures.half_sampled(lambda rows, x=x: [x[rows, 0].mean()], (120,), "mean")
        (distance,) = measures.half_sampled(
            lambda a, b, x=x, y=y: [frechet(x[a], y[b])], (120, 120), "distance"
        )
        held["mean"] += mean.low <= 0 <= mean.high
        held["distance"] += distance.low <= far <= distance.high

    assert 88 <= held["mean"] <= 100
    assert 86 <= held["distance"] <= 100


def test_the_inception_score_is_that_of_its_definition():
    chances = np.random.default_rng(0).dirichlet(np.ones(5), 60)
    own = chances.mean(0)
    wanted = np.exp(np.mean([(p * np.log(p / own)).sum() for p in chances]))

    assert inception_score(chances, splits=1) == pytest.approx(wanted, abs=1e-9)
    assert inception_score(np.eye(4).repeat(25, axis=0), splits=1) == pytest.approx(4, abs=1e-6)
    assert inception_score(np.full((50, 4), 0.25)) == pytest.approx(1)


def images_of(entities):
    n = len(entities)
    none = np.full(n, "")
    return ImageSet(
        np.array([str(k) for k in range(n)]),
        np.array(entities),
        {},
        {},
        np.zeros((n, 6)),
        np.full(n, np.nan),
        none,
        none,
        lambda rows: np.zeros((len(rows), 11, 11, 3), np.uint8),
    )


def test_equal_samples_share_no_real_image_and_have_the_same_mix():
    real = images_of(["mel"] * 31 + ["nv"] * 200)
    synthetic = images_of(["mel"] * 40 + ["nv"] * 20 + ["df"] * 9)

    drawn = draw(real, synthetic, ["mel", "nv", "df"])

    mixes = [
        sorted(images.entity[rows])
        for images, rows in (
            (synthetic, drawn.synthetic),
            (real, drawn.stand_in),
            (real, drawn.reference),
        )
    ]
    assert mixes == [["mel"] * 15 + ["nv"] * 20] * 3
    assert not set(drawn.stand_in) & set(drawn.reference)
