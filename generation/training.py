"""Training as a service: images of the catalogue in, a generator of one's own out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from accelerate import PartialState
from diffusers import UNet2DModel
from django.conf import settings
from django.template.loader import render_to_string

from evaluation.catalogue import TrainingImage, images_for_training, open_original
from evaluation.entities import ENTITIES
from evaluation.models import Image
from generation.batches import OWN_WEIGHTS
from generation.engine.cascade.files import load_cascade, save_cascade
from generation.engine.cascade.generator import CascadeGenerator
from generation.engine.cascade.networks import BaseNetwork
from generation.engine.contact_sheet import contact_sheet
from generation.engine.devices import choose_device
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.registry import find_weights
from generation.engine.training.loop import Progress, Recipe, train
from generation.engine.training.pixels import LabelledPixels, shrink
from generation.engine.training.reader import LESSONS, teach_reader
from generation.engine.training.stages import BaseStage, UpsamplerStage
from generation.engine.vocabulary import SEXES, Vocabulary

BASE_FRAME = (96, 72)  # px; crops of 64 wander in it
FINE_FRAME = (341, 256)  # px; smaller images hold no texture for the upsampler to learn
ENOUGH = 20  # images from which an attribute, or a site, can be learnt
HELD_OUT = 20  # one lesion in so many is never trained on

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Gathered:
    """Training data, with what was left out."""

    data: LabelledPixels
    vocabulary: Vocabulary
    left_out: int  # of lesions on the other side of the split
    too_small: int


def is_held_out(lesion: str) -> bool:
    """Tell whether all images of a lesion are kept from training, now and in every later run."""
    return int(hashlib.sha256(lesion.encode()).hexdigest(), 16) % HELD_OUT == 0


def gather(
    datasets: Sequence[str],
    frame: tuple[int, int],
    *,
    enlarge: bool,
    unseen: bool = False,
    vocabulary: Vocabulary | None = None,
    on_step: OnStep | None = None,
) -> Gathered:
    """Decode and shrink the real images of `datasets` to `frame` (width, height).

    Args:
        datasets: names; all real images of the catalogue where there are none.
        frame: in px.
        enlarge: take images that are smaller than the frame, too.
        vocabulary: of a generator to be trained further; else that of the images.
        unseen: take the held-out lesions and leave out all others, to test a generator on.
        on_step: told how far it is.

    Raises:
        GenerationError: nothing is left to train on.
    """
    taken: list[TrainingImage] = []
    left_out = too_small = 0
    for each in images_for_training(datasets):
        if each.entity not in ENTITIES:
            continue  # a diagnosis that the catalogue adds
        long, short = sorted((each.image.width, each.image.height), reverse=True)
        if not enlarge and (long < frame[0] or short < frame[1]):
            too_small += 1
        elif is_held_out(each.lesion) != unseen:
            left_out += 1
        else:
            taken.append(each)
    if not taken:
        raise GenerationError(
            f"no image of at least {frame[0]} x {frame[1]} px to train on in "
            f"{', '.join(datasets) or 'the catalogue'}; import some, or name other datasets"
        )
    pixels = np.empty((len(taken), frame[1], frame[0], 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        shrunk = pool.map(lambda each: shrink(open_original(each.image), *frame), taken)
        for k, image in enumerate(shrunk):
            pixels[k] = image
            if on_step:
                on_step(k + 1, len(taken))
    known = vocabulary or learnable(taken)
    rows = np.array([_rows(known, each.image) for each in taken])
    return Gathered(LabelledPixels(pixels, rows), known, left_out, too_small)


def learnable(images: Sequence[TrainingImage]) -> Vocabulary:
    """Return what a generator can learn to be asked for from `images`."""
    sites = Counter(_site(each.image) for each in images)
    counts = {
        "sex": sum(each.image.sex in SEXES for each in images),
        "age": sum(each.image.age is not None for each in images),
        "tone": sum(each.image.skin_tone is not None for each in images),
    }
    known = tuple(sorted(site for site, count in sites.items() if site and count >= ENOUGH))
    attributes = [name for name, count in counts.items() if count >= ENOUGH]
    if known:
        attributes.append("site")
    return Vocabulary(tuple(ENTITIES), known, tuple(sorted(attributes)))


def _site(image: Image) -> str:
    site = image.site.replace("_", " ").lower()
    return "" if site == "unknown" else site


def _rows(known: Vocabulary, image: Image) -> list[int]:
    """Return an image's row of each attribute's table; what is not known of it is left open."""
    site = _site(image)
    return known.rows(
        ImageRequest(
            entity=image.entity,
            seed=0,
            sex=image.sex if image.sex in SEXES else None,
            age=image.age,
            site=site if site in known.sites else None,
            tone=image.skin_tone,
        )
    )


def train_generator(
    *,
    name: str,
    datasets: Sequence[str],
    fine_datasets: Sequence[str],
    recipe: Recipe,
    fine_recipe: Recipe,
    start_from: str = "",
    device: str = "auto",
    on_step: OnStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train both stages and put the generator where `generate_batch --generator NAME` finds it.

    A run that was stopped goes on where it was: checkpoints stand in `var/training/NAME`.

    Args:
        start_from: a generator whose weights to begin with, which is fine-tuning; else chance.

    Returns:
        The directory of the weights, with a model card; a contact sheet lies beside the
        checkpoints.

    Raises:
        GenerationError: no images to train on, or no such device.
        FloatingPointError: training diverged; the last checkpoint is whole.
    """
    chosen = str(choose_device(device))
    base_start, fine_start = _starts(start_from) if start_from else (None, None)
    run = settings.VAR_DIR / "training" / name
    known = base_start.conditions.vocabulary if base_start else None
    coarse = gather(datasets, BASE_FRAME, enlarge=True, vocabulary=known, on_step=on_step)
    fine = gather(fine_datasets or datasets, FINE_FRAME, enlarge=False, on_step=on_step)
    base = train(
        BaseStage(coarse.data, coarse.vocabulary, base_start),
        recipe,
        run,
        device=chosen,
        on_progress=on_progress,
    )
    upsampler = train(
        UpsamplerStage(fine.data, fine_start),
        fine_recipe,
        run,
        device=chosen,
        on_progress=on_progress,
    )
    target = OWN_WEIGHTS / name
    if not PartialState().is_main_process:  # of several that `accelerate launch` started
        return target
    lessons = min(LESSONS, 10 * recipe.images // recipe.batch)
    teach_reader(base.conditions, seed=recipe.seed, steps=lessons)
    card = render_to_string(
        "generation/model_card.md",
        {
            "name": name,
            "start_from": start_from,
            "date": date.today(),
            "vocabulary": coarse.vocabulary,
            "datasets": datasets,
            "fine_datasets": fine_datasets or datasets,
            "coarse": coarse,
            "fine": fine,
            "recipe": recipe,
            "fine_recipe": fine_recipe,
            "device": chosen,
            "one_in": HELD_OUT,
            "weights": sum(
                p.numel() for network in (base, upsampler) for p in network.parameters()
            ),
        },
    )
    save_cascade(target, base, upsampler, card)
    _write_sheet(CascadeGenerator(name, target, chosen), run / "contact_sheet.png")
    return target


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


def _write_sheet(generator: CascadeGenerator, path: Path, across: int = 4) -> None:
    requests = [
        ImageRequest(entity=entity, seed=seed)
        for entity in generator.entities
        for seed in range(across)
    ]
    images = generator.generate(requests)
    rows = [images[first : first + across] for first in range(0, len(images), across)]
    contact_sheet(rows).save(path)
