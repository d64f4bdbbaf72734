"""Training: what is learned from, what is held out, and going on after a stop."""

from collections import Counter

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from evaluation.models import Image
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels, balanced_weights, crops, shrink
from generation.engine.training.stages import BaseStage, UpsamplerStage
from generation.training import BASE_FRAME, gather, is_held_out

RECIPE = Recipe(images=8, batch=2, warmup=1)


def data(frame=BASE_FRAME, n=6):
    pixels = np.random.default_rng(0).integers(0, 255, (n, frame[1], frame[0], 3), np.uint8)
    return LabelledPixels(pixels, np.arange(n) % 2)


class Stopping(BaseStage):
    """A stage that is interrupted, as by Ctrl-C, at its third batch."""

    def example(self, batch, rng):
        drawn = getattr(self, "_drawn", 0)
        object.__setattr__(self, "_drawn", drawn + 1)
        if drawn == 2:
            raise KeyboardInterrupt
        return super().example(batch, rng)


def test_a_run_that_was_stopped_ends_as_the_run_that_was_not(tmp_path):
    whole = train(BaseStage(data(), 2), RECIPE, tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        train(Stopping(data(), 2), RECIPE, tmp_path / "stopped")
    resumed = train(BaseStage(data(), 2), RECIPE, tmp_path / "stopped")

    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_training_lowers_the_error_on_what_it_sees(tmp_path):
    flat = LabelledPixels(np.full((4, 72, 96, 3), 200, np.uint8), np.zeros(4, int))
    seen = []
    stage = BaseStage(flat, 1)

    before = train(stage, Recipe(images=2, batch=2), tmp_path / "a")
    after = train(stage, Recipe(images=64, batch=2, warmup=4, ema=0.5), tmp_path / "b")

    example = stage.example(4, np.random.default_rng(0))
    for network in (before, after):
        with torch.no_grad():
            painted = network(torch.randn(example.clean.shape), 900, class_labels=example.labels)
        seen.append((painted.sample - example.clean).square().mean().item())
    assert seen[1] < seen[0] / 2


def test_the_upsampler_learns_from_crops_and_runs_on_whole_images(tmp_path):
    network = train(UpsamplerStage(data((341, 256), 2)), Recipe(images=2, batch=2), tmp_path)

    with torch.no_grad():
        painted = network(torch.zeros(1, 96, 64, 64), 5, class_labels=torch.zeros(1)).sample
    assert painted.shape == (1, 48, 64, 64)


def test_rare_entities_are_drawn_more_often_than_they_occur_but_not_evenly():
    labels = np.array([0] * 900 + [1] * 100)

    share = balanced_weights(labels, 2)[labels == 1].sum()

    assert share == pytest.approx(10 / (30 + 10))


def test_crops_stay_within_the_frame_and_keep_their_values():
    cut = crops(data(), [0, 1, 2], 64, 1000, np.random.default_rng(1))

    assert cut.shape == (3, 3, 64, 64)
    assert cut.min() >= -1
    assert cut.max() <= 1


def test_upright_images_are_turned_and_cropped_to_the_frame():
    upright = Picture.new("RGB", (60, 90), (10, 20, 30))

    frame = shrink(upright, *BASE_FRAME)

    assert frame.shape == (72, 96, 3)
    assert (frame == (10, 20, 30)).all()


def test_one_lesion_in_twenty_is_held_out_with_all_its_images(real_images):
    kept = Counter(is_held_out(f"HAM_{n:07d}") for n in range(4000))
    images = list(Image.objects.all())
    Image.objects.filter(pk=images[0].pk).update(lesion="HAM_0000017")
    held = next(f"L{n}" for n in range(200) if is_held_out(f"L{n}"))
    Image.objects.filter(pk__in=[image.pk for image in images[:3]]).update(lesion=held)

    gathered = gather([], BASE_FRAME, enlarge=True)

    assert kept[True] / 4000 == pytest.approx(0.05, abs=0.01)
    assert gathered.left_out >= 3
    assert len(gathered.data) + gathered.left_out == len(images)
    assert len(gather([], BASE_FRAME, enlarge=True, unseen=True).data) == gathered.left_out


def test_a_generator_trained_on_ones_own_images_makes_images(real_images, capsys):
    call_command(
        "train_generator",
        "--name",
        "own",
        "--images",
        "4",
        "--fine-images",
        "4",
        "--batch",
        "2",
        "--dataset",
        real_images.name,
        "--device",
        "cpu",
    )
    call_command(
        "generate_batch",
        "--generator",
        "own",
        "--per-entity",
        "1",
        "--entity",
        "mel",
        "--steps",
        "2",
    )

    card = (settings.VAR_DIR / "weights" / "own" / "README.md").read_text()
    assert f"{real_images.name}: " in card
    assert "held out" in card
    assert Picture.open(settings.VAR_DIR / "training" / "own" / "contact_sheet.png").width > 1000
    assert Image.objects.get(origin="synthetic").generator == "own"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dataset", "nowhere"], "dataset 'nowhere' does not exist"),
        (["--device", "quantum"], "device 'quantum' is unknown"),
        ([], "no image of at least 96 x 72 px to train on"),
    ],
)
def test_training_that_cannot_begin_says_why(db, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("train_generator", *options)
