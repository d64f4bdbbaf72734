"""Pipelines that researchers bring: small real ones, through the code that loads large ones."""

import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from generation.engine import loading
from generation.engine import pipeline as module
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.pipeline import PipelineGenerator
from generation.engine.prompts import check_template, prompt_of
from generation.engine.recipe import PipelineRecipe
from tests.generation.harm import broken, with_pickles, without_weights
from tests.generation.tiny_kinds import save_tiny_kind
from tests.generation.tiny_pipeline import SIZE, save_tiny_lora, save_tiny_pipeline, save_tiny_xl


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("tiny") / "pipeline")


def recipe(folder, **changes):
    given = {"source": str(folder), "licence": "CC0-1.0", "size": SIZE, "dtype": "float32"}
    return PipelineRecipe(**{**given, **changes})


@pytest.fixture(scope="module")
def tiny(folder):
    return PipelineGenerator("tiny", recipe(folder, negative="noise"), "cpu")


def request(entity="mel", seed=1, **changes):
    return ImageRequest(entity=entity, seed=seed, size=SIZE, steps=2, **changes)


def test_the_same_request_gives_the_same_pixels_in_any_company(tiny):
    wanted = [request(seed=seed) for seed in range(6)]
    together = tiny.generate(wanted)
    alone = [tiny.generate([each])[0] for each in reversed(wanted)][::-1]

    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    assert together[0].shape == (SIZE, SIZE, 3)
    assert not np.array_equal(together[0], together[1])


