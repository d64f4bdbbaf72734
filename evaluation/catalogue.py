"""The catalogue as services: the one door by which images come in and their pixels go out."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
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
from evaluation.skin.finding import METHOD, measured_tone

# Encoding and writing leave the interpreter's lock; starting threads for each batch costs 2 ms an
# image.
ENCODERS = ThreadPoolExecutor(thread_name_prefix="encode")


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

    Raises:
        EvaluationError: it cannot be written, for the disk is full or so; nothing is left of it.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{sha256[:2]}/{sha256}{suffix}"
    store = storages["originals"]
    if store.exists(name):
        return name, False
    try:
        return store.save(name, ContentFile(content)), True
    except OSError as problem:
        raise EvaluationError(
            f"the original {name} cannot be written ({problem.strerror}); "
            "make room or mend the store, then go on"
        ) from problem


@dataclass(frozen=True)
class NewImage:
    """A generated image that is to come into the catalogue.

    Attributes:
        pixels: (height, width, 3) uint8, sRGB.
        recipe: what was asked of the generator (seed, guidance, steps, prompt), as JSON values.
        sex, age, site, skin_tone: of the person shown, where they were asked for; which tone the
            skin has come to have is measured.
    """

    pixels: np.ndarray
    name: str
    entity: str
    recipe: Mapping[str, object]
    sex: str = ""
    age: float | None = None
    site: str = ""
    skin_tone: float | None = None


def add_synthetic_images(
    images: Sequence[NewImage],
    *,
    generator: str,
    revision: str,
    licence: str,
    made_with: Mapping[str, object],
) -> list[Image]:
    """Put generated images into the catalogue: their files first, their rows second.

    A file says where it comes from, for those who get it by another way; a stimulus that is made
    from it does not. Identical content that is there already is returned as it is, so a repeated
    run is harmless.

    Args:
        images: what was made.
        generator: its name.
        revision: of the generator: the hash of `made_with`.
        licence: of the images, as an SPDX expression.
        made_with: settings and weights of the generator, as JSON values.

    Returns:
        The catalogue's images, in the same order.

    Raises:
        EvaluationError: a file cannot be written, or a study that is open hides the same image;
            no row was written.
    """

    def stored(new: NewImage) -> tuple[str, str, bool]:
        provenance = {
            "made": "by AI",
            "entity": new.entity,
            "generator": generator,
            "revision": revision,
            "made_with": made_with,
            "recipe": new.recipe,
            "licence": licence,
            "software": f"DermTuring {settings.VERSION}",
        }
        content = encoded(new.pixels, canonical(provenance).decode())
        return hashlib.sha256(content).hexdigest(), *store_original(content, ".png")

    writing = [ENCODERS.submit(stored, new) for new in images]
    # Not in those threads, which encode and wait for the disk: numpy on few pixels holds the lock.
    tones = [measured_tone(PillowImage.fromarray(new.pixels)) for new in images]
    wait(writing)  # for all: one that is written after another has failed would be left behind
    if problem := next((failed for one in writing if (failed := one.exception())), None):
        for _, file, new_here in [one.result() for one in writing if not one.exception()]:
            if new_here:
                storages["originals"].delete(file)
        raise problem
    made = [one.result()[:2] for one in writing]
    Image.objects.bulk_create(
        [
            Image(
                name=new.name,
                origin=Origin.SYNTHETIC,
                entity=new.entity,
                generator=generator,
                generator_revision=revision,
                recipe=new.recipe,
                licence=licence,
                sex=new.sex,
                age=new.age,
                site=new.site,
                skin_tone=new.skin_tone,
                measured_tone=tone,
                tone_method=METHOD,
                sha256=sha256,
                file=file,
                height=new.pixels.shape[0],
                width=new.pixels.shape[1],
            )
            for new, tone, (sha256, file) in zip(images, tones, made, strict=True)
        ],
        ignore_conflicts=True,
    )
    rows = {row.sha256: row for row in Image.objects.filter(sha256__in=[sha for sha, *_ in made])}
    if missing := [
        new.name for new, (sha, *_) in zip(images, made, strict=True) if sha not in rows
    ]:
        raise EvaluationError(
            f"{missing[0]}: the same image is in a study that is open for reading; "
            "use another seed, or wait until it is closed"
        )
    return [rows[sha256] for sha256, *_ in made]


def encoded(pixels: np.ndarray, provenance: str) -> bytes:
    """Return a PNG of pixels (H, W, 3) with the words on where it comes from, if there are any."""
    said = PngInfo()
    if provenance:
        said.add_itxt("provenance", provenance)
    out = BytesIO()
    PillowImage.fromarray(pixels).save(out, "PNG", compress_level=1, pnginfo=said)
    return out.getvalue()


def open_original(image: Image) -> PillowImage.Image:
    """Return an original's pixels, decoded.

    Raises:
        EvaluationError: its file is gone or broken.
    """
    try:
        return decode(read_original(image))
    except EvaluationError as problem:
        raise EvaluationError(f"{image}: the original {image.file.name} {problem}") from problem


def open_mask(image: Image) -> PillowImage.Image:
    """Return the mask of an image's lesion, bright where it is, as large as the image.

    Raises:
        EvaluationError: its file is gone or broken.
    """
    name = str(image.mask.name)
    try:
        return decode(_read(name)).convert("L")
    except EvaluationError as problem:
        raise EvaluationError(f"{image}: the mask {name} {problem}") from problem


def read_original(image: Image) -> bytes:
    """Return an original's file as it is stored.

    Raises:
        EvaluationError: it is gone.
    """
    return _read(str(image.file.name))


def _read(name: str) -> bytes:
    try:
        with store_of(name).open(name) as file:
            return file.read()
    except OSError as problem:
        raise EvaluationError(str(problem)) from problem


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
