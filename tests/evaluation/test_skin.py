"""Skin in pixels: its colour, its angle, its class, and where there is none."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from evaluation.skin.colour import lab_of, lab_of_pixels, srgb_of, typology_angle
from evaluation.skin.finding import measured_tone
from evaluation.skin.tones import spread


def test_lab_is_that_of_known_colours():
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)

    wanted = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]

    assert np.allclose(lab_of_pixels(colours), wanted, atol=0.05)
    assert np.array_equal(lab_of_pixels(colours), lab_of(colours / 255))
    assert np.allclose(srgb_of(lab_of_pixels(colours)) * 255, colours, atol=0.01)


def test_the_angle_goes_beyond_90_for_light_skin_and_never_below_minus_90():
    lab = np.array([[70.0, 15, 20], [70, 15, -10], [30, 10, 20], [30, 10, -10]])

    assert np.allclose(typology_angle(lab), [45, 116.6, -45, -90], atol=0.05)


def test_measured_tones_are_those_of_patches_of_skin_that_were_measured_before(photographs):
    """Patches of skin in clinical photographs, from dark to very light, with their angle."""
    pack = photographs and photographs / "skin_patches.zip"
    if not pack or not pack.exists():
        pytest.skip("there are no patches of skin")
    with zipfile.ZipFile(pack) as files:
        rows = csv.DictReader(io.TextIOWrapper(files.open("index.csv")))
        patches = [row for row in rows if row["file"].startswith("milk_clinical/")]
        found = [measured_tone(Image.open(files.open(row["file"]))) for row in patches]

    told = [float(row["ita"]) for row in patches]

    pairs = np.array([(f, t) for f, t in zip(found, told, strict=True) if f is not None])
    assert len(pairs) > 0.95 * len(patches)
    assert np.median(np.abs(pairs[:, 0] - pairs[:, 1])) < 1
    assert np.corrcoef(pairs.T)[0, 1] > 0.99


@pytest.mark.parametrize(
    ("colour", "what"),
    [
        ((0, 0, 0), "darkness"),
        ((255, 255, 255), "paper"),
        ((128, 128, 128), "a picture without colours"),
        ((40, 120, 60), "green cloth"),
        ((60, 80, 200), "ink"),
        ((95, 80, 105), "light skin in the dark, under a blue cast"),
    ],
)
def test_where_there_is_no_skin_there_is_no_tone(colour, what):
    assert measured_tone(Image.new("RGB", (200, 150), colour)) is None, what


def test_only_the_square_that_raters_see_is_measured():
    wide = Image.new("RGB", (300, 100), (40, 120, 60))
    wide.paste((200, 150, 120), (100, 0, 200, 100))

    assert measured_tone(wide) == measured_tone(Image.new("RGB", (100, 100), (200, 150, 120)))


def test_tones_spread_over_classes_and_what_is_not_measured_is_counted_apart():
    found = spread([-45.0, 20.0, 56.0, 80.0, None])

    assert (found.images, found.measured) == (5, 4)
    assert found.classes == (1, 0, 1, 0, 0, 2)
    assert found.percentiles[1] == 38
    assert spread([None]).percentiles is None
