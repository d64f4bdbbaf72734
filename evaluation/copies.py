"""Suspected copies as a service: which generated images resemble a photograph too much."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet

from evaluation.audit_trail import record_event
from evaluation.catalogue import open_original
from evaluation.errors import EvaluationError
from evaluation.likeness import COPY, PhotographIndex, shrunk
from evaluation.models import Image, Origin

STORED = settings.VAR_DIR / "likeness.npz"  # may be deleted; it is made anew

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Compared:
    """What a comparison found: how many images were compared with how many photographs."""

    images: int
    photographs: int
    suspected: int


def find_copies(
    images: QuerySet[Image], on_step: OnStep | None = None, *, again: bool = False
) -> Compared:
    """Compare generated images with all photographs of the catalogue, and mark suspected copies.

    Images that were compared before are passed over, so that a stopped run goes on. Photographs
    that an open study hides take part: whoever runs this must see them.

    Args:
        images: generated ones; real ones are passed over.
        on_step: told how many photographs of how many are read, then the same of the images.
        again: compare those that were compared before, too; a released copy is marked anew.

    Raises:
        EvaluationError: an original is gone or broken.
    """
    fresh = images.filter(origin=Origin.SYNTHETIC).order_by("pk")
    if not again:
        fresh = fresh.filter(likeness=None)
    total = fresh.count()
    photographs = list(
        Image.objects.filter(origin=Origin.REAL, dataset__phantom=False).order_by("sha256")
    )
    if not total or not photographs:
        return Compared(0, len(photographs), 0)
    index = _index_of(photographs, on_step)
    suspected = 0
    for done, image in enumerate(fresh.iterator(100), start=1):
        nearest = index.nearest(open_original(image))
        image.resembles = photographs[nearest.index]
        image.likeness = nearest.likeness
        image.suspected_copy = nearest.likeness >= COPY
        image.save(update_fields=["resembles", "likeness", "suspected_copy"])
        suspected += image.suspected_copy
        if on_step:
            on_step(done, total)
    return Compared(total, len(photographs), suspected)


def release_copy(image: Image, *, reason: str, actor: User | None = None) -> None:
    """Let an image into studies that was suspected to be a copy: somebody has looked at it.

    Raises:
        EvaluationError: it is not suspected, or no reason is given.
    """
    if not image.suspected_copy:
        raise EvaluationError(f"{image} is not suspected to be a copy")
    if not reason.strip():
        raise EvaluationError("say why this image is no copy")
    image.suspected_copy = False
    image.save(update_fields=["suspected_copy"])
    record_event("release_copy", actor=actor, image=image.sha256, reason=reason.strip())


def _index_of(photographs: list[Image], on_step: OnStep | None) -> PhotographIndex:
    """Return the index of these photographs, made before or now."""
    key = hashlib.sha256("".join(each.sha256 for each in photographs).encode()).hexdigest()
    if stored := PhotographIndex.load(STORED, key):
        return stored
    index = PhotographIndex()
    with ThreadPoolExecutor() as pool:
        small = pool.map(lambda each: shrunk(open_original(each)), photographs)
        for done, pixels in enumerate(small, start=1):
            index.add(pixels)
            if on_step:
                on_step(done, len(photographs))
    index.save(STORED, key)
    return index
