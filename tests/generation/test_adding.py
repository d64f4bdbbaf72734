"""`add_generator`: what becomes a generator, and what cannot."""

import os
import shutil

import pytest
import torch
from django.core.management import CommandError, call_command
from safetensors.torch import load_file, save_file

from evaluation.models import Image
from generation import batches
from generation.engine.generator import GenerationError
from generation.engine.loading import usual_of
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import generator_names, load_generator
from tests.generation.harm import WEIGHTS
from tests.generation.tiny_pipeline import SIZE, save_tiny_lora, save_tiny_pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("tiny") / "pipeline")


@pytest.mark.django_db
def test_a_pipeline_is_added_by_command_and_makes_a_batch(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batches, "OWN_WEIGHTS", tmp_path)
    monkeypatch.setattr("generation.management.commands.add_generator.OWN_WEIGHTS", tmp_path)
    words = ("--pipeline", str(folder), "--licence", "CC0-1.0", "--size", str(SIZE))
    call_command("add_generator", "ours", *words, "--dtype", "float32", "--device", "cpu")
    said = capsys.readouterr().out
    assert "safety_checker: none" in said
    assert "steps: 50" in said  # as the class of the pipeline has it
    assert "ours" in generator_names(tmp_path)

    few = ("--generator", "ours", "--per-entity", "1", "--steps", "2")
    call_command("generate_batch", *few, "--size", "48")

    made = Image.objects.filter(generator="ours")
    assert made.count() == 7
    assert {(image.width, image.height, image.recipe["size"]) for image in made} == {(48, 48, 48)}
    assert {image.licence for image in made} == {"CC0-1.0"}
    assert {(image.recipe["guidance"], image.recipe["steps"]) for image in made} == {(7.5, 2)}
    assert {image.generator_revision for image in made} == {
        load_generator("ours", tmp_path, "cpu").revision
    }
    with pytest.raises(CommandError, match="a generator 'ours' exists already"):
        call_command("add_generator", "ours", *words)
    with pytest.raises(CommandError, match=r"guidance is 0\.5; use 1 \(none\) to 100"):
        call_command("add_generator", "odd", *words, "--guidance", "0.5")


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("../outside", [], "'../outside' cannot be the name of a generator"),
        ("", [], "'' cannot be the name"),
        ("of/two", [], "'of/two' cannot be the name"),
        ("odd", ["--size", "33"], r"'odd' cannot paint with .* size 33 .*divisible by 8"),
        ("odd", ["--scheduler", "FlowMatchEulerDiscreteScheduler"], "'odd' cannot paint with"),
    ],
)
def test_what_cannot_be_a_generator_is_not_added(
    folder, tmp_path, monkeypatch, name, changes, said
):
    own = tmp_path / "weights"
    monkeypatch.setattr("generation.management.commands.add_generator.OWN_WEIGHTS", own)
    words = ("--pipeline", str(folder), "--licence", "CC0-1.0", "--size", str(SIZE))

    with pytest.raises(CommandError, match=said):
        call_command("add_generator", name, *words, *changes, "--device", "cpu")

    assert not list(tmp_path.rglob("*.json"))


def test_weights_that_are_no_numbers_are_not_added(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("generation.management.commands.add_generator.OWN_WEIGHTS", tmp_path / "w")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = load_file(copy / WEIGHTS)
    save_file({name: each * torch.nan for name, each in weights.items()}, copy / WEIGHTS)

    with pytest.raises(CommandError, match="it is black or holds no numbers"):
        call_command(
            *("add_generator", "odd", "--pipeline", str(copy), "--licence", "CC0-1.0"),
            *("--size", str(SIZE), "--device", "cpu"),
        )

    assert not (tmp_path / "w").exists()


def test_a_recipe_names_the_whole_path_of_what_is_here(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("generation.management.commands.add_generator.OWN_WEIGHTS", tmp_path)
    lora = save_tiny_lora(folder, tmp_path / "lora")
    monkeypatch.chdir(tmp_path)

    call_command(
        *("add_generator", "ours", "--pipeline", os.path.relpath(folder), "--lora", "lora"),
        *("--licence", "CC0-1.0", "--size", str(SIZE), "--device", "cpu"),
    )

    written = PipelineRecipe.read(tmp_path / "ours")
    assert (written.source, written.lora) == (str(folder.resolve()), str(lora.resolve()))


def test_a_class_that_does_not_say_how_it_is_sampled_is_asked_about(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "NoPipeline"}')

    with pytest.raises(GenerationError, match="give --guidance and --steps"):
        usual_of(tmp_path)
