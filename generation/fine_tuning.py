"""Fine-tuning as a service: a pipeline that was added, and images of the catalogue, in."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

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
from generation.engine.loading import load_pipeline, load_upscaler, local_folder
from generation.engine.pipeline import PipelineGenerator
from generation.engine.recipe import PLACES, PipelineRecipe
from generation.engine.registry import find_weights, generator_names
from generation.engine.training.latents import DenoisingStage, LatentStage, frame_of
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.presets import Course, Wanted
from generation.engine.training.upscaling import UpscalerStage, crop_of, fine_frame
from generation.engine.vocabulary import OPEN
from generation.gathering import HELD_OUT, Gathered, OnStep, gather
from generation.licences import licence_of

IMAGES, BATCH = 60_000, 16
RATE, LORA_RATE = 1e-5, 1e-4
TESTED = 64  # examples of held-out lesions on which the loss is measured before and after


@dataclass(frozen=True)
class Part:
    """A network of a generator that can be trained: on what, and where it stands in the recipe.

    Attributes:
        stage: that trains it.
        frame: width and height in px to which images are shrunk, by the size of the first stage.
        crop: side in px of the crops, by the size of the first stage.
        enlarge: whether smaller images are taken, too.
        source: field of the recipe that says where its pipeline lies.
        lora: field of the recipe, and folder, of its LoRA weights.
        folder: of a whole pipeline in the generator's directory.
    """

    stage: type[DenoisingStage]
    frame: Callable[[int], tuple[int, int]]
    crop: Callable[[int], int]
    enlarge: bool
    source: str
    lora: str
    folder: str


FIRST = Part(LatentStage, frame_of, lambda size: size, True, "source", "lora", "pipeline")
SECOND = Part(UpscalerStage, fine_frame, crop_of, False, "upscaler", "upscaler_lora", "upscaler")


@dataclass(frozen=True)
class Lesson:
    """One network's training, ready to begin."""

    part: Part
    stage: DenoisingStage
    data: Gathered
    datasets: tuple[str, ...]
    recipe: Recipe
    measured: Callable[[], float | None]  # mean loss on held-out lesions

    @property
    def kind(self) -> str:
        """Class of the pipeline."""
        return type(self.stage.pipeline).__name__


@dataclass(frozen=True)
class Learnt:
    """What came of it: weights that were trained, and the loss before and after."""

    lesson: Lesson
    weights: int
    before: float | None
    after: float | None


