"""Training: what is learned from, what is held out, and going on after a stop."""

import csv
import itertools
import os
import resource
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image as Picture
from safetensors.torch import save_file

from evaluation.models import Image
from generation.engine.files import replacing
from generation.engine.generator import GenerationError
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels, balanced_weights, crops, shrink
from generation.engine.training.stages import BaseStage, UpsamplerStage
from generation.engine.vocabulary import Vocabulary
from generation.gathering import gather, is_held_out
from generation.models import Batch
from generation.training import BASE_FRAME

TWO = Vocabulary(("mel", "nv"), ("back",), ("age", "sex", "site", "tone"))
RECIPE = Recipe(images=8, batch=2, warmup=1)
CPU = torch.device("cpu")


def data(frame=BASE_FRAME, n=6):
    pixels = np.random.default_rng(0).integers(0, 255, (n, frame[1], frame[0], 3), np.uint8)
    return LabelledPixels(pixels, rows(n))


def rows(n):
    """Two entities in turn, and all that is known of those who had them."""
    return np.stack([1 + np.arange(n) % 2, *[np.ones(n, int)] * 4], axis=1)


class Stopping(BaseStage):
    """A stage that is interrupted, as by Ctrl-C, at its third batch."""

    def example(self, batch, rng, device):
        drawn = getattr(self, "_drawn", 0)
        object.__setattr__(self, "_drawn", drawn + 1)
        if drawn == 2:
            raise KeyboardInterrupt
        return super().example(batch, rng, device)


def test_a_run_that_was_stopped_ends_as_the_run_that_was_not(tmp_path):
    whole = train(BaseStage(data(), TWO), RECIPE, tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        train(Stopping(data(), TWO), RECIPE, tmp_path / "stopped")
    resumed = train(BaseStage(data(), TWO), RECIPE, tmp_path / "stopped")

    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_disk_that_is_full_is_said_and_the_last_checkpoint_stays(tmp_path):
    """A limit on the size of files stands for it."""
    first, longer = replace(RECIPE, images=4), replace(RECIPE, checkpoint_s=0)
    train(BaseStage(data(), TWO), first, tmp_path)
    checkpoint = tmp_path / "base" / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, before[1]))
    try:
        with pytest.raises(GenerationError, match=r"base: cannot be written .*make room"):
            train(BaseStage(data(), TWO), longer, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert checkpoint.read_bytes() == whole
    assert not list(tmp_path.rglob("*.partial"))


def test_weights_that_do_not_fit_on_the_disk_leave_those_that_were_there(tmp_path):
    kept = tmp_path / "weights" / "config.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with (
            pytest.raises(GenerationError, match=r"weights: cannot be written .*make room"),
            replacing(kept.parent) as folder,
        ):
            save_file({"much": torch.ones(10_000)}, folder / "much.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [path.name for path in tmp_path.rglob("*")] == ["weights", "config.json"]


def test_a_broken_checkpoint_is_an_error_that_names_it(tmp_path):
    train(BaseStage(data(), TWO), replace(RECIPE, images=2), tmp_path)
    checkpoint = tmp_path / "base" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])

    with pytest.raises(GenerationError, match=r"checkpoint\.pt: cannot be read .*remove it"):
        train(BaseStage(data(), TWO), RECIPE, tmp_path)


def test_a_batch_computed_in_parts_and_with_less_memory_still_learns(tmp_path):
    stage = BaseStage(data(), TWO)
    recipe = replace(RECIPE, images=4, accumulate=2, recompute=True)

    network = train(stage, recipe, tmp_path)

    assert all(torch.isfinite(p).all() for p in network.parameters())
    with pytest.raises(GenerationError, match=r"a batch of 2 cannot be shared .* in 3 parts"):
        train(stage, replace(RECIPE, accumulate=3), tmp_path / "other")


