"""Fine-tuning of an upscaler: a small real one, through the loop and the command."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.management import CommandError, call_command
from safetensors.torch import load_file

from generation import batches, fine_tuning, training
from generation.engine import upscaling
from generation.engine.cascade.files import load_cascade
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.loading import load_upscaler
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import load_generator
from generation.engine.training.loop import Recipe, train
from generation.engine.training.pixels import LabelledPixels, coarse_of
from generation.engine.training.presets import PRESETS, Course
from generation.engine.training.upscaling import UpscalerStage, crop_of, fine_frame
from generation.engine.vocabulary import OPEN
from generation.fine_tuning import save_trained
from tests.generation.killing import kill_when_steps_are_done
from tests.generation.tiny_cascade import save_tiny_cascade
from tests.generation.tiny_kinds import save_tiny_kind
from tests.generation.tiny_pipeline import save_tiny_pipeline
from tests.generation.tiny_upscalers import save_tiny_second_stage, save_tiny_upscaler

SIZE = 8  # of the first stage
CROP = 4 * SIZE
RECIPE = Recipe(images=8, batch=2, warmup=1, sample_every=0)
CPU = torch.device("cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return {
        "sd": save_tiny_pipeline(folder / "sd"),
        "x4": save_tiny_upscaler(folder / "x4"),
    }


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    for kind in upscaling.STEPS:
        monkeypatch.setitem(upscaling.STEPS, kind, 2)


def stage_of(folder, kind=UpscalerStage, **changes):
    """A stage that sees four images of one colour, of two entities."""
    width, height = fine_frame(SIZE)
    pixels = np.full((4, height, width, 3), (200, 120, 110), np.uint8)
    requests = [ImageRequest(entity=OPEN.entities[k % 2], seed=0) for k in range(4)]
    data = LabelledPixels(pixels, np.array([OPEN.rows(each) for each in requests]))
    pipeline = load_upscaler(folder, "", torch.float32)
    return kind(pipeline, data, requests, "a {entity}{place}{person}", CROP, **changes)


def loss_of(stage, network):
    with torch.no_grad():
        return stage.loss(network, 16, np.random.default_rng(99), CPU).item()


@pytest.mark.parametrize(
    ("prediction", "lora"), [("v_prediction", 0), ("epsilon", 0), ("v_prediction", 4)]
)
def test_the_loss_falls_on_what_is_seen(tmp_path, prediction, lora):
    folder = save_tiny_upscaler(tmp_path / "x4", prediction_type=prediction)
    stage = stage_of(folder, lora=lora)
    before = loss_of(stage, stage.pipeline.unet)

    rate = 2e-2 if lora else 2e-3
    recipe = replace(RECIPE, images=120, batch=4, learning_rate=rate, ema=0.5)
    after = loss_of(stage, train(stage, recipe, tmp_path))

    assert after < (0.97 if lora else 0.7) * before


def test_the_denoiser_sees_what_it_sees_when_it_enlarges(places):
    """The noisy crop beside the shrunk one, noised as its pipeline does at the level it is told."""
    stage, seen = stage_of(places["x4"]), []
    stage.pipeline.unet.register_forward_pre_hook(
        lambda _, given, told: seen.append((given[0], told)), with_kwargs=True
    )
    loss_of(stage, stage.pipeline.unet)

    ((shown, told),) = seen
    assert shown.shape == (16, 4 + 3, CROP // 4, CROP // 4)
    levels = told["class_labels"]
    assert 0 <= levels.min() < levels.max() <= stage.pipeline.config.max_noise_level == 350
    clean = coarse_of(stage._cut(0, 0), 4)
    kept = stage.pipeline.low_res_scheduler.alphas_cumprod[levels].view(-1, 1, 1, 1)
    noise = (shown[:, 4:] - kept.sqrt() * clean) / (1 - kept).sqrt()
    assert noise.mean().abs() < 0.1
    assert noise.std() == pytest.approx(1, abs=0.1)


def test_only_lora_weights_are_trained_and_stored(places, tmp_path):
    stage = stage_of(places["x4"], lora=2)
    network = train(stage, replace(RECIPE, learning_rate=1e-2), tmp_path)

    stored = torch.load(tmp_path / "upscaler" / "checkpoint.pt", weights_only=True)
    save_trained(stage.pipeline, tmp_path / "lora", lora=True)
    loaded = load_upscaler(places["x4"], str(tmp_path / "lora"), torch.float32).unet
    plain = load_upscaler(places["x4"], "", torch.float32).unet
    seen = (torch.ones(1, 7, 8, 8), 500, torch.ones(1, 77, 32))
    with torch.no_grad():
        trained, read, base = (
            each(*seen, class_labels=torch.tensor([20]))[0] for each in (network, loaded, plain)
        )

    assert all("lora_" in name for name in stored["network"])
    assert (trained - read).abs().max() < 1e-4
    assert (trained - base).abs().max() > 1e-3


def test_a_run_shows_what_it_sees_paints_and_should(places, tmp_path):
    train(stage_of(places["x4"]), replace(RECIPE, images=2, sample_every=1), tmp_path)

    seen, painted, there = stage_of(places["x4"]).samples(None, CPU)
    assert (tmp_path / "upscaler" / "samples-000001.png").exists()
    assert {each.shape for each in (*seen, *painted, *there)} == {(CROP, CROP, 3)}
    assert np.abs(there[0].astype(int) - (200, 120, 110)).max() <= 1


def test_crops_are_of_the_scale_at_which_the_first_stage_paints():
    assert (fine_frame(64), crop_of(64)) == ((341, 256), 256)
    assert (fine_frame(128), crop_of(128)) == ((682, 512), 256)
    assert crop_of(SIZE) == CROP


def test_what_cannot_be_fine_tuned_is_refused(places, tmp_path):
    second = load_upscaler(save_tiny_second_stage(tmp_path / "second"), "", torch.float32)

    with pytest.raises(GenerationError, match=r"IFSuperResolutionPipeline cannot be .* 0"):
        UpscalerStage.check(second, CROP)
    wide = load_upscaler(places["x4"], "", torch.float32)
    wide.unet.register_to_config(in_channels=9)
    with pytest.raises(GenerationError, match="the denoiser sees 9 channels, not the 7"):
        UpscalerStage.check(wide, CROP)


def test_no_images_at_all_are_refused_and_leave_a_preset_its_epochs():
    with pytest.raises(GenerationError, match="both 0, which leaves everything as it is"):
        Course(images=0, fine_images=0)

    course = Course(images=0).over(PRESETS["published"])
    assert course.recipe(Recipe(), images=course.fine_images, gathered=10).images == 600
    assert course.images == 0


@pytest.fixture
def own(tmp_path, monkeypatch, places):
    """A folder of generators that holds the tiny pipelines as 'tiny' and, without one, 'plain'."""
    for module in (batches, fine_tuning, training):
        monkeypatch.setattr(module, "OWN_WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    recipe_of(places).write(tmp_path / "weights" / "tiny")
    replace(recipe_of(places), upscaler="").write(tmp_path / "weights" / "plain")
    return tmp_path / "weights"


def recipe_of(places):
    return PipelineRecipe(
        str(places["sd"]), "MIT", upscaler=str(places["x4"]), size=SIZE, dtype="float32"
    )


SHORT = ("--batch", "4", "--device", "cpu", "--sample-every", "0", "--learning-rate", "0.01")


def tune(dataset, *options, start="tiny"):
    words = ("--name", "ours", "--start-from", start, "--dataset", dataset.name)
    call_command("train_generator", *words, *SHORT, *options)


def test_both_stages_are_trained_by_command(real_images, own, places):
    tune(real_images, "--images", "4", "--fine-images", "4", "--fine-dataset", real_images.name)

    recipe = json.loads((own / "ours" / "pipeline.json").read_text())
    assert (recipe["source"], recipe["upscaler"]) == ("pipeline", "upscaler")
    assert recipe["trained_on"] == [real_images.name]
    for mine, base in (("pipeline", "sd"), ("upscaler", "x4")):
        trained, before = (load_file(f / UNET) for f in (own / "ours" / mine, places[base]))
        assert any(not torch.equal(trained[name], before[name]) for name in before)
    card = (own / "ours" / "README.md").read_text()
    assert "## Denoiser" in card
    assert "## Upscaler" in card
    assert "a StableDiffusionUpscalePipeline" in card
    assert "crops of 32 px, seen at a quarter of their side, with noise of levels from 0 to" in card
    image = load_generator("ours", own, "cpu").generate([asked()])[0]
    assert image.shape == (CROP, CROP, 3)


def asked():
    return ImageRequest(entity="mel", seed=1, size=CROP, steps=2)


@pytest.mark.parametrize("lora", [0, 2])
def test_the_upscaler_alone_is_trained_where_the_first_stage_sees_no_images(
    real_images, own, places, lora
):
    tune(real_images, "--images", "0", "--fine-images", "8", "--lora", str(lora))

    recipe = PipelineRecipe.read(own / "ours")
    mine = own / "ours" / ("upscaler_lora" if lora else "upscaler")
    assert recipe.source == str(places["sd"].resolve())
    assert not recipe.lora
    assert recipe.upscaler == (str(places["x4"].resolve()) if lora else str(mine))
    assert recipe.upscaler_lora == (str(mine) if lora else "")
    assert not (own / "ours" / "pipeline").exists()
    assert not (settings.VAR_DIR / "training" / "ours" / "denoiser").exists()
    card = (own / "ours" / "README.md").read_text()
    assert "## Denoiser" not in card
    assert "The denoiser is that of the base: it was not trained." in card
    ours, tiny = (load_generator(name, own, "cpu") for name in ("ours", "tiny"))
    assert ours.revision != tiny.revision
    assert not np.array_equal(ours.generate([asked()])[0], tiny.generate([asked()])[0])


def test_the_first_stage_alone_is_trained_where_the_upscaler_sees_no_images(
    real_images, own, places
):
    tune(real_images, "--images", "4", "--fine-images", "0")

    recipe = PipelineRecipe.read(own / "ours")
    assert recipe.upscaler == str(places["x4"].resolve())
    assert recipe.source == str(own / "ours" / "pipeline")
    assert "The upscaler is that of the base" in (own / "ours" / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--start-from", "plain", "--fine-images", "4"], "has no upsampler to train"),
        (["--start-from", "plain", "--fine-images", "0"], "has no upsampler to train"),
        (["--start-from", "plain", "--fine-dataset", "x"], "has no upsampler to train"),
        (["--start-from", "plain", "--images", "0"], "has no network beside the one"),
        (["--start-from", "tiny", "--images", "0", "--fine-images", "0"], "are both 0"),
        (["--start-from", "tiny", "--images", "0"], "no image of at least 42 x 32 px"),
        (["--images", "0"], "name a generator with --start-from"),
        (["--fine-images", "0"], "name a generator with --start-from"),
    ],
)
def test_what_does_not_go_together_is_refused(db, own, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("train_generator", "--name", "ours", *options)


def test_a_second_stage_of_deep_floyd_is_left_as_it_is_or_refused(db, own, tmp_path):
    first = save_tiny_kind("IFPipeline", tmp_path / "if")
    second = save_tiny_second_stage(tmp_path / "second")
    PipelineRecipe(str(first), "MIT", upscaler=str(second), size=SIZE).write(own / "floyd")

    words = ("--name", "ours", "--start-from", "floyd", "--images", "0")
    with pytest.raises(CommandError, match="IFSuperResolutionPipeline cannot be fine-tuned"):
        call_command("train_generator", *words)


@pytest.mark.parametrize("left", ["base", "upsampler"])
def test_a_stage_of_a_cascade_is_left_as_it_is(real_images, own, left):
    save_tiny_cascade(own / "cascade", entities=OPEN.entities)
    counts = ["--images", "0"] if left == "base" else ["--fine-images", "0"]
    more = ["--fine-images", "4"] if left == "base" else ["--images", "4"]
    tune(real_images, *counts, *more, start="cascade")

    before, after = (load_cascade(own / name) for name in ("cascade", "ours"))
    same = [
        all(torch.equal(a, b) for a, b in zip(x.parameters(), y.parameters(), strict=True))
        for x, y in zip(before, after, strict=True)
    ]
    assert same == [left == "base", left == "upsampler"]
    assert "as in cascade, not trained further" in (own / "ours" / "README.md").read_text()


@pytest.fixture
def kept_apart(places):
    """The tests' own folder, with the tiny pipelines as 'base'; what is made there is removed."""
    recipe_of(places).write(settings.VAR_DIR / "weights" / "base")
    yield settings.VAR_DIR
    for name in ("base", "killed", "whole"):
        for place in ("weights", "training"):
            shutil.rmtree(settings.VAR_DIR / place / name, ignore_errors=True)


@pytest.mark.django_db(transaction=True)
def test_a_run_killed_in_its_second_stage_ends_as_the_run_that_was_not(real_images, kept_apart):
    options = ["--start-from", "base", "--images", "4", "--fine-images", "24", *SHORT]
    command = ["train_generator", "--name", "killed", *options, "--checkpoint-every", "0"]
    curve = kept_apart / "training" / "killed" / "upscaler" / "loss.csv"

    kill_when_steps_are_done(command, curve, 2)
    stored = torch.load(curve.parent / "checkpoint.pt", weights_only=True)
    assert 2 <= stored["step"] < 6
    call_command(*command)
    call_command("train_generator", "--name", "whole", *options)

    for part in ("pipeline", "upscaler"):
        killed, whole = (
            load_file(kept_apart / "weights" / name / part / UNET) for name in ("killed", "whole")
        )
        assert all(torch.equal(killed[name], whole[name]) for name in whole)
