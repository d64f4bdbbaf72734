"""Large photographs: what is painted is as sharp as what is kept, and follows from it alone."""

import numpy as np
import pytest
from scipy import ndimage

from evaluation.phantoms import draw_phantom
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.generator import ImageRequest, Magnifier
from generation.engine.grain import match_grain
from generation.engine.masked import Masked, colour_around, finish, sketch
from generation.engine.registry import BUILT_IN, load_generator
from generation.engine.seam import distance_from
from tests.generation.tiny_cascade import save_tiny_cascade

SHAPE = (600, 800)


@pytest.fixture
def cascade(tmp_path):
    return CascadeGenerator("tiny", save_tiny_cascade(tmp_path / "cascade"), "cpu", 4)


def disc(shape=SHAPE, radius=150):
    rows, columns = np.indices(shape)
    return np.hypot(rows - shape[0] / 2, columns - shape[1] / 2) <= radius


def grainy(rng, shape=SHAPE, levels=6.0):
    """A flat colour with a camera's noise, a little correlated between pixels."""
    noise = ndimage.gaussian_filter(rng.standard_normal((*shape, 3)), (0.7, 0.7, 0))
    return (np.array((190, 140, 120)) + levels * noise / noise.std()).astype(np.float32) / 255


def fine(image, octave):
    smooth = ndimage.gaussian_filter(image.astype(np.float32), (0.7 * 2**octave,) * 2 + (0,))
    finer = ndimage.gaussian_filter(image.astype(np.float32), (0.35 * 2**octave,) * 2 + (0,))
    return (finer if octave else image) - smooth


def matched(image, keep, seed=3):
    image = image.copy()
    match_grain(image, keep, distance_from(~keep), distance_from(keep), 4, seed)
    return image


@pytest.mark.parametrize("levels", [0.0, 30.0], ids=["softer", "harsher"])
def test_what_is_painted_gets_the_contrast_of_what_is_kept(levels):
    rng, keep = np.random.default_rng(0), disc()
    image = np.where(keep[..., None], grainy(rng), grainy(rng, levels=levels or 1e-6))
    outside = distance_from(keep) > 8

    made = matched(image, keep)

    assert np.array_equal(made[keep], image[keep])
    for octave in range(3):
        ratio = (
            fine(made, octave)[outside].std() / fine(image, octave)[distance_from(~keep) > 8].std()
        )
        before = (
            fine(image, octave)[outside].std() / fine(image, octave)[distance_from(~keep) > 8].std()
        )
        assert 0.6 < ratio < 1.4
        assert not 0.6 < before < 1.4


def test_grain_follows_its_seed_and_has_the_colours_of_what_is_kept():
    rng, keep = np.random.default_rng(0), disc()
    image = np.full((*SHAPE, 3), 0.5, np.float32)
    image[keep] += rng.normal(0, 0.02, (keep.sum(), 1)) * np.array([1.0, 0.5, 0.0])

    one, same, other = matched(image, keep), matched(image, keep), matched(image, keep, seed=4)

    assert one.tobytes() == same.tobytes() != other.tobytes()
    red, green, blue = fine(one, 0)[~keep].std(axis=0)
    assert red == pytest.approx(2 * green, rel=0.1)
    assert blue < red / 20


def test_a_large_copy_is_painted_finer_and_surroundings_have_no_influence(cascade):
    rng, keep = np.random.default_rng(1), disc(radius=120)
    photograph = np.asarray(grainy(rng) * 255, np.uint8)
    photograph[disc(radius=50)] //= 2
    noise = rng.integers(0, 256, photograph.shape, np.uint8)
    hidden = np.where(keep[..., None], photograph, noise)
    request = ImageRequest(entity="nv", seed=5, steps=3, guidance=1.0)
    ground = colour_around(photograph, keep)

    drawn, other = sketch(
        cascade, [Masked(each, keep, ground, request) for each in (photograph, hidden)]
    )
    made, again = finish(cascade, drawn), finish(cascade, other)

    assert isinstance(cascade, Magnifier)
    assert made.tobytes() == again.tobytes()
    assert np.array_equal(made[keep], photograph[keep])
    far = distance_from(keep) > 8
    for octave in range(3):
        here, there = (fine(each, octave) for each in (made, photograph))
        assert 0.5 < here[far].std() / there[disc(radius=110) & ~disc(radius=70)].std() < 1.5


def test_what_is_magnified_is_the_same_when_made_small_again():
    dermdiff = load_generator("dermdiff", BUILT_IN, "cpu", compute_batch=1)
    image = draw_phantom("nv", 0)[:256, :256]
    where = np.zeros((256, 256), bool)
    where[:40, :40] = True  # one tile

    made = dermdiff.magnify(image, where, 1)

    small = made.reshape(256, 4, 256, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - image)[where].mean() < 1
    assert np.array_equal(made, dermdiff.magnify(image, where, 1))
    assert not np.array_equal(made, dermdiff.magnify(image, where, 2))
