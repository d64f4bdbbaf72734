"""Fine-tuning: small real pipelines, through the loop and the command that train large ones."""

import csv
import hashlib
import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusionPipeline
from django.conf import settings
from django.core.management import CommandError, call_command
from safetensors.torch import load_file

from evaluation.models import Image
from generation import batches, fine_tuning, training
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.loading import load_pipeline
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import load_generator
from generation.engine.training import loop
from generation.engine.training.latents import LatentStage, frame_of
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels
from generation.engine.training.presets import PRESETS, Course
from generation.engine.vocabulary import OPEN
from generation.fine_tuning import save_trained
from tests.generation.killing import kill_when_steps_are_done
from tests.generation.tiny_pipeline import SIZE, save_tiny_pipeline, save_tiny_xl

RECIPE = Recipe(images=8, batch=2, warmup=1, sample_every=0)
CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"
SAID = ImageRequest(entity="mel", seed=0, sex="female", age=60.0, site="back")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("tiny") / "pipeline")


def pipeline_in(folder):
    recipe = PipelineRecipe(source=str(folder), licence="CC0-1.0")
    return load_pipeline(folder, recipe, torch.float32)


def stage_of(folder, kind=LatentStage, **changes):
    """A stage that sees four images of one colour, of two entities."""
    width, height = frame_of(SIZE)
    pixels = np.full((4, height, width, 3), (200, 120, 110), np.uint8)
    requests = [replace(SAID, entity=OPEN.entities[k % 2]) for k in range(4)]
    rows = np.array([OPEN.rows(replace(each, site=None)) for each in requests])
    data = LabelledPixels(pixels, rows)
    return kind(pipeline_in(folder), data, requests, "a {entity}{place}{person}", SIZE, **changes)


def loss_of(stage, network):
    with torch.no_grad():
        return stage.loss(network, 16, np.random.default_rng(99), CPU).item()