@pytest.mark.parametrize(
    "change",
    [
        {"entity": "nv"},
        {"guidance": 7.0},
        {"prompt": "something else"},
        {"site": "back"},
        {"sex": "female", "age": 60.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_asked_changes_the_image(tiny, change):
    asked = {"entity": "mel", "guidance": 3.0, **change}

    plain, changed = tiny.generate([request()])[0], tiny.generate([request(**asked)])[0]

    assert not np.array_equal(plain, changed)


def test_images_come_at_the_wanted_size(tiny):
    image = tiny.generate([ImageRequest(entity="nv", seed=2, steps=2)])[0]

    assert image.shape == (256, 256, 3)


def test_the_settings_name_what_was_left_out(tiny):
    settings = tiny.settings()

    assert (settings["safety_checker"], settings["watermark"]) == ("none", "none")
    assert settings["pipeline"] == "StableDiffusionPipeline"
    assert settings["scheduler"] == "DDIMScheduler"


@pytest.mark.parametrize(
    "change",
    [{"template": "{entity}"}, {"scheduler": "EulerDiscreteScheduler"}, {"compute_batch": 2}],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_are_another_revision(tiny, folder, change):
    other = PipelineGenerator("tiny", recipe(folder, negative="noise", **change), "cpu")

    assert other.revision != tiny.revision


def test_other_weights_are_another_revision(tiny, tmp_path):
    other = save_tiny_pipeline(tmp_path / "other", seed=5)

    assert PipelineGenerator("tiny", recipe(other, negative="noise"), "cpu").revision != (
        tiny.revision
    )


def test_weights_of_lora_change_images_and_revision(tiny, folder, tmp_path):
    lora = save_tiny_lora(folder, tmp_path / "lora")

    tuned = PipelineGenerator("tiny", recipe(folder, negative="noise", lora=str(lora)), "cpu")

    assert tuned.revision != tiny.revision
    assert not np.array_equal(tuned.generate([request()])[0], tiny.generate([request()])[0])


def pickled(lora):
    (weights,) = lora.iterdir()
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()


def of_no_layer(lora):
    save_file({"unet.nothing.lora_A.weight": torch.ones(2, 2)}, next(lora.iterdir()))


def twice(lora):
    (weights,) = lora.iterdir()
    shutil.copy(weights, lora / "a.safetensors")
    weights.rename(lora / "b.safetensors")


def of_another_width(lora):
    (weights,) = lora.iterdir()
    narrow = {name: each[:, :4].contiguous() for name, each in load_file(weights).items()}
    save_file(narrow, weights)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (pickled, "is no safetensors, and pickles, which can run code, are not read"),
        (of_no_layer, "pytorch_lora_weights.safetensors: (holds nothing for|cannot be added to)"),
        (of_another_width, "pytorch_lora_weights.safetensors: cannot be added to this Stable"),
        (lambda lora: next(lora.iterdir()).unlink(), "holds no safetensors"),
        (twice, "holds 2 files of weights"),
    ],
)
def test_lora_weights_that_would_not_count_are_refused(folder, tmp_path, harm, said):
    lora = save_tiny_lora(folder, tmp_path / "lora")
    harm(lora)

    with pytest.raises(GenerationError, match=said):
        PipelineGenerator("tiny", recipe(folder, lora=str(lora)), "cpu")


def test_a_pickle_is_refused_as_lora_weights_by_its_file_too(folder, tmp_path):
    lora = save_tiny_lora(folder, tmp_path / "lora")
    pickled(lora)

    with pytest.raises(GenerationError, match="pickles, which can run code, are not read"):
        PipelineGenerator("tiny", recipe(folder, lora=str(next(lora.iterdir()))), "cpu")


@pytest.fixture(scope="module")
def xl(tmp_path_factory):
    return save_tiny_xl(tmp_path_factory.mktemp("tiny") / "xl")


@pytest.fixture(scope="module")
def floyd(tmp_path_factory):
    return save_tiny_kind("IFPipeline", tmp_path_factory.mktemp("tiny") / "if")


@pytest.mark.parametrize("kind", ["sd", "xl", "if"])
@pytest.mark.parametrize("negative", ["", "noise"])
def test_prompts_are_encoded_once_and_change_no_byte(
    kind, negative, monkeypatch, folder, xl, floyd
):
    place = {"sd": folder, "xl": xl, "if": floyd}[kind]
    wanted = [request(entity, seed) for entity, seed in (("mel", 1), ("nv", 2), ("mel", 3))]
    once = PipelineGenerator("tiny", recipe(place, negative=negative), "cpu")
    encoded = []
    once._pipeline.text_encoder.register_forward_hook(lambda *_: encoded.append(1))

    first = once.generate(wanted)
    for _ in range(2):
        assert all(np.array_equal(*pair) for pair in zip(first, once.generate(wanted), strict=True))
    at_most = 2 * 2  # two prompts, each beside what is not wanted
    assert 0 < len(encoded) <= at_most

    monkeypatch.setattr(module, "KNOWN", {})
    plain = PipelineGenerator("tiny", recipe(place, negative=negative), "cpu")
    for guidance in (3.0, 1.0):
        these = [request(e.entity, e.seed, guidance=guidance) for e in wanted]
        pairs = zip(once.generate(these), plain.generate(these), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize("kind", ["sd", "xl", "if"])
def test_a_prompt_whose_end_would_be_cut_off_is_refused(kind, folder, xl, floyd):
    place = {"sd": folder, "xl": xl, "if": floyd}[kind]
    generator = PipelineGenerator("tiny", recipe(place), "cpu")
    marks = generator._pipeline.tokenizer.num_special_tokens_to_add()

    generator.generate([request(prompt=" ".join("a" * (77 - marks)))])

    said = "has 78 tokens, its start and end among them; .* reads 77 and would cut the rest: short"
    with pytest.raises(GenerationError, match=said):
        generator.generate([request(), request(prompt=" ".join("a" * (78 - marks)))])


@pytest.mark.parametrize(
    "change",
    [{"template": "a " * 80 + "{entity}"}, {"negative": "a " * 80}],
    ids=["template", "negative"],
)
def test_a_recipe_whose_words_would_be_cut_off_is_no_generators(folder, change):
    long = PipelineGenerator("tiny", recipe(folder, **change), "cpu")

    with pytest.raises(GenerationError, match=r"the prompt 'a a a .*…' has \d+ tokens"):
        long.try_out()


def test_an_encoder_that_reads_the_whole_prompt_is_enough(tmp_path):
    flux = save_tiny_kind("FluxPipeline", tmp_path / "flux")
    generator = PipelineGenerator("tiny", recipe(flux), "cpu")

    generator.generate([request(prompt=" ".join("a" * 100))])  # T5 reads 512, CLIP 77

    with pytest.raises(GenerationError, match=r"has 600 tokens, .* reads 512 and would cut"):
        generator.generate([request(prompt=" ".join("a" * 600))])


def test_pipelines_are_loaded_without_needless_words(folder, tmp_path):
    lora = save_tiny_lora(folder, tmp_path / "lora")
    load = f"PipelineGenerator('tiny', PipelineRecipe({str(folder)!r}, 'CC0-1.0', {str(lora)!r}))"

    process = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from generation.engine.pipeline import *\n"
            f"{load}\n"
            "import logging\n"
            "logging.getLogger('diffusers.loaders.peft').warning('what else there is')",
        ],
        capture_output=True,
        text=True,
    )

    assert process.returncode == 0, process.stderr
    assert "torchvision" not in process.stderr
    assert "No LoRA keys" not in process.stderr
    assert "what else there is" in process.stderr


def test_every_dtype_begins_from_the_same_noise(folder):
    begun = {}
    for dtype in ("float32", "bfloat16"):
        generator = PipelineGenerator("tiny", recipe(folder, dtype=dtype), "cpu")
        unet, seen = generator._pipeline.unet, []
        unet.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0].clone()))
        generator.generate([request()])
        begun[dtype] = seen[0]

    assert begun["bfloat16"].dtype is torch.bfloat16
    assert torch.equal(begun["float32"].to(torch.bfloat16), begun["bfloat16"])


