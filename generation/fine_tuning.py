"""Fine-tuning as a service: a pipeline that was added, and images of the catalogue, in."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from diffusers import DiffusionPipeline
from django.conf import settings
from django.template.loader import render_to_string
from peft.utils import get_peft_model_state_dict

from generation.batches import OWN_WEIGHTS
from generation.engine.contact_sheet import sheet_of_entities
from generation.engine.devices import choose_device
from generation.engine.files import replacing
from generation.engine.generator import GenerationError
from generation.engine.loading import load_pipeline, local_folder
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import find_weights, generator_names
from generation.engine.training.latents import LatentStage, check_pipeline, frame_of
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.presets import Course, Wanted
from generation.engine.vocabulary import OPEN
from generation.gathering import HELD_OUT, OnStep, gather, licence_of

IMAGES, BATCH = 60_000, 16
RATE, LORA_RATE = 1e-5, 1e-4
TESTED = 64  # examples of held-out lesions on which the loss is measured before and after
#: Where a generator's own files lie in its directory.
LORA, WHOLE = "lora", "pipeline"


def fine_tune(
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    *,
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train the denoiser of a pipeline further, and put the result where the registry finds it.

    What was begun is gone on with: a checkpoint stands in `var/training/NAME`.

    Returns:
        The directory of the generator: its recipe, its model card, and either LoRA weights or a
        whole pipeline.

    Raises:
        GenerationError: the pipeline is none that can be fine-tuned, the name is taken, or there
            are no images to train on.
        FloatingPointError: training diverged; the last checkpoint is whole.
    """
    chosen = choose_device(device)
    PartialState(cpu=chosen.type == "cpu")  # each process of several takes its own GPU
    base = PipelineRecipe.read(find_weights(wanted.start_from, OWN_WEIGHTS))
    size = course.size or base.size
    run = settings.VAR_DIR / "training" / wanted.name
    pipeline = _pipeline(wanted, base, size)
    _claim(run, wanted, size)
    frame = frame_of(size)
    data = gather(wanted.datasets, frame, enlarge=True, vocabulary=OPEN, on_step=on_step)
    licence = licence_of(wanted.licence, [base.licence, *data.licences])
    hide = LatentStage.hide if course.prompt_dropout is None else course.prompt_dropout
    stage = LatentStage(
        pipeline, data.data, data.requests, base.template, size, lora=wanted.lora, hide=hide
    )
    rate = LORA_RATE if wanted.lora else RATE
    usual = replace(recipe, images=IMAGES, batch=BATCH, learning_rate=rate)
    followed = course.recipe(usual, images=course.images, gathered=len(data.data))
    measured = _measure(wanted, stage, chosen)
    before = measured()
    network = train(stage, followed, run, device=str(chosen), on_progress=on_progress)
    after = measured()
    target = OWN_WEIGHTS / wanted.name
    if not PartialState().is_main_process:  # of several that `accelerate launch` started
        return target
    made = replace(
        base,
        source=_lasting(base.source) if wanted.lora else WHOLE,
        lora=LORA if wanted.lora else "",
        licence=licence,
        size=size,
        trained_on=sorted({*base.trained_on, *data.datasets}),
    )
    facts = {
        "date": date.today(),
        "kind": type(pipeline).__name__,
        "device": chosen.type,
        "trained": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "one_in": HELD_OUT,
        "before": before,
        "after": after,
        "tested": TESTED,
    }
    facts |= {"wanted": wanted, "base": base, "made": made, "data": data}
    facts |= {"stage": stage, "recipe": followed}
    with replacing(target) as folder:
        save_trained(pipeline.to("cpu"), folder, lora=bool(wanted.lora))
        made.write(folder)
        (folder / "README.md").write_text(render_to_string("generation/fine_tuned_card.md", facts))
    generator = PipelineGenerator(wanted.name, PipelineRecipe.read(target), device)
    sheet_of_entities(generator).save(run / "contact_sheet.png")
    return target


def _pipeline(wanted: Wanted, base: PipelineRecipe, size: int) -> DiffusionPipeline:
    """Load what is fine-tuned, in float32."""
    if wanted.lora and base.lora:
        raise GenerationError(
            f"'{wanted.start_from}' has LoRA weights already, and a generator has one set; leave "
            "--lora out, or start from the pipeline without them"
        )
    pipeline = load_pipeline(local_folder(base.source), base, torch.float32)
    if base.lora:
        pipeline.unload_lora_weights()  # they have been added to the denoiser's own
    check_pipeline(pipeline, size)
    return pipeline


def _claim(run: Path, wanted: Wanted, size: int) -> None:
    """Note what a run trains, and refuse to go on with another one, or to replace a generator."""
    noted = run / "run.json"
    told = {"start_from": wanted.start_from, "lora": wanted.lora, "size": size}
    if (run / LatentStage.name / "checkpoint.pt").exists() and noted.exists():
        stood = json.loads(noted.read_text())
        for key, value in told.items():
            if stood[key] != value:
                raise GenerationError(
                    f"{run}: was begun with {key.replace('_', '-')} {stood[key]}, not {value}; "
                    "give the same to go on, or choose another --name"
                )
    elif wanted.name in generator_names(OWN_WEIGHTS):
        raise GenerationError(
            f"a generator '{wanted.name}' exists already; choose another --name for what becomes "
            f"of '{wanted.start_from}'"
        )
    run.mkdir(parents=True, exist_ok=True)
    noted.write_text(json.dumps(told))


def _lasting(source: str) -> str:
    """Return a source that holds whatever folder a command is run in."""
    return str(Path(source).resolve()) if Path(source).is_dir() else source


def _measure(
    wanted: Wanted, stage: LatentStage, device: torch.device
) -> Callable[[], float | None]:
    """Return what measures the mean loss on held-out lesions, the same chance each time.

    It returns None where no lesion is held out.
    """
    try:
        unseen = gather(
            wanted.datasets, frame_of(stage.size), enlarge=True, unseen=True, vocabulary=OPEN
        )
    except GenerationError:
        return lambda: None
    other = replace(stage, data=unseen.data, requests=unseen.requests, hide=0.0)

    def mean() -> float:
        with torch.no_grad():
            network = stage.pipeline.to(device).unet.eval()
            losses = [
                other.loss(network, 8, np.random.default_rng(k), device).item()
                for k in range(TESTED // 8)
            ]
        return float(np.mean(losses))

    return mean


def save_trained(pipeline: DiffusionPipeline, folder: Path, *, lora: bool) -> None:
    """Write LoRA weights alone, or the whole pipeline, as safetensors."""
    if lora:
        layers = get_peft_model_state_dict(pipeline.unet)
        pipeline.save_lora_weights(folder / LORA, unet_lora_layers=layers, safe_serialization=True)
        return
    pipeline.save_pretrained(folder / WHOLE, safe_serialization=True)
    for path in (folder / WHOLE).rglob("*.json"):
        described = json.loads(path.read_text())
        if described.pop("_name_or_path", None) is not None:  # a folder of this machine
            path.write_text(json.dumps(described, indent=2) + "\n")