def digests(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_the_loss_falls_whatever_the_scheduler_predicts(tmp_path, prediction):
    folder = save_tiny_pipeline(
        tmp_path / "pipeline", prediction_type=prediction, rescale_betas_zero_snr=True
    )
    stage = stage_of(folder)
    before = loss_of(stage, stage.pipeline.unet)

    recipe = replace(RECIPE, images=160, batch=4, learning_rate=2e-3, ema=0.5)
    after = loss_of(stage, train(stage, recipe, tmp_path))

    assert after < 0.7 * before


def test_a_pipeline_of_two_text_encoders_learns_and_shows_what_it_learnt(tmp_path):
    stage = stage_of(save_tiny_xl(tmp_path / "pipeline"))
    before = loss_of(stage, stage.pipeline.unet)

    recipe = replace(RECIPE, images=80, batch=4, learning_rate=2e-3, ema=0.5, sample_every=20)
    after = loss_of(stage, train(stage, recipe, tmp_path))

    assert after < 0.8 * before
    assert (tmp_path / "denoiser" / "samples-000020.png").exists()


def test_only_lora_weights_are_trained_and_stored(folder, tmp_path):
    stood = digests(folder)
    stage = stage_of(folder, lora=2)
    before = {name: each.clone() for name, each in stage.pipeline.unet.state_dict().items()}

    network = train(stage, replace(RECIPE, learning_rate=1e-2), tmp_path)

    changed = {
        name
        for name, each in network.state_dict().items()
        if not torch.equal(each, before.get(name.replace(".base_layer", ""), torch.empty(0)))
    }
    assert changed
    assert all("lora_" in name for name in changed)
    stored = torch.load(tmp_path / "denoiser" / "checkpoint.pt", weights_only=True)
    assert set(stored["network"]) == changed
    assert len(stored["ema"]["shadow_params"]) == len(changed)
    assert digests(folder) == stood
    save_trained(stage.pipeline, tmp_path / "made" / "lora", lora=True)
    recipe = PipelineRecipe(str(folder), "CC0-1.0", lora=str(tmp_path / "made" / "lora"))
    loaded = load_pipeline(folder, recipe, torch.float32).unet
    seen = torch.ones(1, 4, 16, 16), 500, torch.ones(1, 77, 32)
    with torch.no_grad():
        trained, read, base = (
            each(*seen)[0] for each in (network, loaded, pipeline_in(folder).unet)
        )
    assert (trained - read).abs().max() < 1e-4
    assert (trained - base).abs().max() > 1e-2


class Stopping(LatentStage):
    """A stage that is interrupted, as by Ctrl-C, at its third batch."""

    asked = 0

    def loss(self, *arguments):
        self.asked += 1
        if self.asked == 3:
            raise KeyboardInterrupt
        return super().loss(*arguments)


@pytest.mark.parametrize("lora", [0, 2])
def test_a_run_that_was_stopped_ends_as_the_run_that_was_not(folder, tmp_path, lora):
    whole = train(stage_of(folder, lora=lora), RECIPE, tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        train(stage_of(folder, Stopping, lora=lora), RECIPE, tmp_path / "stopped")
    resumed = train(stage_of(folder, lora=lora), RECIPE, tmp_path / "stopped")

    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_network_is_refused(folder, tmp_path):
    train(stage_of(folder, lora=2), replace(RECIPE, images=2), tmp_path)

    with pytest.raises(GenerationError, match=r"checkpoint\.pt: is of another network"):
        train(stage_of(folder, lora=4), RECIPE, tmp_path)


class Diverging(LatentStage):
    """A stage whose weights are spoilt in its third step, so that the fourth loss is no number."""

    asked = 0

    def loss(self, network, *arguments):
        self.asked += 1
        if self.asked == 4:
            with torch.no_grad():
                next(network.parameters()).fill_(torch.nan)
        return super().loss(network, *arguments)


@pytest.mark.parametrize("every", [1, 20], ids=["read at once", "read late, as of a GPU"])
def test_a_loss_that_is_no_number_stops_with_the_step_and_spoils_nothing(
    folder, tmp_path, monkeypatch, every
):
    monkeypatch.setitem(loop.READ_EVERY, "cpu", every)
    with pytest.raises(FloatingPointError, match="denoiser: the loss is not a number at step 3"):
        train(stage_of(folder, Diverging), replace(RECIPE, checkpoint_s=0), tmp_path)

    stored = torch.load(tmp_path / "denoiser" / "checkpoint.pt", weights_only=True)
    assert stored["step"] == 3
    assert all(torch.isfinite(each).all() for each in stored["network"].values())


def test_prompts_say_what_is_known_the_entity_alone_or_nothing(folder):
    stage = stage_of(folder, hide=0.2)

    assert stage._prompt(0, 0.1, 0.9) is None
    assert stage._prompt(0, 0.3, 0.1) == "a melanoma"
    assert stage._prompt(0, 0.3, 0.9) == "a melanoma on the back of a 60-year-old woman"


def test_a_prompt_and_a_view_are_encoded_once_and_as_sampling_does(folder, monkeypatch):
    stage = stage_of(folder)
    encoded = []
    monkeypatch.setattr(
        stage.pipeline.vae,
        "encode",
        lambda x, e=stage.pipeline.vae.encode: encoded.append(1) or e(x),
    )
    for step in range(60):
        stage.loss(stage.pipeline.unet, 4, np.random.default_rng(step), CPU)

    said, free = stage.pipeline.encode_prompt(["a melanoma"], CPU, 1, True)
    told = stage._told(["a melanoma", None], CPU)["encoder_hidden_states"]
    assert torch.equal(told, torch.cat([said, free]))
    assert set(stage._said) == {stage._prompt(row, 1, b) for row in (0, 1) for b in (0, 1)} | {None}
    assert len(encoded) == len(stage._views) == 4 * 8


def test_what_cannot_be_fine_tuned_is_refused(folder):
    pipeline = pipeline_in(folder)
    LatentStage.check(pipeline, SIZE)

    with pytest.raises(GenerationError, match="size 33 is no multiple of 2"):
        LatentStage.check(pipeline, 33)
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler()
    with pytest.raises(
        GenerationError, match=r"FlowMatchEulerDiscreteScheduler .* is no diffusion"
    ):
        LatentStage.check(pipeline, SIZE)
    other = type("FluxPipeline", (), {"scheduler": None})()
    with pytest.raises(
        GenerationError, match=r"a FluxPipeline cannot be .* StableDiffusionPipeline"
    ):
        LatentStage.check(other, SIZE)


def test_explicit_options_win_over_the_published_recipe():
    published = Course().over(PRESETS["published"])
    changed = Course(images=500, learning_rate=1e-4, prompt_dropout=0.1).over(PRESETS["published"])

    usual = published.recipe(Recipe(), images=None, gathered=10_000)
    assert (usual.learning_rate, usual.batch, usual.images) == (1e-5, 4, 600_000)
    assert (published.size, published.prompt_dropout) == (128, 0.0)
    other = changed.recipe(Recipe(), images=changed.images, gathered=10_000)
    assert (other.learning_rate, other.batch, other.images) == (1e-4, 4, 500)
    assert (changed.size, changed.prompt_dropout) == (128, 0.1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "epochs is 0; use more than 0"),
        ({"learning_rate": -1.0}, "learning rate is -1.0"),
        ({"prompt_dropout": 1.0}, "prompt dropout is 1.0"),
        ({"images": 5, "epochs": 2}, "given as images and as epochs"),
    ],
)
def test_a_course_that_makes_no_sense_is_refused(given, said):
    with pytest.raises(GenerationError, match=said):
        Course(**given)


