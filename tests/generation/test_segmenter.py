"""The segmenter: learns from masks, goes on after a stop, and proposes what it can find."""

from io import BytesIO

import numpy as np
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from PIL import Image as Picture
from torch import nn

from evaluation.models import Image
from evaluation.phantoms import draw_phantom
from generation import segmenting
from generation.engine.generator import GenerationError
from generation.engine.registry import BUILT_IN
from generation.engine.segmenter.finding import find_segmenter
from generation.engine.segmenter.network import SegmenterNetwork
from generation.engine.segmenter.segmenter import Segmenter, overlap
from generation.gathering import is_held_out


def disc(height=150, width=200, radius=40.0, at=(75, 100)):
    rows, columns = np.indices((height, width))
    return np.hypot(rows - at[0], columns - at[1]) <= radius


def skin_with(mask, seed=0):
    """Pale skin with a dark spot where the mask is."""
    rng = np.random.default_rng(seed)
    colours = np.where(mask[..., None], (90, 50, 40), (220, 170, 160))
    return (colours + rng.normal(0, 6, colours.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def masked_images(real_images):
    """Give every photograph of the catalogue a mask, and four of them a lesion held out."""
    held_out = [name for name in map(str, range(200)) if is_held_out(name)][:4]
    for k, image in enumerate(Image.objects.filter(dataset=real_images).order_by("pk")):
        mask, store = BytesIO(), storages["originals"]
        Picture.fromarray(disc(image.height, image.width, 60.0)).save(mask, "PNG")
        image.mask = store.save(f"{image.name}-mask.png", ContentFile(mask.getvalue()))
        image.lesion = held_out[k] if k < len(held_out) else "0"
        image.save()
    return real_images


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of weights, and of training runs."""
    monkeypatch.setattr(segmenting, "OWN_WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    return tmp_path / "weights"


def test_training_stores_weights_with_a_card_and_goes_on(masked_images, own, capsys):
    lesions = [each.lesion for each in Image.objects.exclude(mask="")]

    for images in (4, 8):  # the second run finds the first one's checkpoint
        call_command("train_segmenter", images=images, batch=2, device="cpu")

    card = (own / "segmenter" / "README.md").read_text()
    held_out = sum(map(is_held_out, lesions))
    assert f"{len(lesions) - held_out} images with masks; {held_out} images held out" in card
    assert f"overlap with the masks of {held_out} images" in capsys.readouterr().out
    curve = settings.VAR_DIR / "training" / "segmenter" / "segmenter" / "loss.csv"
    assert [row.split(",")[0] for row in curve.read_text().split()[1:]] == ["1", "2", "3", "4"]
    assert find_segmenter(own, BUILT_IN).sha256 != Segmenter.load(BUILT_IN / "segmenter").sha256


def test_training_needs_masks(real_images):
    with pytest.raises(CommandError, match="0 images with masks to train on"):
        call_command("train_segmenter", device="cpu")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shipped_segmenter_finds_lesions(seed):
    """In photographs of any size, lying or upright."""
    segmenter = Segmenter.load(BUILT_IN / "segmenter")
    mask = disc(radius=30 + 5 * seed, at=(60 + 10 * seed, 100))
    large = np.kron(mask, np.ones((3, 3), bool)).T

    assert overlap(segmenter.propose(skin_with(mask, seed)), mask) > 0.8
    assert overlap(segmenter.propose(skin_with(large, seed)), large) > 0.8


def test_where_nothing_is_found_a_mask_must_be_drawn():
    network = SegmenterNetwork()
    nn.init.constant_(network.out.bias, -20.0)

    with pytest.raises(GenerationError, match="no lesion was found in it; draw the mask by hand"):
        Segmenter(network, "").propose(draw_phantom("nv", 3))


def test_phantoms_lesions_are_proposed_in_one_piece():
    proposed = Segmenter.load(BUILT_IN / "segmenter").propose(draw_phantom("nv", 3))

    assert proposed.shape == (288, 384)
    assert 0.01 < proposed.mean() < 0.9


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(GenerationError, match="holds no segmenter"):
        Segmenter.load(tmp_path)
