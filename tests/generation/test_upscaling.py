"""A pipeline with an upscaler behind: small real ones, through the code that loads large ones."""

import json
import shutil

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from evaluation.models import Image
from generation import batches
from generation.engine import loading, upscaling
from generation.engine.batched import TRIAL_STEPS
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import keep_generator, load_generator
from tests.generation.harm import broken, with_pickles, without_weights
from tests.generation.tiny_kinds import save_tiny_kind
from tests.generation.tiny_pipeline import save_tiny_pipeline
from tests.generation.tiny_upscalers import save_tiny_second_stage, save_tiny_upscaler

SIZE = 8
FINE = 4 * SIZE


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """First stages and upscalers, by what they are."""
    folder = tmp_path_factory.mktemp("tiny")
    return {
        "sd": save_tiny_pipeline(folder / "sd"),
        "if": save_tiny_kind("IFPipeline", folder / "if"),
        "x4": save_tiny_upscaler(folder / "x4"),
        "second": save_tiny_second_stage(folder / "second"),
    }


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    for kind in upscaling.STEPS:
        monkeypatch.setitem(upscaling.STEPS, kind, 3)


#: What goes together.
PAIRS = [("sd", "x4"), ("if", "x4"), ("if", "second")]


def loaded(places, first="sd", upscaler="x4", **changes):
    given = {"size": SIZE, "dtype": "float32", "compute_batch": 3, **changes}
    place = str(places[upscaler]) if upscaler else ""
    recipe = PipelineRecipe(str(places[first]), "CC0-1.0", upscaler=place, **given)
    return PipelineGenerator("tiny", recipe, "cpu")


def request(entity="mel", seed=1, **changes):
    return ImageRequest(entity=entity, seed=seed, size=FINE, steps=2, **changes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("first", "upscaler"), PAIRS)
def test_a_request_gives_the_same_large_image_in_any_company(places, first, upscaler, dtype):
    generator = loaded(places, first, upscaler, dtype=dtype)
    asked = [request(entity, seed) for entity, seed in (("mel", 1), ("nv", 1), ("mel", 2))]

    painted = generator._paint([generator.vocabulary.settled(each) for each in asked])
    together = generator.generate([*asked, asked[0]])
    alone = [generator.generate([each])[0] for each in reversed(asked)][::-1]

    assert painted.shape == (3, 3, FINE, FINE)
    assert together[0].shape == (FINE, FINE, 3)
    assert all(np.array_equal(a, b) for a, b in zip(together, [*alone, alone[0]], strict=True))
    assert not np.array_equal(together[0], together[1])  # the words count
    assert not np.array_equal(together[0], together[2])  # the seed counts


@pytest.mark.parametrize(("first", "upscaler"), PAIRS)
def test_every_dtype_begins_from_the_same_noise(places, first, upscaler, monkeypatch):
    """As seen by the network where the first stage painted the same: that is noised, too."""
    begun = {}
    for dtype in ("float32", "bfloat16"):
        generator = loaded(places, first, upscaler, dtype=dtype)
        grey = torch.full((3, 3, SIZE, SIZE), 0.5)
        monkeypatch.setattr(generator, "_paint_first", lambda *_, grey=grey: grey)
        seen = []
        generator._upscaler._pipeline.unet.register_forward_pre_hook(
            lambda _, given, seen=seen: seen.append(given[0].clone())
        )
        generator.generate([request()])
        begun[dtype] = seen[0]

    assert begun["bfloat16"].dtype is torch.bfloat16
    assert torch.equal(begun["float32"].to(torch.bfloat16), begun["bfloat16"])
    assert begun["float32"][0].unique().numel() > 6 * SIZE * SIZE


def test_the_upscaler_is_told_the_prompt_and_sees_what_was_painted(places):
    generator = loaded(places)
    same = torch.linspace(0, 1, 3 * SIZE * SIZE).view(1, 3, SIZE, SIZE)

    def enlarged(coarse, prompt, guidance=3.0):
        return generator._upscaler.enlarge(coarse, [prompt], [1], guidance)

    plain = enlarged(same, "a melanoma")
    assert not torch.equal(plain, enlarged(same, "a mole"))
    assert not torch.equal(plain, enlarged(1 - same, "a melanoma"))
    assert not torch.equal(plain, enlarged(same, "a melanoma", guidance=1.0))


@pytest.mark.parametrize(("first", "upscaler"), PAIRS)
def test_the_settings_name_the_upscaler_and_what_was_left_out(places, first, upscaler):
    settings = loaded(places, first, upscaler).settings()
    plain = loaded(places, first, "").settings()

    named = settings.pop("upscaler")
    assert settings == plain
    assert named.pop("weights") != plain["weights"]
    kind, noise_level, scheduler = {
        "x4": ("StableDiffusionUpscalePipeline", 20, "DDIMScheduler"),
        "second": ("IFSuperResolutionPipeline", 250, "DDPMScheduler"),
    }[upscaler]
    assert named == {
        "pipeline": kind,
        "scheduler": scheduler,
        "steps": 3,
        "noise_level": noise_level,
        "safety_checker": "none",
        "watermark": "none",
    }


def test_another_upscaler_is_another_revision(places, tmp_path):
    tiny, plain = loaded(places), loaded(places, upscaler="")
    other = save_tiny_upscaler(tmp_path / "other", seed=5)

    revisions = {loaded({**places, "x4": other}).revision, tiny.revision, plain.revision}

    assert len(revisions) == 3