def fine_tune(
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    *,
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train the denoisers of a pipeline further, and put the result where the registry finds it.

    The upscaler's is one of them where there is an upscaler; a number of images of 0 leaves either
    as it is. What was begun is gone on with: checkpoints stand in `var/training/NAME`.

    Returns:
        The directory of the generator: its recipe, its model card, and of what was trained either
        LoRA weights or a whole pipeline.

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
    pipelines = {part: _pipeline(part, wanted, base, size) for part in _parts(wanted, course, base)}
    _claim(run, wanted, size)
    lessons = [
        _lesson(part, pipeline, wanted, course, recipe, base, size, on_step)
        for part, pipeline in pipelines.items()
    ]
    licences = {licence for each in lessons for licence in each.data.licences}
    licence = licence_of(wanted.licence, [base.licence, *licences])
    learnt = [_learn(each, run, chosen, on_progress) for each in lessons]
    target = OWN_WEIGHTS / wanted.name
    if not PartialState().is_main_process:  # of several that `accelerate launch` started
        return target
    made = replace(
        base,
        **_places(base, pipelines, bool(wanted.lora)),
        licence=licence,
        size=size,
        trained_on=sorted({*base.trained_on, *(n for each in lessons for n in each.data.datasets)}),
    )
    facts = {"date": date.today(), "device": chosen.type, "one_in": HELD_OUT, "tested": TESTED}
    facts |= {"wanted": wanted, "base": base, "made": made, "learnt": learnt}
    parts = [part for part in (FIRST, SECOND) if getattr(base, part.source)]
    facts["untouched"] = [part.stage.name for part in parts if part not in pipelines]
    with replacing(target) as folder:
        for part, pipeline in pipelines.items():
            place = folder / (part.lora if wanted.lora else part.folder)
            save_trained(pipeline, place, lora=bool(wanted.lora))
        made.write(folder)
        (folder / "README.md").write_text(render_to_string("generation/fine_tuned_card.md", facts))
    generator = PipelineGenerator(wanted.name, PipelineRecipe.read(target), device)
    sheet_of_entities(generator).save(run / "contact_sheet.png")
    return target


def _parts(wanted: Wanted, course: Course, base: PipelineRecipe) -> list[Part]:
    """Return what is to be trained."""
    if not base.upscaler and (wanted.fine_datasets or course.fine_images is not None):
        raise GenerationError(
            f"'{wanted.start_from}' is a pipeline and has no upsampler to train; leave "
            "--fine-dataset and --fine-images out, or add it with an --upscaler"
        )
    if not base.upscaler and course.images == 0:
        raise GenerationError(
            f"'{wanted.start_from}' has no network beside the one that --images 0 leaves as it is"
        )
    asked = {FIRST: course.images != 0, SECOND: base.upscaler and course.fine_images != 0}
    return [part for part, trained in asked.items() if trained]


def _pipeline(part: Part, wanted: Wanted, base: PipelineRecipe, size: int) -> DiffusionPipeline:
    """Load what is fine-tuned, in float32."""
    source, lora = getattr(base, part.source), getattr(base, part.lora)
    if wanted.lora and lora:
        raise GenerationError(
            f"'{wanted.start_from}' has LoRA weights already, and a network has one set; leave "
            "--lora out, or start from the pipeline without them"
        )
    folder = local_folder(source)
    if part is FIRST:
        pipeline = load_pipeline(folder, base, torch.float32)
    else:
        pipeline = load_upscaler(folder, lora, torch.float32)
    if lora:
        pipeline.unload_lora_weights()  # they have been added to the denoiser's own
    part.stage.check(pipeline, part.crop(size))
    return pipeline


def _lesson(
    part: Part,
    pipeline: DiffusionPipeline,
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    base: PipelineRecipe,
    size: int,
    on_step: OnStep | None,
) -> Lesson:
    """Gather what a network learns from."""
    images = course.images if part is FIRST else course.fine_images
    datasets = wanted.datasets
    if part is SECOND and wanted.fine_datasets:
        datasets = wanted.fine_datasets
    frame = part.frame(size)
    data = gather(datasets, frame, enlarge=part.enlarge, vocabulary=OPEN, on_step=on_step)
    stage = part.stage(
        pipeline,
        data.data,
        data.requests,
        base.template,
        part.crop(size),
        lora=wanted.lora,
        hide=DenoisingStage.hide if course.prompt_dropout is None else course.prompt_dropout,
    )
    rate = LORA_RATE if wanted.lora else RATE
    usual = replace(recipe, images=IMAGES, batch=BATCH, learning_rate=rate)
    followed = course.recipe(usual, images=images, gathered=len(data.data))
    return Lesson(part, stage, data, datasets, followed, _measure(part, datasets, frame, stage))


def _learn(
    lesson: Lesson,
    run: Path,
    device: torch.device,
    on_progress: Callable[[Progress], None] | None,
) -> Learnt:
    """Train one network, measured before and after."""
    pipeline = lesson.stage.pipeline.to(device)
    before = lesson.measured()
    network = train(lesson.stage, lesson.recipe, run, device=str(device), on_progress=on_progress)
    pipeline.to(device)
    after = lesson.measured()
    pipeline.to("cpu")  # or the next one may not fit beside it
    weights = sum(each.numel() for each in network.parameters() if each.requires_grad)
    return Learnt(lesson, weights, before, after)


def _places(base: PipelineRecipe, trained: Iterable[Part], lora: bool) -> dict[str, Any]:
    """Return where the weights of the generator to come lie, by the fields of its recipe."""
    places = {name: _lasting(getattr(base, name)) for name in PLACES}
    for part in trained:
        if lora:
            places[part.lora] = part.lora
        else:
            places |= {part.source: part.folder, part.lora: ""}
    return places


def _claim(run: Path, wanted: Wanted, size: int) -> None:
    """Note what a run trains, and refuse to go on with another one, or to replace a generator."""
    noted = run / "run.json"
    told = {"start_from": wanted.start_from, "lora": wanted.lora, "size": size}
    if noted.exists() and any(run.glob("*/checkpoint.pt")):
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
    return str(Path(source).resolve()) if source and Path(source).exists() else source


def _measure(
    part: Part, datasets: Sequence[str], frame: tuple[int, int], stage: DenoisingStage
) -> Callable[[], float | None]:
    """Return what measures the mean loss on held-out lesions, the same chance each time.

    It returns None where no lesion is held out.
    """
    try:
        unseen = gather(datasets, frame, enlarge=part.enlarge, unseen=True, vocabulary=OPEN)
    except GenerationError:
        return lambda: None
    other = replace(stage, data=unseen.data, requests=unseen.requests, hide=0.0)

    def mean() -> float:
        device, network = stage.pipeline.device, stage.pipeline.unet.eval()
        with torch.no_grad():
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
        pipeline.save_lora_weights(folder, unet_lora_layers=layers, safe_serialization=True)
        return
    pipeline.save_pretrained(folder, safe_serialization=True)
    for path in folder.rglob("*.json"):
        described = json.loads(path.read_text())
        if described.pop("_name_or_path", None) is not None:  # a folder of this machine
            path.write_text(json.dumps(described, indent=2) + "\n")
