"""The entity classifier: learns, is calibrated, and comes back from disk as it was."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from analysis.classifier.network import FEATURES, SIDE, Classifier, save
from analysis.classifier.training import Labelled, Recipe, calibrate, middle, train
from analysis.errors import AnalysisError

RECIPE = Recipe(images=400, batch=8, ema=0.7)


def squares(n, seed=0):
    """Two entities: bright and dark spots on noise."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(90, 166, (n, 120, 130, 3), np.uint8)
    labels = np.arange(n) % 2
    frames[labels == 1, 45:75, 50:80] = 230
    frames[labels == 0, 45:75, 50:80] = 20
    return Labelled(frames, labels)


@pytest.fixture(scope="module")
def trained():
    return train(squares(24), squares(20, seed=1), 2, RECIPE)


def test_what_was_trained_names_entities_of_images_it_has_not_seen(trained, tmp_path):
    save(trained, ["mel", "nv"], tmp_path)
    classifier = Classifier.load(tmp_path)
    unseen = squares(20, seed=2)

    read = classifier.read(middle(unseen.frames))

    assert (read.probabilities.argmax(1) == unseen.labels).mean() >= 0.9
    assert read.probabilities.sum(1) == pytest.approx(1)
    assert read.features.shape == (20, FEATURES)
    assert classifier.entities == ("mel", "nv")
    assert len(classifier.sha256) == 64


def test_a_run_can_be_repeated():
    short = replace(RECIPE, images=16)
    pixels = middle(squares(4, seed=3).frames)

    one, same, differs = (
        Classifier(train(squares(8), squares(8), 2, recipe), ["mel", "nv"], "").read(pixels)
        for recipe in (short, short, replace(short, seed=1))
    )

    assert np.allclose(one.features, same.features, atol=1e-5)
    assert not np.allclose(one.features, differs.features, atol=1e-3)


def test_sure_errors_are_softened_by_the_temperature(trained):
    """The labels are chance, so that no certainty is right."""
    noise = squares(60, seed=4)
    noise.labels[:] = np.random.default_rng(0).integers(2, size=60)
    network = copy.deepcopy(trained)

    calibrate(network, noise)

    assert float(network.temperature) > 1.5 * float(trained.temperature)


def test_images_are_cut_to_their_middle():
    assert middle(squares(2).frames).shape == (2, SIDE, SIDE, 3)


@pytest.mark.parametrize("harm", ["config.json", "model.safetensors"])
def test_a_folder_without_a_classifier_is_refused(trained, tmp_path, harm):
    save(trained, ["mel", "nv"], tmp_path)
    (tmp_path / harm).write_bytes(b"no such thing")

    with pytest.raises(AnalysisError, match="holds no classifier"):
        Classifier.load(tmp_path)