def test_words_of_deep_floyd_are_read_once_for_both_stages(places):
    generator, read = loaded(places, "if", "second"), []
    generator._pipeline.text_encoder.register_forward_hook(lambda *_: read.append(1))

    generator.generate([request()])
    generator.generate([request(seed=2)])

    assert len(read) == 2  # the prompt, and what guidance leads away from
    assert generator._upscaler._pipeline.text_encoder is None


def test_memory_is_tried_with_few_steps_of_the_upscaler(places):
    generator, steps = loaded(places), []
    unet = generator._upscaler._pipeline.unet
    unet.register_forward_pre_hook(lambda _, given: steps.append(len(given[0])))

    generator.fit()

    assert steps == [6] * TRIAL_STEPS  # three images, with a prompt and without


def test_what_takes_the_time_of_an_upscaler_is_compiled(places):
    """That compiled networks paint the same is tested with fewer layers: it takes minutes here."""
    recipe = loaded(places).recipe

    compiled = PipelineGenerator("tiny", recipe, "cpu", compiled=True)

    pipeline = compiled._upscaler._pipeline
    assert all(part._compiled_call_impl for part in (pipeline.unet, pipeline.vae.decoder))
    assert compiled.revision != loaded(places).revision


def of_another_class(copy):
    index = copy / "model_index.json"
    told = json.loads(index.read_text())
    index.write_text(json.dumps(told | {"_class_name": "StableDiffusionPipeline"}))


HARM = {
    "no index": (lambda copy: (copy / "model_index.json").unlink(), "has no model_index.json"),
    "no class": (
        lambda copy: (copy / "model_index.json").write_text("{}"),
        "does not say of which",
    ),
    "another class": (of_another_class, "is a StableDiffusionPipeline, which does not enlarge"),
    "no weights": (without_weights, "has no weights; save the pipeline"),
    "pickles": (with_pickles, "has pickled weights only, which can run code"),
    "half a file": (broken, "cannot be loaded"),
    "no directory": (shutil.rmtree, "neither a directory nor a pipeline of the hub"),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_wrong_with_an_upscaler_is_said(places, tmp_path, harm, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    copy = tmp_path / "copy"
    shutil.copytree(places["x4"], copy)
    spoil, said = HARM[harm]
    spoil(copy)

    with pytest.raises(GenerationError, match=said):
        loaded({**places, "x4": copy})


def test_what_does_not_go_together_is_said(places, tmp_path, monkeypatch):
    twice = save_tiny_upscaler(tmp_path / "twice", blocks=2)

    with pytest.raises(GenerationError, match="put it behind an IFPipeline"):
        loaded(places, "sd", "second")
    with pytest.raises(GenerationError, match=r"size 10 is no multiple of 4, .* use 8"):
        loaded(places, size=10)
    with pytest.raises(GenerationError, match="autoencoder enlarges 2 times, not 4"):
        loaded({**places, "x4": twice})
    with pytest.raises(GenerationError, match="LoRA weights 'nowhere': is not there"):
        loaded(places, upscaler_lora="nowhere")
    monkeypatch.setattr(loading, "UNSEEDED", ("DDPMScheduler",))
    with pytest.raises(GenerationError, match="DDPMScheduler draws noise that no seed"):
        loading.load_upscaler(places["second"], "", torch.float32)


def test_an_upscaler_may_lie_in_the_generators_own_directory(places, tmp_path):
    shutil.copytree(places["x4"], tmp_path / "own" / "upscaler")
    recipe = PipelineRecipe(str(places["sd"]), "MIT", upscaler="upscaler", size=SIZE)
    recipe.write(tmp_path / "own")

    kept = keep_generator("own", tmp_path, "cpu", 1)
    assert keep_generator("own", tmp_path, "cpu", 1) is kept
    shutil.rmtree(tmp_path / "own" / "upscaler")
    shutil.copytree(save_tiny_upscaler(tmp_path / "x", seed=5), tmp_path / "own" / "upscaler")
    other = keep_generator("own", tmp_path, "cpu", 1)

    assert other.revision != kept.revision


@pytest.mark.django_db
def test_an_upscaler_is_added_by_command_and_makes_a_batch(places, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batches, "OWN_WEIGHTS", tmp_path)
    monkeypatch.setattr("generation.management.commands.add_generator.OWN_WEIGHTS", tmp_path)
    words = ("--pipeline", str(places["sd"]), "--licence", "CC0-1.0", "--size", str(SIZE))
    more = ("--dtype", "float32", "--device", "cpu", "--upscaler")
    with pytest.raises(CommandError, match="is a StableDiffusionPipeline, which does not"):
        call_command("add_generator", "ours", *words, *more, str(places["sd"]))

    call_command("add_generator", "ours", *words, *more, str(places["x4"]))
    asked = ("--per-entity", "2", "--entity", "mel", "--steps", "2")
    call_command("generate_batch", "--generator", "ours", *asked)

    assert "upscaler: {'pipeline': 'StableDiffusionUpscalePipeline'" in capsys.readouterr().out
    made = Image.objects.filter(generator="ours")
    assert {image.generator_revision for image in made} == {
        load_generator("ours", tmp_path, "cpu").revision
    }
    assert made.count() == 2
