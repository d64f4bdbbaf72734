"""De-identification: copies hold of a photograph what is kept, and no more; whole or not at all."""

import hashlib
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Picture
from scipy import ndimage
from skimage import data

from evaluation.catalogue import encoded
from evaluation.phantoms import draw_phantom
from generation import deidentification
from generation.engine import masked
from generation.engine.comparing import compare
from generation.photographs import check_copy
from tests.generation.submitting import disc
from tests.generation.tiny_cascade import save_tiny_cascade


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of generators with one that paints noise, in no time."""
    save_tiny_cascade(tmp_path / "weights" / "tiny")
    monkeypatch.setattr(deidentification, "OWN_WEIGHTS", tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture
def photograph(tmp_path):
    """A photograph with grain, and a name in its metadata."""
    path = tmp_path / "photographs" / "one.jpg"
    path.parent.mkdir()
    exif = Picture.Exif()
    exif[0x010E] = "Jane Doe"
    grain = np.random.default_rng(1).normal(0, 8, (288, 384, 1))
    shown = (draw_phantom("mel", 1) + grain).clip(0, 255).astype(np.uint8)
    Picture.fromarray(shown).save(path, quality=95, exif=exif)
    return path


def saved(mask, path):
    path.parent.mkdir(exist_ok=True)
    Picture.fromarray(mask).save(path)
    return path


@pytest.fixture
def mask(tmp_path):
    return saved(disc(), tmp_path / "masks" / "one.png")


def run(photographs, mask, out, **options):
    asked = {"entity": "mel", "generator": "tiny", "steps": 2, "candidates": 1, "device": "cpu"}
    call_command("deidentify", str(photographs), mask=str(mask), out=out, **{**asked, **options})


def pixels(path):
    return np.asarray(Picture.open(path).convert("RGB"))


def test_a_copy_holds_what_is_kept_and_a_report_of_its_checks(own, photograph, mask, tmp_path):
    before = photograph.read_bytes()

    run(photograph, mask, tmp_path / "out")

    copy = tmp_path / "out" / "one.png"
    original, made, keep = pixels(photograph), pixels(copy), disc()
    assert np.array_equal(made[keep], original[keep])
    assert (np.abs(made[~keep].astype(int) - original[~keep]).max(-1) >= 4).mean() >= 0.9
    assert Picture.open(copy).info == {}
    report = json.loads(copy.with_suffix(".json").read_text())
    assert report["checks"]["pixels_kept"] == keep.sum()
    assert report["checks"]["pixels_kept_that_differ"] == 0
    assert report["checks"]["sha256"] == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert report["told_of_the_rest"]["from"].startswith("the median of the ring")
    assert sorted(each.name for each in copy.parent.iterdir()) == ["one.json", "one.png"]
    assert photograph.read_bytes() == before


def test_the_surroundings_have_no_influence_on_a_copy(own, photograph, mask, tmp_path):
    """With the tone given, a photograph that shows noise around the lesion gives the same bytes."""
    clean = saved(pixels(photograph), tmp_path / "clean" / "one.png")
    noise = np.random.default_rng(0).integers(0, 256, (288, 384, 3), np.uint8)
    noisy = np.where(disc()[..., None], pixels(clean), noise)
    other = saved(noisy, tmp_path / "noisy" / "other.png")

    for each, out in ((clean, "a"), (other, "b")):
        run(each, mask, tmp_path / out, tone=30.0)

    one, two = tmp_path / "a" / "one.png", tmp_path / "b" / "other.png"
    assert one.read_bytes() == two.read_bytes()


def test_a_stopped_run_goes_on_and_other_files_stay(own, photograph, mask, tmp_path, monkeypatch):
    (photograph.parent / "two.jpg").write_bytes(photograph.read_bytes())
    saved(disc(radius=40), mask.parent / "two.png")
    out, checked, done = tmp_path / "out", deidentification.write_checked, []

    def stopping(*given, **how):
        done.append(given)
        if len(done) == 2:
            raise KeyboardInterrupt
        return checked(*given, **how)

    monkeypatch.setattr(deidentification, "write_checked", stopping)
    with pytest.raises(CommandError, match="stopped; what is there is whole"):
        run(photograph.parent, mask.parent, out)
    assert sorted(each.name for each in out.iterdir()) == ["one.json", "one.png"]
    first = (out / "one.png").stat().st_mtime_ns
    run(photograph.parent, mask.parent, out)

    assert (out / "one.png").stat().st_mtime_ns == first
    assert (out / "two.png").exists()
    with pytest.raises(CommandError, match=r"one\.png: exists already, made from something else"):
        run(photograph.parent, mask.parent, out, seed=5)


def test_a_copy_that_fails_its_checks_is_not_written(own, photograph, mask, tmp_path, monkeypatch):
    """Planted faults: the surroundings shine through, or a kept pixel is off."""

    def shining(image, task, window, octaves):
        return (0.7 * joined(image, task, window, octaves) + 0.3 * task.photograph).astype(np.uint8)

    joined = masked._joined
    monkeypatch.setattr(masked, "_joined", shining)

    with pytest.raises(CommandError, match=r"one\.png: not written: .* kept differ; .*looks like"):
        run(photograph, mask, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: ndimage.gaussian_filter(p, (2, 2, 0)), "looks like the original|differ by"),
        (lambda p: (p * 0.8).astype(np.uint8), "looks like the original"),
        (lambda p: p, "differ by 4 levels"),
    ],
    ids=["blurred", "darkened", "as it was"],
)
def test_near_copies_of_the_surroundings_are_found(change, words):
    texture = np.random.default_rng(0).normal(0, 12, (288, 384, 1))
    original = (draw_phantom("nv", 2) + texture).clip(0, 255).astype(np.uint8)
    made = np.where(disc()[..., None], original, change(original))

    problems = compare(original, made, disc()).problems(hiding=True)

    assert problems
    assert any(word in "; ".join(problems) for word in words.split("|"))


def test_smooth_skin_may_be_alike_by_chance_but_not_the_same():
    rng = np.random.default_rng(0)
    smooth, other = (
        (np.full((288, 384, 3), (190, 150, 140)) + rng.normal(0, 2, (288, 384, 1))).astype(np.uint8)
        for _ in range(2)
    )
    copies = {
        "other": np.where(disc()[..., None], smooth, other),
        "shining": np.where(disc()[..., None], smooth, (0.6 * smooth + 0.4 * other)),
        "same": smooth,
    }

    found = {name: compare(smooth, copy.astype(np.uint8), disc()) for name, copy in copies.items()}

    assert found["other"].changed < 0.9  # many pixels are alike that show nothing of the original
    assert found["other"].changed == pytest.approx(found["other"].by_chance, abs=0.02)
    assert [name for name, one in found.items() if one.problems(hiding=True)] == ["shining", "same"]


def test_a_proposed_mask_is_grown_and_named(own, photograph, tmp_path, capsys):
    run(photograph, "propose", tmp_path / "out", candidates=2)

    report = json.loads((tmp_path / "out" / "one.json").read_text())
    assert len(report["seeds"]) == 2
    assert report["kept"]["mask"] == "proposed by the segmenter"
    assert 0.01 < report["kept"]["share"] < 0.95


FACE = {"radius": 80, "at": (110, 220)}  # of the astronaut


def test_a_face_in_what_is_kept_stops_it_unless_somebody_has_looked(own, tmp_path):
    portrait = saved(data.astronaut(), tmp_path / "photographs" / "one.png")
    kept = saved(disc((512, 512), **FACE), tmp_path / "masks" / "one.png")
    elsewhere = saved(disc((512, 512), 60, (400, 420)), tmp_path / "others" / "one.png")

    with pytest.raises(CommandError, match=r"one\.png: a face seems to be in what is kept"):
        run(portrait, kept, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run(portrait, kept, tmp_path / "out", faces_seen=True)
    run(portrait, elsewhere, tmp_path / "hidden")

    checks = [
        json.loads((tmp_path / out / "one.json").read_text())["checks"] for out in ("out", "hidden")
    ]
    assert [(each["faces_kept"], each["faces_painted"]) for each in checks] == [(1, 0), (0, 0)]


def test_a_face_that_was_painted_is_found_and_fails_no_check():
    keep = disc((512, 512), 60, (400, 420))
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    original = np.where(keep[..., None], data.astronaut(), noise)

    checked = check_copy(encoded(data.astronaut(), ""), original, keep, hiding=True)

    assert checked.faces == {"faces_kept": 0, "faces_painted": 1}
    assert checked.problems == []


BAD_MASKS = {
    "empty": (np.zeros((288, 384), bool), "is empty; paint the lesion white"),
    "full": (np.ones((288, 384), bool), "is full"),
    "of another size": (disc((384, 288)), "has 288 x 384 pixels, its photograph 384 x 288"),
    "a photograph": (draw_phantom("mel", 0), "is no mask, it has greys"),
}


@pytest.mark.parametrize("case", BAD_MASKS)
def test_masks_that_are_none_are_named(own, photograph, tmp_path, case):
    given, words = BAD_MASKS[case]
    mask = saved(given, tmp_path / "masks" / "one.png")

    with pytest.raises(CommandError, match=rf"masks/one\.png: {words}"):
        run(photograph, mask, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tone": 200.0}, "tone is 200 degrees; use -90 to 180"),
        ({"entity": "wart"}, "entity 'wart' is unknown; use one of mel, nv"),
        ({"site": "moon"}, "site 'moon' is unknown; use one of back"),
        ({"generator": "none"}, "generator 'none' is unknown; there are"),
        ({"candidates": 0}, "0 candidates; use at least 1"),
    ],
)
def test_wishes_that_cannot_be_granted_are_named(own, photograph, mask, tmp_path, options, words):
    with pytest.raises(CommandError, match=words):
        run(photograph, mask, tmp_path / "out", **options)


def test_what_is_no_image_or_has_no_mask_is_named(own, photograph, mask, tmp_path):
    text = photograph.parent / "two.jpg"
    text.write_text("no image")

    with pytest.raises(CommandError, match=r"has no mask for two\.jpg; call it two\.png"):
        run(photograph.parent, mask.parent, tmp_path / "out")
    with pytest.raises(CommandError, match=r"two\.jpg: is neither JPEG nor PNG"):
        run(text, mask, tmp_path / "out")
