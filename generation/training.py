"""Training as a service: images of the catalogue in, a generator of one's own out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from accelerate import PartialState
from diffusers import UNet2DModel
from django.conf import settings
from django.template.loader import render_to_string

from evaluation.entities import ENTITIES
from generation.batches import OWN_WEIGHTS
from generation.dermgan_training import train_dermgan
from generation.engine.cascade.files import WeightsOrigin, load_cascade, origin_of, save_cascade
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.cascade.networks import BaseNetwork
from generation.engine.contact_sheet import sheet_of_entities
from generation.engine.devices import choose_device
from generation.engine.generator import GenerationError
from generation.engine.registry import (
    CASCADE,
    DERMGAN,
    PIPELINE,
    check_name,
    find_weights,
    generator_names,
    kind_of,
)
from generation.engine.training import presets
from generation.engine.training.curve import check_tensorboard
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.presets import Course, Wanted
from generation.engine.training.reader import LESSONS, teach_reader
from generation.engine.training.stages import BaseStage, UpsamplerStage
from generation.fine_tuning import fine_tune
from generation.gathering import HELD_OUT, Gathered, OnStep, gather
from generation.licences import licence_of

BASE_FRAME = (96, 72)  # px; crops of 64 wander in it
FINE_FRAME = (341, 256)  # px; smaller images hold no texture for the upsampler to learn
FINE_IMAGES, FINE_RATE = 60_000, 2e-4


def train_generator(
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    *,
    preset: Course = Course(),
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a generator of ours, or a pipeline further; put it where `generate_batch` finds it.

    A run that was stopped goes on where it was: checkpoints stand in `var/training/NAME`.

    Args:
        wanted: name, data, and what to begin with; a pipeline is fine-tuned as one.
        course: what is asked for of length, rate and batch.
        recipe: all else.
        preset: holds where `course` asks for nothing.
        on_step: told how far reading is.

    Returns:
        The directory of the weights, with a model card; a contact sheet lies beside the
        checkpoints.

    Raises:
        GenerationError: no images to train on, no such device, something that does not go with
            what is trained, or a name that another kind of generator has.
        FloatingPointError: training diverged; the last checkpoint is whole.
    """
    check_name(wanted.name)
    if recipe.tensorboard:
        check_tensorboard()
    kind = kind_of(wanted.start_from, OWN_WEIGHTS) if wanted.start_from else None
    if kind != PIPELINE and (wanted.lora or course.size):
        raise GenerationError(
            "--lora and --size are for pipelines: add one with add_generator, and name it with "
            "--start-from"
        )
    becomes = kind or (DERMGAN if wanted.kind == presets.DERMGAN else CASCADE)
    taken = wanted.name in generator_names(OWN_WEIGHTS)
    if taken and becomes != PIPELINE and kind_of(wanted.name, OWN_WEIGHTS) != becomes:
        raise GenerationError(
            f"generator '{wanted.name}' is of another kind; choose another --name"
        )
    service = {CASCADE: train_cascade, DERMGAN: train_dermgan, PIPELINE: fine_tune}[becomes]
    return service(
        wanted,
        course.over(preset),
        recipe,
        device=device,
        on_step=on_step,
        on_progress=on_progress,
    )


def train_cascade(
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    *,
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train the stages of a cascade; see `train_generator`."""
    chosen = str(choose_device(device))
    if not wanted.start_from and 0 in (course.images, course.fine_images):
        raise GenerationError(
            "0 images leave a network as it is, which needs one to take: name a generator with "
            "--start-from"
        )
    base, upsampler = _starts(wanted.start_from) if wanted.start_from else (None, None)
    run = settings.VAR_DIR / "training" / wanted.name
    known = base.conditions.vocabulary if base else None
    fine_datasets = wanted.fine_datasets or wanted.datasets
    coarse = fine = None
    if course.images != 0:
        coarse = gather(
            wanted.datasets, BASE_FRAME, enlarge=True, vocabulary=known, on_step=on_step
        )
    if course.fine_images != 0:
        fine = gather(fine_datasets, FINE_FRAME, enlarge=False, on_step=on_step)
    origin = _origin(wanted, [each for each in (coarse, fine) if each])
    hide = BaseStage.hide if course.prompt_dropout is None else course.prompt_dropout
    coarse_recipe = fine_recipe = None
    if coarse:
        coarse_recipe = course.recipe(recipe, images=course.images, gathered=len(coarse.data))
        stage = BaseStage(coarse.data, coarse.vocabulary, base, hide=hide)
        base = train(stage, coarse_recipe, run, device=chosen, on_progress=on_progress)
    if fine:
        usual = replace(recipe, images=FINE_IMAGES, learning_rate=FINE_RATE)
        fine_recipe = course.recipe(usual, images=course.fine_images, gathered=len(fine.data))
        upsampler = train(
            UpsamplerStage(fine.data, upsampler),
            fine_recipe,
            run,
            device=chosen,
            on_progress=on_progress,
        )
    assert base is not None  # neither is left as it is without one to begin with
    assert upsampler is not None
    target = OWN_WEIGHTS / wanted.name
    if not PartialState().is_main_process:  # of several that `accelerate launch` started
        return target
    if coarse_recipe:
        lessons = min(LESSONS, 10 * coarse_recipe.images // coarse_recipe.batch)
        teach_reader(base.conditions, seed=recipe.seed, steps=lessons)
    card = render_to_string(
        "generation/model_card.md",
        {
            "name": wanted.name,
            "start_from": wanted.start_from,
            "date": date.today(),
            "vocabulary": base.conditions.vocabulary,
            "datasets": wanted.datasets,
            "fine_datasets": fine_datasets,
            "coarse": coarse,
            "fine": fine,
            "recipe": coarse_recipe,
            "hide": hide,
            "fine_recipe": fine_recipe,
            "device": chosen,
            "one_in": HELD_OUT,
            "weights": sum(
                p.numel() for network in (base, upsampler) for p in network.parameters()
            ),
        },
    )
    save_cascade(target, base, upsampler, card, origin)
    sheet_of_entities(CascadeGenerator(wanted.name, target, chosen)).save(run / "contact_sheet.png")
    return target


def _origin(wanted: Wanted, gathered: Sequence[Gathered]) -> WeightsOrigin:
    """Return what the weights to come are made of: the data, and what they begin with."""
    sources = {name for each in gathered for name in each.datasets}
    licences = {licence for each in gathered for licence in each.licences}
    if wanted.start_from:
        before = origin_of(find_weights(wanted.start_from, OWN_WEIGHTS))
        sources |= {*before.trained_on}
        licences.add(before.licence)
    return WeightsOrigin(tuple(sorted(sources)), licence_of(wanted.licence, licences))


def _starts(name: str) -> tuple[BaseNetwork, UNet2DModel]:
    """Return both networks of the generator `name`, to be trained further."""
    base, upsampler = load_cascade(find_weights(name, OWN_WEIGHTS))
    entities = base.conditions.vocabulary.entities
    if entities != tuple(ENTITIES):
        raise GenerationError(
            f"generator '{name}' makes {', '.join(entities)}; start from one that makes "
            f"{', '.join(ENTITIES)}, in that order"
        )
    return base, upsampler
