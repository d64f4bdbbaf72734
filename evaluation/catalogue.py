"""The catalogue as services: the one door by which images come in and their pixels go out."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Count
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo

from evaluation.decoding import decode
from evaluation.errors import EvaluationError
from evaluation.hiding import store_of
from evaluation.models import Dataset, Image, Origin
from evaluation.seal import canonical


def get_dataset(name: str) -> Dataset:
    """Return the dataset called `name`.

    Raises:
        EvaluationError: there is none; the message names those that there are.
    """
    try:
        return Dataset.objects.get(name=name)
    except Dataset.DoesNotExist:
        known = ", ".join(Dataset.objects.values_list("name", flat=True)) or "none yet"
        raise EvaluationError(f"dataset '{name}' does not exist; there are: {known}") from None


def store_original(content: bytes, suffix: str) -> tuple[str, bool]:
    """Store bytes privately under their SHA-256; the same bytes are stored once.

    Returns:
        The name in the store, and whether it was not there before.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{sha256[:2]}/{sha256}{suffix}"
    store = storages["originals"]
    if store.exists(name):
        return name, False
    return store.save(name, ContentFile(content)), True


def add_synthetic_image(
    *,
    pixels: np.ndarray,
    name: str,
    entity: str,
    generator: str,
    revision: str,
    recipe: dict[str, object],
    licence: str,
) -> Image:
    """Put a generated image into the catalogue: its file first, its row second.

    The file says where it comes from, for those who get it by another way; a stimulus that is made
    from it does not. Identical content that is there already is returned as it is, so a repeated
    run is harmless.

    Args:
        pixels: (height, width, 3) uint8, sRGB.
        recipe: what was asked of the generator (seed, guidance, steps, prompt), as JSON values.
    """
    provenance = {
        "made": "by AI",
        "entity": entity,
        "generator": generator,
        "revision": revision,
        "recipe": recipe,
        "licence": licence,
        "software": f"DermTuring {settings.VERSION}",
    }
    said = PngInfo()
    said.add_itxt("provenance", canonical(provenance).decode())
    out = BytesIO()
    PillowImage.fromarray(pixels).save(out, "PNG", compress_level=1, pnginfo=said)
    file, _ = store_original(out.getvalue(), ".png")
    image, _ = Image.objects.get_or_create(
        sha256=hashlib.sha256(out.getvalue()).hexdigest(),
        defaults={
            "name": name,
            "origin": Origin.SYNTHETIC,
            "entity": entity,
            "generator": generator,
            "generator_revision": revision,
            "recipe": recipe,
            "licence": licence,
            "file": file,
            "height": pixels.shape[0],
            "width": pixels.shape[1],
        },
    )
    return image


def open_original(image: Image) -> PillowImage.Image:
    """Return an original's pixels, decoded.

    Raises:
        EvaluationError: its file is gone or broken.
    """
    try:
        name = str(image.file.name)
        with store_of(name).open(name) as file:
            return decode(file.read())
    except (OSError, EvaluationError) as problem:
        raise EvaluationError(f"{image}: the original {image.file.name} {problem}") from problem


@dataclass(frozen=True)
class TrainingImage:
    """A real image as training sees it; `lesion` groups images that must not be split."""

    image: Image
    entity: str
    lesion: str


def images_for_training(datasets: Sequence[str] = ()) -> Iterator[TrainingImage]:
    """Yield the real images of the named datasets (of all, if none is named), in a fixed order."""
    images = Image.objects.filter(origin=Origin.REAL).order_by("sha256")
    if datasets:
        images = images.filter(dataset__in=[get_dataset(name) for name in datasets])
    for image in images:
        yield TrainingImage(image, image.entity, image.lesion or image.name)


def counts_by_entity() -> dict[str, Counter[str]]:
    """Return how many images the catalogue holds, by source (dataset or generator) and entity."""
    rows = Image.objects.values_list("dataset__name", "generator", "entity").annotate(n=Count("pk"))
    counts: dict[str, Counter[str]] = {}
    for dataset, generator, entity, n in rows:
        counts.setdefault(dataset or generator, Counter())[entity] += n
    return counts
