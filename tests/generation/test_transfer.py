"""Lesion transfer: all but the lesion stays byte for byte, and the result never counts as real."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from evaluation.models import Image, Origin
from evaluation.skin.colour import lab_of_pixels
from generation import transferring
from generation.engine.blending import set_in
from generation.engine.colour import brightened, brightening, skin_of_tone
from generation.engine.generator import ImageRequest
from generation.engine.masked import Masked, colour_around, complete
from generation.engine.registry import BUILT_IN, load_generator
from tests.generation.tiny_cascade import save_tiny_cascade


def disc(shape=(150, 200), radius=30, at=(75, 100)):
    rows, columns = np.indices(shape)
    return np.hypot(rows - at[0], columns - at[1]) <= radius


def skin(colour, shape=(150, 200), seed=0):
    grain = np.random.default_rng(seed).normal(0, 4, (*shape, 3))
    return (np.array(colour) + grain).clip(0, 255).astype(np.uint8)


def with_lesion(ground, mask, depth=70):
    """Skin that is darker where the mask is."""
    shown = ground - depth * mask[..., None].astype(int)
    return shown.clip(0, 255).astype(np.uint8)


@pytest.fixture
def own(tmp_path, monkeypatch):
    save_tiny_cascade(tmp_path / "weights" / "tiny")
    monkeypatch.setattr(transferring, "OWN_WEIGHTS", tmp_path / "weights")


@pytest.fixture
def places(tmp_path):
    """Healthy skin, a lesion, and masks of both."""
    shown = {
        "skin": skin((150, 100, 80)),
        "lesion": with_lesion(skin((225, 180, 170), seed=1), disc()),
        "mask": disc(),
        "place": disc(radius=25, at=(60, 80)),
    }
    for name, pixels in shown.items():
        Picture.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


def run(places, **options):
    asked = {"entity": "mel", "out": places / "out" / "made.png"}
    call_command("transfer_lesion", str(places / "skin.png"), **{**asked, **options})
    return np.asarray(Picture.open(places / "out" / "made.png"))


def taken(places):
    return {
        "lesion": places / "lesion.png",
        "lesion_mask": str(places / "mask.png"),
        "licence": "CC0-1.0",
    }


def painted(places):
    how = {"generator": "tiny", "steps": 2, "candidates": 2, "device": "cpu"}
    return {"mask": places / "place.png", **how}


def test_a_lesion_is_set_in_without_an_edge_and_in_the_skins_tone():
    ground, lesion = skin((120, 80, 60)), with_lesion(skin((225, 180, 170), seed=1), disc())

    made, changed = set_in(ground, lesion, disc(), (0.5, 0.5), 0.3)

    assert np.array_equal(made[~changed], ground[~changed])
    across = changed[:, 1:] != changed[:, :-1]
    jump = np.abs(np.diff(made.astype(float), axis=1))
    assert jump[across].mean() < 1.5 * jump[~changed[:, 1:]].mean()
    centre, around = made[70:80, 95:105].mean(), ground.mean()
    assert around - 75 < centre < around - 35  # as much darker than this skin as it was there


@pytest.mark.django_db
@pytest.mark.parametrize("how", [taken, painted])
def test_outside_of_the_lesion_nothing_changes(own, places, how):
    before = np.asarray(Picture.open(places / "skin.png"))

    made = run(places, **how(places))

    report = json.loads((places / "out" / "made.json").read_text())
    changed = (made != before).any(axis=2)
    assert 0.02 < changed.mean() <= report["changed"] + 1e-4
    assert report["checks"]["pixels_kept_that_differ"] == 0
    if how is painted:
        assert not changed[~disc(radius=25, at=(60, 80))].any()


@pytest.mark.parametrize("how", [taken, painted])
def test_the_result_says_what_it_is_and_is_no_real_image(db, own, places, how):
    run(places, **how(places))
    (places / "out" / "made.json").rename(places / "made.json")
    table = places / "images.csv"
    table.write_text("image_id,dx\nmade,mel\n")
    source = str(places / "out")

    with pytest.raises(CommandError, match="1 problems, nothing imported"):
        call_command("import_images", source, metadata=table, dataset="clinic", licence="CC0-1.0")
    call_command(
        "import_images", source, metadata=table, generator="set-in", revision="1", licence="CC0-1.0"
    )

    assert Image.objects.get().origin == Origin.SYNTHETIC
    said = json.loads(Picture.open(places / "out" / "made.png").text["provenance"])
    assert said["made"].startswith("by AI")
    assert (said["entity"], said["licence"]) == ("mel", "CC0-1.0")


def test_the_same_lesion_is_painted_whatever_was_below(own, db, places):
    """Healthy skin inside the mask is overwritten before the generator sees it."""
    one = run(places, **painted(places))
    place = disc(radius=25, at=(60, 80))
    noise = np.random.default_rng(0).integers(0, 256, one.shape, np.uint8)
    shown = np.asarray(Picture.open(places / "skin.png"))
    Picture.fromarray(np.where(place[..., None], noise, shown)).save(places / "skin.png")

    run(places, **painted(places), out=places / "other.png")

    other = np.asarray(Picture.open(places / "other.png"))
    assert np.array_equal(other[place], one[place])


FAULTS = {
    "does not fit": (lambda p: {**taken(p), "at": "0.05,0.5"}, "does not fit into 200 x 150 px"),
    "too small": (lambda p: {**taken(p), "width": 0.01}, "lesion would be .* make it wider"),
    "at": (lambda p: {**taken(p), "at": "middle"}, "write it as X,Y"),
    "no licence": (lambda p: {**taken(p), "licence": ""}, "say with --licence"),
    "entity": (lambda p: {**taken(p), "entity": "wart"}, "entity 'wart' is unknown"),
    "mask": (lambda p: {**painted(p), "mask": p / "skin.png"}, "is no mask, it has greys"),
    "name": (lambda p: {**taken(p), "out": p / "made.jpg"}, r"end it in \.png"),
    "exists": (lambda p: {**taken(p), "out": p / "skin.png"}, "exists already"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be_done_is_named(db, own, places, case):
    options, words = FAULTS[case]

    with pytest.raises(CommandError, match=words):
        run(places, **options(places))

    assert not (places / "out" / "made.png").exists()


def test_what_is_painted_on_dark_skin_is_darker_than_it_and_follows_from_the_skin_alone():
    """A generator that has seen light skin only paints pale lesions on dark skin it is shown."""
    dermdiff = load_generator("dermdiff", BUILT_IN, "cpu", compute_batch=2)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (128, 128, 1))
    dark = ((skin_of_tone(-56) + noise).clip(0, 1) * 255).round().astype(np.uint8)
    rows, columns = np.indices(dark.shape[:2])
    mask = np.hypot(rows - 64, columns - 64) < 32
    middle = np.hypot(rows - 64, columns - 64) < 20
    hidden = np.where(mask[..., None], rng.integers(0, 256, dark.shape, np.uint8), dark)

    made, other = complete(
        dermdiff,
        [
            Masked(skin, ~mask, colour_around(skin, mask), ImageRequest("nv", 1), skin=False)
            for skin in (dark, hidden)
        ],
    )

    assert made.tobytes() == other.tobytes()
    assert np.array_equal(made[~mask], dark[~mask])
    light = lab_of_pixels(made)[..., 0]
    assert np.median(light[middle]) < np.median(light[~mask]) - 5


def test_light_skin_is_shown_as_it_is_and_brightening_can_be_undone():
    pixels = np.random.default_rng(0).integers(0, 128, (40, 40, 3), np.uint8)
    by = brightening(skin_of_tone(-20))

    back = brightened(brightened(pixels, by), 1 / by)

    assert (brightening(skin_of_tone(60)) == 1).all()
    assert (by > 1.2).all()
    assert np.array_equal(brightened(pixels, np.ones(3)), pixels)
    seen = (brightened(pixels, by) < 255).all(-1)
    assert np.abs(back[seen].astype(int) - pixels[seen]).max() <= 1
