"""Batches as services: plan, claim, make, record; every part can be stopped and gone on with."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from evaluation.catalogue import NewImage, add_synthetic_images
from evaluation.models import Image
from generation import claims
from generation.engine.generator import GenerationError, Generator, ImageRequest
from generation.engine.lesions import mask_of
from generation.engine.making import InThread, Maker
from generation.engine.prompts import entity_in
from generation.engine.registry import (
    CASCADE,
    keep_generator,
    kind_of,
    load_generator,
    vocabulary_of,
)
from generation.engine.vocabulary import Vocabulary, check_solving
from generation.models import Batch, PlannedImage

OWN_WEIGHTS = settings.VAR_DIR / "weights"
MOST_SIZE = 4096  # px
LARGEST_SEED = 2**63 - 1  # of PostgreSQL's integers
COPIED_SEED = 10**9  # seeds from here on were not counted up to, but taken from an image

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What is asked of every image of a batch beside entity and tone; see `ImageRequest`.

    The lesion is as lesions.py writes it down: a mask is made of it for each image.
    """

    prompt: str | None = None
    sex: str | None = None
    age: float | None = None
    site: str | None = None
    lesion: str | None = None

    def as_json(self) -> dict[str, str | float]:
        """Return what is given."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def request(
        self, entity: str, seed: int, size: int = ImageRequest.size, tone: float | None = None
    ) -> ImageRequest:
        """Return what is asked of one image.

        Raises:
            GenerationError: the lesion is none.
        """
        told = {key: value for key, value in asdict(self).items() if key != "lesion"}
        lesion = mask_of(self.lesion, seed, size) if self.lesion else None
        return ImageRequest(entity=entity, seed=seed, size=size, tone=tone, lesion=lesion, **told)


def image_seed(seed: int, entity: str, number: int) -> int:
    """Return the seed of the `number`-th image of an entity: stable, however the batch is cut."""
    block = hashlib.sha256(f"{seed}|{entity}|{number}".encode()).digest()
    return int.from_bytes(block[:8], "big") >> 1  # PostgreSQL's integers have a sign


@transaction.atomic
def plan_batch(
    *,
    generator: str,
    per_entity: int,
    entities: Sequence[str] = (),
    seed: int = 0,
    asked: Asked | None = None,
    tones: Sequence[float] = (),
    guidance: float | None = None,
    steps: int | None = None,
    size: int = ImageRequest.size,
    consecutive: bool = False,
    actor: User | None = None,
) -> Batch:
    """Plan `per_entity` images of each entity, or return the batch that planned just that.

    Args:
        entities: codes; where there are none, the one that a prompt names, else all.
        asked: of every image beside its entity and tone.
        tones: of the skin, in degrees. The images of each entity are dealt to them in turn, so that
            every entity has as many of each tone, and so has the batch, but for one; none: any.
        consecutive: let the images of an entity have the seeds `seed`, `seed` + 1 and so on, so
            that one of them can be asked for again; else each seed is drawn from `seed`.
        size: side of the images in px; what a pipeline paints is brought to it.

    Raises:
        GenerationError: an unknown generator, entity or value, or a number that makes no sense.
    """
    known = vocabulary_of(generator, OWN_WEIGHTS)
    told = asked or Asked()
    named = entity_in(told.prompt, known.entities) if told.prompt and not entities else None
    if told.prompt and not entities and not named:
        raise GenerationError(
            f"the prompt '{told.prompt}' names no diagnosis that is known; put one in, or name it "
            "with --entity"
        )
    chosen = [named] if named else list(dict.fromkeys(entities)) or list(known.entities)
    wanted = list(dict.fromkeys(float(tone) for tone in tones))
    for entity in chosen:
        for tone in wanted or (None,):
            known.check(told.request(entity, 0, tone=tone))
    if not 0 <= seed <= (most := LARGEST_SEED - per_entity):
        raise GenerationError(f"seed is {seed}; use 0 to {most}")
    for what, value, least in (
        ("images per entity", per_entity, 1),
        ("size", size, 32),
    ):
        if value < least:
            raise GenerationError(f"{what} is {value}; use at least {least}")
    if per_entity < len(wanted):
        raise GenerationError(
            f"{per_entity} images per entity are too few for {len(wanted)} tones; use at least "
            f"{len(wanted)}"
        )
    if size > MOST_SIZE:
        raise GenerationError(f"size is {size}; use at most {MOST_SIZE}")
    if size != ImageRequest.size and kind_of(generator, OWN_WEIGHTS) == CASCADE:
        raise GenerationError(
            f"'{generator}' makes images of {ImageRequest.size} px, not {size}; another size is "
            "for pipelines and dermgan"
        )
    check_solving(guidance, steps)
    if not known.solved and (guidance, steps) != (None, None):
        raise GenerationError(
            f"'{generator}' paints at once; leave guidance and steps out, or choose a generator "
            "that honours them"
        )
    plan = {
        "generator": generator,
        "entities": chosen,
        "per_entity": per_entity,
        "seed": seed,
        "asked": told.as_json(),
        "tones": wanted,
        "guidance": guidance,
        "steps": steps,
        "size": size,
        "consecutive": consecutive,
    }
    if standing := Batch.objects.filter(**plan).first():
        return standing
    batch = Batch.objects.create(**plan, created_by=actor)
    PlannedImage.objects.bulk_create(
        PlannedImage(
            batch=batch,
            index=index,
            entity=entity,
            seed=seed + number if consecutive else image_seed(seed, entity, number),
            tone=wanted[index % len(wanted)] if wanted else None,
        )
        for index, (entity, number) in enumerate(
            (entity, number) for entity in chosen for number in range(per_entity)
        )
    )
    return batch


def stop_batch(batch: Batch) -> None:
    """Begin nothing more of a batch; what is begun is finished."""
    Batch.objects.filter(pk=batch.pk).update(stopped=True)


@transaction.atomic
def forget_batch(batch: Batch) -> None:
    """Take a batch away of which nothing is made or being made; leave any other as it is."""
    planned = batch.planned.select_for_update()  # nobody claims any meanwhile
    if all(each.image_id is None and each.claimed_until is None for each in planned):
        batch.delete()


def next_seed(generator: str) -> int:
    """Return the first seed after all that consecutive batches of a generator have used."""
    used = PlannedImage.objects.filter(
        batch__generator=generator, batch__consecutive=True, seed__lt=COPIED_SEED
    )
    return (used.aggregate(last=Max("seed"))["last"] or 0) + 1


def get_batch(pk: int | None) -> Batch:
    """Return a batch by its number; the newest unfinished one where none is given.

    Raises:
        GenerationError: there is none.
    """
    batches = Batch.objects.all()
    if pk is None:
        batch = batches.filter(planned__image=None, stopped=False).order_by("-pk").first()
        if batch is None:
            raise GenerationError(
                "no batch is unfinished; start one with --generator and --per-entity"
            )
        return batch
    batch = batches.filter(pk=pk).first()
    if batch is None:
        known = ", ".join(map(str, batches.values_list("pk", flat=True)[:10])) or "none yet"
        raise GenerationError(f"batch {pk} does not exist; there are: {known}")
    return batch


def progress_of(batch: Batch) -> tuple[int, int]:
    """Return how many images of a batch are made, and how many there will be."""
    return batch.planned.exclude(image=None).count(), batch.planned.count()


def images_of(batch: Batch) -> QuerySet[Image]:
    """Return the images of a batch that are made, less those of studies that are open."""
    made = batch.planned.exclude(image=None).values("image")
    return Image.objects.filter(pk__in=made, sealed=False)


@dataclass(frozen=True)
class Way:
    """How a batch is painted; all of it decides pixels, so a batch keeps the way it was begun in.

    Attributes:
        compute_batch: images at once; None takes what suits the device.
        compiled: whether the networks are compiled.
        fit: whether to halve the images at once until they fit into memory.
    """

    compute_batch: int | None = None
    compiled: bool = False
    fit: bool = True


def way_of(batch: Batch, compute_batch: int | None = None, compiled: bool = False) -> Way:
    """Return the way a batch was begun in; one that was not begun is begun as it is asked for.

    Raises:
        GenerationError: it was begun in another way.
    """
    if not batch.revision:
        return Way(compute_batch, compiled)
    if compute_batch is None:
        compute_batch = batch.compute_batch
    _check_begun(batch, compute_batch, compiled or batch.compiled)
    return Way(batch.compute_batch, batch.compiled, fit=False)


def generator_for(
    batch: Batch,
    *,
    device: str = "auto",
    compute_batch: int | None = None,
    compiled: bool = False,
    keep: bool = False,
) -> Generator:
    """Load the generator of a batch into this process, ready to paint in the batch's way.

    Args:
        keep: take the one that this process has loaded already, and leave it loaded.

    Raises:
        GenerationError: it cannot be loaded, does not fit, or the batch was begun in another way.
    """
    way = way_of(batch, compute_batch, compiled)
    load = keep_generator if keep else load_generator
    generator = load(batch.generator, OWN_WEIGHTS, device, way.compute_batch, way.compiled)
    if way.fit:
        generator.fit()
        _settle_revision(batch, generator)
    return generator


def run_batch(batch: Batch, generator: Generator, on_step: OnStep | None = None) -> int:
    """Make what is still to be made with a generator of this process; see `run_batch_with`."""
    with InThread(generator) as maker:
        return run_batch_with(batch, maker, on_step)


def run_batch_with(batch: Batch, maker: Maker, on_step: OnStep | None = None) -> int:
    """Make what is still to be made, `compute_batch` images a call.

    Several processes may run the same batch: each claims its images, and what a process claimed
    that is dead, others take up.

    Returns:
        How many images this call made.

    Raises:
        GenerationError: the batch was begun with another revision of the generator.
    """
    _settle_revision(batch, maker)
    made = 0
    known = vocabulary_of(batch.generator, OWN_WEIGHTS)
    numbers = count()
    under_way: dict[int, _Claimed] = {}

    def begin() -> None:
        while maker.has_room and (claimed := _begin(batch, known, maker.compute_batch)):
            under_way[number := next(numbers)] = claimed
            maker.submit(number, claimed.requests)

    renewed = timezone.now()
    try:
        begin()
        while under_way:
            finished = maker.collect(claims.RENEWAL.total_seconds())
            begin()  # the next images are made while the last are recorded
            if finished:
                number, images = finished
                _record(batch, maker, under_way[number], images)
                made += len(under_way.pop(number).planned)
                if on_step:
                    on_step(*progress_of(batch))
            if timezone.now() - renewed >= claims.RENEWAL:
                renewed = timezone.now()
                claims.renew(_planned(under_way))
    except BaseException:  # Ctrl-C too: others may take these images up at once
        claims.release(_planned(under_way))
        raise
    return made


@dataclass(frozen=True)
class _Claimed:
    """Planned images that this process has claimed, and what is asked of each."""

    planned: list[PlannedImage]
    requests: list[ImageRequest]


def _begin(batch: Batch, known: Vocabulary, size: int) -> _Claimed | None:
    """Claim the next images; None if nothing is left."""
    claimed = claims.claim(batch, size)
    if not claimed:
        return None
    asked = Asked(**batch.asked)
    requests = [
        known.settled(
            replace(
                asked.request(planned.entity, planned.seed, batch.size, planned.tone),
                guidance=batch.guidance,
                steps=batch.steps,
            )
        )
        for planned in claimed
    ]
    return _Claimed(claimed, requests)


@transaction.atomic
def _record(batch: Batch, maker: Maker, made: _Claimed, images: Sequence[np.ndarray]) -> None:
    """Put images into the catalogue that others have not made meanwhile, and note it."""
    missing = claims.still_missing(made.planned)
    parts = [
        part
        for part in zip(made.planned, made.requests, images, strict=True)
        if part[0].pk in missing
    ]
    new = [
        NewImage(
            pixels=pixels,
            name=f"{maker.name}-{batch.pk}-{planned.index}",
            entity=planned.entity,
            recipe={
                "label": request.entity,
                "seed": request.seed,
                "size": request.size,
                **batch.asked,
                **{
                    name: value
                    for name in ("steps", "guidance", "tone")
                    if (value := getattr(request, name)) is not None
                },
            },
            sex=request.sex or "",
            age=request.age,
            site=request.site or "",
            skin_tone=request.tone,
        )
        for planned, request, pixels in parts
    ]
    added = add_synthetic_images(
        new,
        generator=maker.name,
        revision=maker.revision,
        licence=maker.licence,
        made_with=maker.settings(),
    )
    for (planned, _, _), image in zip(parts, added, strict=True):
        planned.image = image
    PlannedImage.objects.bulk_update([planned for planned, _, _ in parts], ["image"])


def _planned(under_way: Mapping[int, _Claimed]) -> list[PlannedImage]:
    return [planned for claimed in under_way.values() for planned in claimed.planned]


def _settle_revision(batch: Batch, maker: Maker | Generator) -> None:
    """Let the first process fix the revision, so that a batch is never made by two."""
    Batch.objects.filter(pk=batch.pk, revision="").update(
        revision=maker.revision,
        compute_batch=maker.compute_batch,
        compiled=maker.compiled,
        made_with=maker.settings(),
    )
    batch.refresh_from_db()
    _check_begun(batch, maker.compute_batch, maker.compiled)
    if batch.revision != maker.revision:
        raise GenerationError(
            f"batch {batch.pk} was begun with revision {batch.revision} of '{batch.generator}', "
            f"this is {maker.revision} (other weights, device or version); start a new batch "
            "with another --seed"
        )


def _check_begun(batch: Batch, compute_batch: int | None, compiled: bool) -> None:
    """Refuse to go on with a batch in another way than it was begun."""
    if (batch.compute_batch, batch.compiled) != (compute_batch, compiled):
        how = f"{batch.compute_batch} images at once, {'' if batch.compiled else 'not '}compiled"
        raise GenerationError(
            f"batch {batch.pk} was begun with {how}, which decides its pixels; go on with "
            f"--resume {batch.pk} alone, or start a new batch with another --seed"
        )