def test_a_run_leaves_its_curve_and_sheets_of_samples(tmp_path):
    stage = BaseStage(data(), TWO)
    recipe = replace(RECIPE, sample_every=2)
    with pytest.raises(KeyboardInterrupt):
        train(Stopping(data(), TWO), recipe, tmp_path)
    train(stage, recipe, tmp_path)
    train(UpsamplerStage(data((341, 256), 6)), replace(recipe, images=4), tmp_path)

    with (tmp_path / "base" / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4]
    assert all(float(row["loss"]) > 0 for row in rows)
    assert Picture.open(tmp_path / "base" / "loss.png").width > 300
    assert Picture.open(tmp_path / "base" / "samples-000004.png").size == (6 * 68 + 4, 2 * 68 + 4)
    assert Picture.open(tmp_path / "upsampler" / "samples-000002.png").size == (796, 400)


def test_sheets_of_samples_change_nothing_of_the_run(tmp_path):
    plain = train(BaseStage(data(), TWO), replace(RECIPE, images=4, sample_every=0), tmp_path / "a")
    shown = train(BaseStage(data(), TWO), replace(RECIPE, images=4, sample_every=1), tmp_path / "b")

    for one, other in zip(plain.parameters(), shown.parameters(), strict=True):
        assert torch.equal(one, other)


TOGETHER = """
import sys
from pathlib import Path
import numpy as np
from accelerate import PartialState
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels
from generation.engine.training.stages import BaseStage
from generation.engine.vocabulary import Vocabulary

pixels = np.random.default_rng(0).integers(0, 255, (4, 72, 96, 3), np.uint8)
stage = BaseStage(LabelledPixels(pixels, np.ones((4, 5), int)), Vocabulary(("mel",), ("back",)))
folder = Path(sys.argv[1])
network = train(stage, Recipe(images=4, batch=2, warmup=1, sample_every=0), folder)
total = sum(float(p.detach().double().sum()) for p in network.parameters())
(folder / f"rank{PartialState().process_index}").write_text(repr(total))
"""


def test_several_processes_train_one_network(tmp_path):
    """As `accelerate launch` starts them on several GPUs; each draws its own share of a batch."""
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}

    done = subprocess.run(
        [*launch, str(script), str(tmp_path)], env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    totals = {(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)}
    assert len(totals) == 1
    with (tmp_path / "base" / "loss.csv").open() as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["2", "4"]


def test_training_lowers_the_error_on_what_it_sees(tmp_path):
    flat = LabelledPixels(np.full((4, 72, 96, 3), 200, np.uint8), rows(4))
    seen = []
    stage = BaseStage(flat, TWO)

    before = train(stage, Recipe(images=2, batch=2), tmp_path / "a")
    after = train(stage, Recipe(images=64, batch=2, warmup=4, ema=0.5), tmp_path / "b")

    example = stage.example(4, np.random.default_rng(0), CPU)
    for network in (before, after):
        with torch.no_grad():
            (painted,) = network(torch.randn(example.clean.shape), 900, example.labels)
        seen.append((painted - example.clean).square().mean().item())
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


def test_crops_are_cut_anywhere_within_reach_turned_and_mirrored():
    frame = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
    views = {}
    for top, left in itertools.product(range(5), range(1, 8)):  # the centre's is 2, 4
        square = frame[top : top + 8, left : left + 8]
        for turns, side in itertools.product(range(4), (square, square[:, ::-1])):
            views[np.rot90(side, turns).tobytes()] = top, left
    pixels = torch.from_numpy(np.stack([255 - frame, frame])[..., None])

    cut = crops(pixels, [1] * 4000, 8, 3, np.random.default_rng(1))

    found = ((cut + 1) * 127.5).round().to(torch.uint8).numpy()
    assert {each.tobytes() for each in found} == set(views)


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
    image = Image.objects.get(origin="synthetic")
    assert (image.generator, image.licence) == ("own", real_images.licence)
    assert Batch.objects.get().made_with["trained_on"] == [real_images.name]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dataset", "nowhere"], "dataset 'nowhere' does not exist"),
        (["--name", "../outside"], "'../outside' cannot be the name of a generator"),
        (["--device", "quantum"], "device 'quantum' is unknown"),
        (["--kind", "dermgan", "--name", "dermdiff"], "'dermdiff' is of another kind; choose"),
        ([], "no image of at least 96 x 72 px to train on"),
    ],
)
def test_training_that_cannot_begin_says_why(db, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("train_generator", *options)
