"""Where a lesion is, how large and of which shape."""

import numpy as np
import pytest
from PIL import Image as Picture

from generation.engine.generator import GenerationError
from generation.engine.lesions import any_mask, mask_of, written, written_from_file


def test_a_lesion_has_the_place_and_the_area_that_are_asked_for():
    wanted = written(0.3, 0.6, 0.4, 0.2)

    masks = [mask_of(wanted, seed, 256) for seed in range(20)]

    for mask in masks:
        below, right = np.nonzero(mask)
        assert mask.mean() == pytest.approx(np.pi / 4 * 0.4 * 0.2, rel=0.06)
        assert right.mean() / 256 == pytest.approx(0.3, abs=0.02)
        assert below.mean() / 256 == pytest.approx(0.6, abs=0.02)
    assert len({mask.tobytes() for mask in masks}) == 20  # each seed draws its own border
    assert np.array_equal(masks[3], mask_of(wanted, 3, 256))


def test_lesions_of_which_nothing_is_asked_are_as_those_of_photographs():
    shares = [any_mask(seed, 128).mean() for seed in range(300)]

    assert np.median(shares) == pytest.approx(0.31, abs=0.06)
    assert min(shares) > 0.01
    assert max(shares) < 0.75


def test_a_drawn_mask_is_written_down_and_read_again(tmp_path):
    drawn = np.zeros((256, 256), bool)
    drawn[40:100, 60:220] = True
    Picture.fromarray(drawn).save(tmp_path / "mask.png")

    text = written_from_file(tmp_path / "mask.png")

    assert (mask_of(text, 7, 256) == drawn).mean() > 0.99
    assert np.array_equal(mask_of(text, 7, 64), mask_of(text, 8, 64))
    assert len(text) < 400


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (Picture.new("L", (60, 60), 0), r"mask\.png: the mask is empty"),
        (Picture.new("L", (60, 60), 255), r"mask\.png: the mask is full"),
        (Picture.new("L", (60, 80), 0), r"mask\.png: has 60 x 80 pixels; make it square"),
        (None, r"mask\.png: is no PNG or JPEG that can be read; save the mask as a PNG"),
    ],
)
def test_a_mask_that_is_none_is_refused_by_name(tmp_path, picture, words):
    path = tmp_path / "mask.png"
    if picture:
        picture.save(path)
    else:
        path.write_text("no image")

    with pytest.raises(GenerationError, match=words):
        written_from_file(path)


@pytest.mark.parametrize(
    ("lesion", "words"),
    [
        ("0.5,0.5,0.4", "cannot be read; write x,y,width,height"),
        ("a,b,c,d", "cannot be read"),
        ("nan,0.5,0.4,0.4", "outside the image"),
        ("1.5,0.5,0.4,0.4", "outside the image"),
        ("0.5,0.5,0.01,0.4", "not between 0.04 and 1.2"),
        ("0.5,0.5,inf,0.4", "not between 0.04 and 1.2"),
        ("png:####", "mask cannot be read"),
        ("png:iVBORw0KGgo=", "mask cannot be read"),
    ],
)
def test_a_lesion_that_is_none_is_refused(lesion, words):
    with pytest.raises(GenerationError, match=words):
        mask_of(lesion, 0, 64)
