"""The one pipeline: the same for every origin, whatever a study asks of it."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Picture

from evaluation.design.randomness import SeededStream
from evaluation.models import Stimulus
from evaluation.phantoms import draw_phantom
from evaluation.sealing import seal_study
from evaluation.stimuli import GREY, SIZE, Treatment, render_stimulus


@pytest.fixture(scope="module")
def photograph():
    return Picture.fromarray(draw_phantom("mel", 4))


def pixels(png):
    with Picture.open(BytesIO(png)) as image:
        return np.asarray(image, dtype=float)


def luma(array):
    return array @ (0.299, 0.587, 0.114)


def detail(png):
    """Return the mean square of what lies between neighbouring pixels."""
    return np.mean(np.diff(luma(pixels(png)), 2, axis=1) ** 2)


def test_every_treatment_gives_files_of_one_length(photograph):
    lengths = {
        len(render_stimulus(photograph, treatment, SeededStream("a")))
        for treatment in (
            Treatment(),
            Treatment(shrunk_to=64),
            Treatment(turned=True),
            Treatment(round_mask=True),
        )
    }

    assert lengths == {196_993}


def test_one_resolution_takes_the_detail_that_only_some_originals_have(photograph):
    fine, coarse = photograph, photograph.resize((192, 144), Picture.Resampling.LANCZOS)
    apart, together = (
        [detail(render_stimulus(image, Treatment(shrunk_to=side))) for image in (fine, coarse)]
        for side in (None, 144)
    )

    assert apart[0] > 1.5 * apart[1]
    assert together[0] == pytest.approx(together[1], rel=0.15)


def test_what_is_turned_follows_from_the_seed_alone(photograph):
    turned = Treatment(turned=True)
    made = {render_stimulus(photograph, turned, SeededStream(seed)) for seed in range(12)}
    again = {render_stimulus(photograph, turned, SeededStream(seed)) for seed in range(12)}

    assert made == again
    assert len(made) == 12  # crops differ even where the turn is the same


def test_a_turned_image_shows_the_same(photograph):
    """In one of eight orientations it correlates with the original as a crop of it does."""
    plain = luma(pixels(render_stimulus(photograph)))
    turned = luma(pixels(render_stimulus(photograph, Treatment(turned=True), SeededStream(2))))
    sides = [np.rot90(way, k) for way in (turned, turned[:, ::-1]) for k in range(4)]
    likeness = [np.corrcoef(plain.ravel(), side.ravel())[0, 1] for side in sides]

    assert max(likeness) > 0.85


def test_a_round_mask_covers_the_corners_and_nothing_else(photograph):
    masked = pixels(render_stimulus(photograph, Treatment(round_mask=True)))
    plain = pixels(render_stimulus(photograph))
    middle = slice(SIZE // 4, 3 * SIZE // 4)

    assert np.abs(masked[:24, :24] - GREY).max() <= 2
    assert np.abs(masked[middle, middle] - plain[middle, middle]).max() <= 2


@pytest.mark.django_db
def test_a_generated_original_says_where_it_comes_from_and_its_stimulus_does_not(synthetic_images):
    image = synthetic_images[0]
    with image.file.open() as file, Picture.open(file) as stored:
        said = json.loads(stored.text["provenance"])
        stimulus = render_stimulus(stored)

    assert (said["made"], said["generator"], said["revision"]) == ("by AI", "made", "r1")
    assert (said["recipe"], said["entity"]) == (image.recipe, image.entity)
    assert b"made" not in stimulus
    assert b"provenance" not in stimulus


@pytest.mark.django_db
def test_a_study_writes_into_its_protocol_what_it_asks_of_the_pipeline(draft_with):
    study = draft_with(one_resolution=True, turned=True, round_mask=True)
    smallest = min(
        min(each.image.width, each.image.height) for each in study.drawn.select_related("image")
    )
    pipeline = seal_study(study, reason="a test").protocol["pipeline"]

    assert pipeline["shrunk_to"] == smallest
    assert (pipeline["turned"], pipeline["round_mask"]) == (True, True)
    stimulus = Stimulus.objects.filter(study=study).first()
    with stimulus.file.open() as file:
        corner = pixels(file.read())[:24, :24]
    assert np.abs(corner - GREY).max() <= 2
