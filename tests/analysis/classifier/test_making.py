"""`train_classifier`: from images of the catalogue to weights, card and report."""

import json
import shutil

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from analysis.classifier.network import Classifier
from evaluation.image_sets import read_images
from evaluation.material import photographs_of

SMALL = ("--network", "paper", "--size", "32", "--epochs", "2")


@pytest.fixture
def classifiers():
    """Begin without classifiers of one's own."""
    folder = settings.VAR_DIR / "classifiers"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def test_a_classifier_is_trained_assessed_and_written_down(real_images, classifiers):
    call_command("train_classifier", *SMALL, "--name", "ours", "--dataset", real_images.name)

    folder = classifiers / "ours"
    numbers = json.loads((folder / "report" / "report.json").read_text())
    (held,) = numbers["findings"]["assessments"]
    assert Classifier.load(folder).size == 32
    assert held["images"] == "held-out lesions"
    assert held["confusion"]["counts"]
    assert {"learning_curves", "confusion_1", "roc_1"} == {*numbers["figures"]}
    for figure in numbers["figures"].values():
        assert all((folder / "report" / figure[kind]).exists() for kind in ("svg", "png", "data"))
    card = (folder / "README.md").read_text()
    assert real_images.licence in card
    assert "parted by lesion" in card
    assert "<svg" in (folder / "report" / "index.html").read_text()


def test_a_test_set_that_shares_lesions_is_refused(real_images, classifiers):
    same = ("--dataset", real_images.name, "--test", real_images.name)

    with pytest.raises(CommandError, match="28 of 28 images"):
        call_command("train_classifier", *SMALL, "--name", "ours", *same)


def test_images_of_an_open_study_reach_no_classifier(sealed, real_images):
    """Half of the real images are in the study."""
    found = read_images(photographs_of([real_images.name]), 32)

    shown = {*sealed.stimuli.values_list("truth__original_sha256", flat=True)}
    assert (len(found), found.of.withheld) == (14, 14)
    assert not shown & {*found.digests.tolist()}