def test_events_of_tensorboard_are_written_and_go_on(folder, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recipe = replace(RECIPE, tensorboard=True)
    with pytest.raises(KeyboardInterrupt):
        train(stage_of(folder, Stopping), recipe, tmp_path)
    train(stage_of(folder), recipe, tmp_path)

    events = EventAccumulator(str(tmp_path / "denoiser" / "tensorboard")).Reload()
    with (tmp_path / "denoiser" / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    for tag in ("loss", "learning_rate"):
        points = events.Scalars(tag)
        assert [point.step for point in points] == [1, 2, 3, 4]
        assert [p.value for p in points] == pytest.approx([float(row[tag]) for row in rows])


@pytest.fixture
def own(tmp_path, monkeypatch, folder):
    """A folder of generators that holds the tiny pipeline as 'tiny'."""
    for module in (batches, training, fine_tuning):
        monkeypatch.setattr(module, "OWN_WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(
        "generation.management.commands.generate_batch.OWN_WEIGHTS", tmp_path / "weights"
    )
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    recipe = PipelineRecipe(source=str(folder), licence="MIT", size=SIZE, dtype="float32")
    recipe.write(tmp_path / "weights" / "tiny")
    return tmp_path / "weights"


SHORT = ("--images", "8", "--batch", "4", "--device", "cpu", "--sample-every", "0")


def test_a_pipeline_is_fine_tuned_by_command_and_makes_a_batch(real_images, own, folder):
    words = ("--start-from", "tiny", "--dataset", real_images.name)
    call_command("train_generator", "--name", "ours", *words, *SHORT)
    whole = own / "ours" / "pipeline"
    shutil.move(own / "ours", own / "moved")  # a generator may change its place

    call_command("generate_batch", "--generator", "moved", "--per-entity", "1", "--steps", "2")

    made = Image.objects.filter(generator="moved")
    assert made.count() == 7
    assert {each.licence for each in made} == {" AND ".join(sorted([real_images.licence, "MIT"]))}
    assert not whole.exists()
    card = (own / "moved" / "README.md").read_text()
    assert f"{real_images.name}: " in card
    assert "its images under MIT" in card
    assert "held out" in card
    assert "8 images seen, batch 4, AdamW 0.00001" in card
    files = digests(own / "moved")
    assert {path.suffix for path in files} <= {".json", ".md", ".safetensors", ".txt"}
    texts = [path for path in (own / "moved").rglob("*.json") if path.name != "tokenizer.json"]
    assert not any(str(folder) in path.read_text() for path in texts)
    unet = load_file(own / "moved" / "pipeline" / "unet" / WEIGHTS)
    base = load_file(folder / "unet" / WEIGHTS)
    assert any(not torch.equal(unet[name], base[name]) for name in base)
    StableDiffusionPipeline.from_pretrained(own / "moved" / "pipeline", use_safetensors=True)


def test_lora_weights_lie_beside_a_recipe_that_names_the_base(real_images, own, folder):
    stood = digests(folder)
    words = ("--start-from", "tiny", "--dataset", real_images.name, "--lora", "2")
    call_command(
        "train_generator",
        "--name",
        "ours",
        *words,
        *SHORT,
        "--learning-rate",
        "0.05",
        "--size",
        "16",
    )
    shutil.move(own / "ours", own / "moved")

    recipe = json.loads((own / "moved" / "pipeline.json").read_text())
    assert (recipe["source"], recipe["lora"], recipe["size"]) == (str(folder.resolve()), "lora", 16)
    assert [path.name for path in (own / "moved" / "lora").iterdir()] == [
        "pytorch_lora_weights.safetensors"
    ]
    assert digests(folder) == stood
    tiny, ours = (load_generator(name, own, "cpu") for name in ("tiny", "moved"))
    request = replace(SAID, size=16, steps=2)
    assert ours.revision != tiny.revision
    plain = PipelineRecipe.read(own / "moved")
    replace(plain, lora="").write(own / "plain")
    without = load_generator("plain", own, "cpu")
    assert not np.array_equal(ours.generate([request])[0], without.generate([request])[0])
    with pytest.raises(CommandError, match="'moved' has LoRA weights already"):
        call_command("train_generator", "--name", "x", "--start-from", "moved", "--lora", "2")
    call_command("train_generator", "--name", "again", "--start-from", "moved", *SHORT)
    unet = load_file(own / "again" / "pipeline" / "unet" / WEIGHTS)
    assert not any("lora" in name or "base_layer" in name for name in unet)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--start-from", "tiny", "--fine-images", "4"], "has no upsampler to train"),
        (["--start-from", "tiny"], "no image of at least 48 x 36 px to train on"),
        (["--start-from", "tiny", "--size", "33"], "size 33 is no multiple of 2, .*; use 32"),
        (["--start-from", "tiny", "--name", "tiny"], "a generator 'tiny' exists already"),
        (["--start-from", "nothing"], "generator 'nothing' is unknown"),
        (["--start-from", "tiny", "--lora", "-1"], "rank of LoRA weights is -1"),
        (["--lora", "4"], "--lora and --size are for pipelines"),
        (["--start-from", "dermdiff", "--size", "64"], "are for pipelines"),
    ],
)
def test_what_does_not_go_together_is_refused(db, own, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("train_generator", "--name", "ours", *options)


def test_a_run_goes_on_only_as_it_was_begun(real_images, own):
    call_command("train_generator", "--name", "ours", "--start-from", "tiny", *SHORT)

    words = ("--name", "ours", "--start-from", "tiny", *SHORT)
    with pytest.raises(CommandError, match="ours: was begun with lora 0, not 4; give the same"):
        call_command("train_generator", *words, "--lora", "4")
    call_command("train_generator", *words)


def test_tensorboard_that_is_missing_is_said_before_anything_is_read(db, own, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(CommandError, match=r"not installed; install it with pip install tensorb"):
        call_command("train_generator", "--name", "ours", "--start-from", "tiny", "--tensorboard")


@pytest.fixture
def kept_apart(folder):
    """The tests' own folder, with the tiny pipeline as 'base'; what is made there is removed."""
    names = ("base", "killed", "whole")
    recipe = PipelineRecipe(source=str(folder), licence="MIT", size=SIZE, dtype="float32")
    recipe.write(settings.VAR_DIR / "weights" / "base")
    yield settings.VAR_DIR
    for name in names:
        for place in ("weights", "training"):
            shutil.rmtree(settings.VAR_DIR / place / name, ignore_errors=True)


@pytest.mark.django_db(transaction=True)
def test_a_killed_run_ends_as_the_run_that_was_not(real_images, kept_apart):
    options = ["--start-from", "base", "--images", "32", "--batch", "4", "--device", "cpu"]
    command = ["train_generator", "--name", "killed", *options, "--checkpoint-every", "0"]
    curve = kept_apart / "training" / "killed" / "denoiser" / "loss.csv"

    kill_when_steps_are_done(command, curve, 3)
    assert not (kept_apart / "weights" / "killed").exists()
    stored = torch.load(curve.parent / "checkpoint.pt", weights_only=True)
    assert 3 <= stored["step"] < 8
    call_command(*command)
    call_command("train_generator", "--name", "whole", *options)

    killed, whole = (
        load_file(kept_apart / "weights" / name / "pipeline/unet" / WEIGHTS)
        for name in ("killed", "whole")
    )
    assert all(torch.equal(killed[name], whole[name]) for name in whole)
    assert [int(row.split(",")[0]) for row in curve.read_text().splitlines()[1:]] == [*range(1, 9)]