def test_a_compute_batch_that_was_asked_for_goes_before_the_recipes(folder):
    given = recipe(folder, compute_batch=2)

    assert PipelineGenerator("tiny", given, "cpu").compute_batch == 2
    assert PipelineGenerator("tiny", given, "cpu", compute_batch=3).compute_batch == 3
    assert PipelineGenerator("tiny", recipe(folder), "cpu").compute_batch == 4


def with_a_pickle_among_safetensors(copy):
    weights = copy / "text_encoder" / "model.safetensors"
    torch.save({}, weights.with_name("pytorch_model.bin"))
    weights.unlink()


def with_text(copy):
    (copy / "unet" / "diffusion_pytorch_model.safetensors").write_text("these are no weights")


HARM = {
    "no index": (lambda copy: (copy / "model_index.json").unlink(), "has no model_index.json"),
    "no weights": (without_weights, "has no weights; save the pipeline"),
    "pickles": (with_pickles, "has pickled weights only, which can run code"),
    "one pickle": (with_a_pickle_among_safetensors, "pytorch_model.bin is a pickle, which can run"),
    "half a file": (broken, "cannot be loaded"),
    "another file": (with_text, "cannot be loaded"),
    "no directory": (shutil.rmtree, "neither a directory nor a pipeline of the hub"),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_wrong_with_a_directory_is_said(folder, tmp_path, harm, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    spoil, said = HARM[harm]
    spoil(copy)

    with pytest.raises(GenerationError, match=said):
        PipelineGenerator("tiny", recipe(copy), "cpu")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheduler": "NoScheduler"}, "scheduler 'NoScheduler' is unknown"),
        ({"lora": "nowhere"}, "LoRA weights 'nowhere': is not there; name one safetensors file"),
        ({"size": 0}, "size is 0 px"),
        ({"licence": " "}, "no licence is named"),
        ({"dtype": "float8"}, "dtype 'float8' is unknown; use one of float32"),
        ({"template": "an image"}, "names no {entity}; put it in"),
        ({"template": "{entity} of {name}"}, "names {name}; use {entity}, {place}, {person}"),
        ({"template": "{entity"}, "template '{entity'"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(folder, changes, said):
    with pytest.raises(GenerationError, match=said):
        PipelineGenerator("tiny", recipe(folder, **changes), "cpu")


def test_a_scheduler_whose_noise_no_seed_decides_is_refused(folder, monkeypatch):
    monkeypatch.setattr(loading, "UNSEEDED", ("DDPMScheduler",))

    with pytest.raises(GenerationError, match="DDPMScheduler draws noise that no seed"):
        PipelineGenerator("tiny", recipe(folder, scheduler="DDPMScheduler"), "cpu")


def test_a_black_image_is_no_image(tiny):
    with pytest.raises(GenerationError, match="made no image of mel from seed 1: it is black"):
        tiny._finished(tiny._sent(torch.zeros(1, 3, SIZE, SIZE)), [request()])
    with pytest.raises(GenerationError, match="holds no numbers"):
        tiny._finished(tiny._sent(torch.full((1, 3, SIZE, SIZE), torch.nan)), [request()])


def test_a_control_that_is_not_honoured_is_refused(tiny):
    with pytest.raises(GenerationError, match="does not honour lesion"):
        tiny.generate([request(lesion=np.ones((SIZE, SIZE), bool))])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "a dermoscopic image of melanoma"),
        ({"site": "back"}, "a dermoscopic image of melanoma on the back"),
        (
            {"site": "back", "age": 60.0, "sex": "female"},
            "a dermoscopic image of melanoma on the back of a 60-year-old woman",
        ),
        ({"age": 16.0}, "a dermoscopic image of melanoma of a 16-year-old person"),
        ({"prompt": "a mole"}, "a mole"),
    ],
)
def test_prompts_say_what_is_known(asked, words):
    assert prompt_of(request(**asked)) == words
    check_template("{entity}{place}")


def test_a_pipeline_that_takes_fewer_steps_says_so(tiny):
    with pytest.raises(GenerationError, match="'tiny' cannot paint with 1000000 steps"):
        tiny._paint([replace(tiny._trial()[0], steps=1_000_000)])


def test_a_recipe_says_how_its_pipeline_is_sampled(folder):
    few = PipelineGenerator("few", recipe(folder, guidance=3.0, steps=2), "cpu")
    left_to_it, said = (
        few.generate([ImageRequest(entity="mel", seed=1, size=SIZE, **how)])[0]
        for how in ({}, {"guidance": 3.0, "steps": 2})
    )

    assert np.array_equal(left_to_it, said)
    assert few.revision != PipelineGenerator("few", recipe(folder, steps=2), "cpu").revision
