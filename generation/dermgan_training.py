"""Training a `dermgan` as a service: photographs with lesion masks in, a painter out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from accelerate import PartialState
from django.conf import settings
from django.template.loader import render_to_string

from evaluation.entities import ENTITIES
from generation.batches import OWN_WEIGHTS
from generation.engine.contact_sheet import sheet_of_entities
from generation.engine.dermgan.files import Painting, load_painting, save_painting
from generation.engine.dermgan.generator import DermGanGenerator
from generation.engine.dermgan.networks import Shape
from generation.engine.devices import choose_device
from generation.engine.generator import GenerationError
from generation.engine.registry import find_weights
from generation.engine.training.contest import FRAME, Contest, ContestStage, coloured, colouring_of
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.presets import Course, Wanted
from generation.gathering import HELD_OUT, OnStep, gather
from generation.licences import licence_of

#: What holds where nothing is asked for. A contest is not to remember where it was heading.
USUAL = Recipe(images=200_000, batch=8, learning_rate=3e-4, momentum=0.5, ema=0.996, clip=1000.0)


def train_dermgan(
    wanted: Wanted,
    course: Course,
    recipe: Recipe,
    *,
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a painter and its critic; see `train_generator`."""
    chosen = str(choose_device(device))
    if course.fine_images is not None or wanted.fine_datasets or course.prompt_dropout is not None:
        raise GenerationError(
            "a dermgan has one stage and reads no prompts; leave --fine-images, --fine-dataset and "
            "--prompt-dropout out"
        )
    if course.images == 0:
        raise GenerationError("0 images leave the only network as it is; train on more")
    before = None
    if wanted.start_from:
        before = load_painting(find_weights(wanted.start_from, OWN_WEIGHTS), critic=True)
    entities = before.entities if before else tuple(ENTITIES)
    gathered = gather(wanted.datasets, FRAME, enlarge=True, masked=True, on_step=on_step)
    data, uneven = coloured(gathered.data)
    if not len(data.data):
        raise GenerationError("no image shows both skin and lesion; look at the masks")
    usual = replace(
        recipe,
        **{
            name: getattr(USUAL, name)
            for name in ("images", "batch", "learning_rate", "momentum", "ema", "clip")
        },
    )
    run = course.recipe(usual, images=course.images, gathered=len(data.data))
    shape = before.shape if before else Shape(len(entities))
    start = Contest(before.painter, before.critic) if before and before.critic else None
    folder = settings.VAR_DIR / "training" / wanted.name
    stage = ContestStage(data, shape, start)
    contest = train(stage, run, folder, device=chosen, on_progress=on_progress)
    target = OWN_WEIGHTS / wanted.name
    if not PartialState().is_main_process:  # of several that `accelerate launch` started
        return target
    sources, licences = set(gathered.datasets), set(gathered.licences)
    if before:
        sources |= {*before.trained_on}
        licences.add(before.licence)
    painting = Painting(
        contest.painter,
        contest.critic,
        shape,
        entities,
        before.colouring if before else colouring_of(data, entities),
        tuple(sorted(sources)),
        licence_of(wanted.licence, licences),
    )
    card = render_to_string(
        "generation/dermgan_card.md",
        {
            "name": wanted.name,
            "start_from": wanted.start_from,
            "date": date.today(),
            "entities": entities,
            "datasets": wanted.datasets,
            "images": len(data.data),
            "uneven": uneven,
            "gathered": gathered,
            "recipe": run,
            "device": chosen,
            "one_in": HELD_OUT,
            "weights": sum(p.numel() for p in contest.painter.parameters()),
        },
    )
    save_painting(target, painting, card)
    sheet = sheet_of_entities(DermGanGenerator(wanted.name, target, chosen))
    sheet.save(folder / "contact_sheet.png")
    return target
