"""The entity classifiers: they learn, are calibrated, stop, go on, and come back as they were."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from analysis.classifier.augmentation import CLASSICAL, Augmentation
from analysis.classifier.data import Labelled, one_of_each, parted_by_lesion
from analysis.classifier.network import FEATURES, SIDE, Classifier, as_input, save
from analysis.classifier.training import RECIPES, Recipe, calibrate, train
from analysis.errors import AnalysisError

ENTITIES = ["mel", "nv"]
STRONG = Recipe("strong", 48, 1e-3, batch=8, epochs=6, images=64, patience=None, ema=0.7)
PAPER = replace(RECIPES["paper"], size=32, batch=8, epochs=3, images=16)


def squares(n, seed=0, side=48):
    """Two entities: bright and dark spots on noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 166, (n, side, side, 3), np.uint8)
    labels = np.arange(n) % 2
    spot = slice(side // 3, 2 * side // 3)
    pixels[labels == 1, spot, spot] = 230
    pixels[labels == 0, spot, spot] = 20
    return Labelled(pixels, labels)


@pytest.fixture(scope="module")
def trained():
    return train(squares(24), ENTITIES, STRONG, validation=squares(20, seed=1)).network


def test_what_was_trained_names_entities_of_images_it_has_not_seen(trained, tmp_path):
    save(trained, ENTITIES, tmp_path)
    classifier = Classifier.load(tmp_path)
    unseen = squares(20, seed=2)

    read = classifier.read(unseen.pixels)
    larger = classifier.read_squares(unseen.pixels.repeat(2, axis=1).repeat(2, axis=2))

    assert (read.probabilities.argmax(1) == unseen.labels).mean() >= 0.9
    assert (larger.probabilities.argmax(1) == unseen.labels).mean() >= 0.9
    assert read.probabilities.sum(1) == pytest.approx(1)
    assert read.features.shape == (20, FEATURES)
    assert classifier.entities == ("mel", "nv")
    assert len(classifier.sha256) == 64


def test_the_published_network_has_the_published_layers():
    network = train(squares(16, side=64), ENTITIES, replace(PAPER, size=64, patience=None)).network

    kinds = [type(layer).__name__ for layer in network.body]

    assert kinds == ["Conv2d", "ReLU", "MaxPool2d"] * 3 + ["Flatten", "Linear", "ReLU"]
    assert (network.body[-2].out_features, network.dropout.p) == (64, 0.5)
    assert RECIPES["paper"].patience == 5
    assert (RECIPES["paper"].epochs, RECIPES["paper"].batch) == (100, 32)


@pytest.mark.parametrize("recipe", [replace(STRONG, epochs=2, images=16), PAPER])
def test_a_killed_run_goes_on_to_the_weights_of_one_that_was_not(recipe, tmp_path):
    data, held = squares(16, side=recipe.size), squares(8, seed=1, side=recipe.size)
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"

    class Killed(Exception):
        pass

    def kill(epoch):
        raise Killed

    with pytest.raises(Killed):
        train(data, ENTITIES, recipe, validation=held, folder=stopped, on_epoch=kill)
    resumed = train(data, ENTITIES, recipe, validation=held, folder=stopped)
    straight = train(data, ENTITIES, recipe, validation=held, folder=whole)

    assert resumed.curve == straight.curve
    for name, weight in straight.network.state_dict().items():
        assert np.array_equal(weight, resumed.network.state_dict()[name]), name
    with pytest.raises(AnalysisError, match="another --name"):
        train(data, ENTITIES, replace(recipe, seed=1), validation=held, folder=stopped)


def test_training_stops_when_validation_gets_no_better_and_keeps_the_best():
    """The validation images have the labels exchanged: learning makes them worse."""
    held = squares(8, seed=1)
    held = Labelled(held.pixels, 1 - held.labels)
    recipe = replace(STRONG, epochs=40, patience=2)

    found = train(squares(16), ENTITIES, recipe, validation=held)

    losses = [each.validation_loss for each in found.curve]
    assert len(found.curve) == found.epoch + 2 < 40
    assert losses[found.epoch - 1] == min(losses)


def test_sure_errors_are_softened_by_the_temperature(trained):
    """The labels are chance, so that no certainty is right."""
    noise = squares(60, seed=4)
    noise.labels[:] = np.random.default_rng(0).integers(2, size=60)
    network = copy.deepcopy(trained)

    calibrate(network, noise)

    assert float(network.temperature) > 1.5 * float(trained.temperature)


def test_no_lesion_is_in_two_parts_and_every_entity_in_each():
    rng = np.random.default_rng(0)
    lesions = np.array([f"l{k}" for k in rng.integers(150, size=400)])
    labels = np.array([int(name[1:]) % 3 for name in lesions])

    parts = parted_by_lesion(labels, lesions, seed=0)

    sides = [parts.train, parts.validation, parts.test]
    assert sorted(np.concatenate(sides)) == list(range(400))
    groups = [{*lesions[rows]} for rows in sides]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert all({*labels[rows]} == {0, 1, 2} for rows in sides)
    assert len(one_of_each(lesions)) == len({*lesions})


def test_augmentation_moves_and_mirrors_but_keeps_what_is_shown():
    data = squares(40)
    pixels = as_input(data.pixels)

    still = Augmentation()(pixels, np.random.default_rng(0))
    mirrored = Augmentation(flip=True)(pixels, np.random.default_rng(0))
    moved = CLASSICAL(pixels, np.random.default_rng(0))

    assert np.allclose(still, pixels, atol=1e-5)
    ways = [pixels, pixels.flip(2), pixels.flip(3), pixels.flip(2, 3)]
    same = np.array([[np.allclose(w[k], mirrored[k], atol=1e-5) for w in ways] for k in range(40)])
    assert (same.sum(axis=1) == 1).all()
    assert same.any(axis=0).all()
    centre = moved[:, :, 22:26, 22:26].mean((1, 2, 3)) > 0
    assert (centre.numpy() == data.labels).all()


def test_the_shipped_classifier_can_be_loaded():
    from analysis.classifier.store import load_classifier

    classifier = load_classifier("ham10000")

    assert (classifier.size, classifier.seen) == (SIDE, 0.875)
    with pytest.raises(AnalysisError, match="there are: ham10000"):
        load_classifier("nobody")


@pytest.mark.parametrize("harm", ["config.json", "model.safetensors"])
def test_a_folder_without_a_classifier_is_refused(trained, tmp_path, harm):
    save(trained, ENTITIES, tmp_path)
    (tmp_path / harm).write_bytes(b"no such thing")

    with pytest.raises(AnalysisError, match="holds no classifier"):
        Classifier.load(tmp_path)
