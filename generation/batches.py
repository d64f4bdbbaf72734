"""Batches as services: plan, claim, make, record; every part can be stopped and gone on with."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evaluation.catalogue import add_synthetic_image
from evaluation.entities import ENTITIES
from generation.engine.generator import GenerationError, Generator, ImageRequest
from generation.engine.registry import generator_names
from generation.models import Batch, PlannedImage

OWN_WEIGHTS = settings.VAR_DIR / "weights"
LEASE = timedelta(minutes=10)  # a claim of a process that died falls back after it

OnStep = Callable[[int, int], None]


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
    guidance: float = ImageRequest.guidance,
    steps: int = ImageRequest.steps,
    actor: User | None = None,
) -> Batch:
    """Plan `per_entity` images of each entity, or return the batch that planned just that.

    Raises:
        GenerationError: an unknown generator or entity, or a number that makes no sense.
    """
    chosen = list(dict.fromkeys(entities)) or list(ENTITIES)
    if unknown := sorted(set(chosen) - set(ENTITIES)):
        raise GenerationError(f"entity '{unknown[0]}' is unknown; use one of {', '.join(ENTITIES)}")
    if generator not in (names := generator_names(OWN_WEIGHTS)):
        raise GenerationError(
            f"generator '{generator}' is unknown; there are: {', '.join(names) or 'none yet'}"
        )
    for what, value, least in (("images per entity", per_entity, 1), ("steps", steps, 2)):
        if value < least:
            raise GenerationError(f"{what} is {value}; use at least {least}")
    if guidance < 1:
        raise GenerationError(f"guidance is {guidance}; use 1 (none) or more")
    plan = {
        "generator": generator,
        "entities": chosen,
        "per_entity": per_entity,
        "seed": seed,
        "guidance": guidance,
        "steps": steps,
    }
    if standing := Batch.objects.filter(**plan).first():
        return standing
    batch = Batch.objects.create(**plan, created_by=actor)
    PlannedImage.objects.bulk_create(
        PlannedImage(batch=batch, index=index, entity=entity, seed=image_seed(seed, entity, number))
        for index, (entity, number) in enumerate(
            (entity, number) for entity in chosen for number in range(per_entity)
        )
    )
    return batch


def get_batch(pk: int | None) -> Batch:
    """Return a batch by its number; the newest unfinished one where none is given.

    Raises:
        GenerationError: there is none.
    """
    batches = Batch.objects.all()
    if pk is None:
        batch = batches.filter(planned__image=None).order_by("-pk").first()
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


def run_batch(batch: Batch, generator: Generator, on_step: OnStep | None = None) -> int:
    """Make what is still to be made, `compute_batch` images at a time.

    Several processes may run the same batch: each claims its images, and a claim of a process
    that died falls back after a while.

    Returns:
        How many images this call made.

    Raises:
        GenerationError: the batch was begun with another revision of the generator.
    """
    _settle_revision(batch, generator)
    made = 0
    while claimed := _claim(batch, generator.compute_batch):
        try:
            requests = [
                ImageRequest(
                    entity=planned.entity,
                    seed=planned.seed,
                    guidance=batch.guidance,
                    steps=batch.steps,
                )
                for planned in claimed
            ]
            images = generator.generate(requests)
            with transaction.atomic():
                for planned, request, pixels in zip(claimed, requests, images, strict=True):
                    planned.image = add_synthetic_image(
                        pixels=pixels,
                        name=f"{generator.name}-{batch.pk}-{planned.index}",
                        entity=planned.entity,
                        generator=generator.name,
                        revision=generator.revision,
                        licence=generator.licence,
                        recipe={
                            "label": request.entity,
                            "seed": request.seed,
                            "steps": request.steps,
                            "guidance": request.guidance,
                            "size": request.size,
                        },
                    )
                PlannedImage.objects.bulk_update(claimed, ["image"])
        except BaseException:  # Ctrl-C too: others may take these images up at once
            PlannedImage.objects.filter(pk__in=[p.pk for p in claimed]).update(claimed_until=None)
            raise
        made += len(claimed)
        if on_step:
            on_step(*progress_of(batch))
    return made


def _settle_revision(batch: Batch, generator: Generator) -> None:
    """Let the first process fix the revision, so that a batch is never made by two."""
    Batch.objects.filter(pk=batch.pk, revision="").update(revision=generator.revision)
    batch.refresh_from_db()
    if batch.revision != generator.revision:
        raise GenerationError(
            f"batch {batch.pk} was begun with revision {batch.revision} of '{batch.generator}', "
            f"this is {generator.revision} (other weights, device or version); start a new batch "
            "with another --seed"
        )


@transaction.atomic
def _claim(batch: Batch, count: int) -> list[PlannedImage]:
    """Take the next images that nobody works on."""
    now = timezone.now()
    claimed = list(
        batch.planned.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), image=None)
        .order_by("index")
        .select_for_update(skip_locked=True)[:count]
    )
    PlannedImage.objects.filter(pk__in=[planned.pk for planned in claimed]).update(
        claimed_until=now + LEASE
    )
    return claimed
