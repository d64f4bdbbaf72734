"""Importing images: everything is checked first, then all of it comes in, or nothing.

Real images come in as a dataset; images that were made elsewhere as those of a generator.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from django.core.files.storage import storages
from django.db import IntegrityError, transaction

from evaluation.audit_trail import record_event
from evaluation.catalogue import store_original
from evaluation.decoding import LARGEST_FILE, decode, is_made_by_ai
from evaluation.errors import EvaluationError, ImportRefused
from evaluation.metadata import IMAGE_SUFFIXES, Row, read_rows
from evaluation.models import Dataset, Image, Origin
from evaluation.skin.finding import METHOD, measured_tone
from evaluation.sources import Source

BRIGHT = 128  # of 255: such pixels of a mask are the lesion
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """A sound image and its row, with the files that hold it."""

    row: Row
    file: str
    sha256: str
    width: int
    height: int
    tone: float | None
    mask: str = ""


@dataclass
class ImportPlan:
    """What an import would bring, and what stands in its way.

    `name` is that of the dataset, or of the generator if `made`. `masks` are the files of masks,
    by the SHA-256 of the image, of images that are here already without one.
    """

    name: str
    licence: str
    made: bool = False
    found: list[Found] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    already: int = 0
    masks: dict[str, str] = field(default_factory=dict)

    def by_entity(self) -> Counter[str]:
        """Return how many images of each entity would come in."""
        return Counter(str(found.row.fields["entity"]) for found in self.found)


def plan_import(
    *,
    source: str,
    metadata: str,
    dataset: str = "",
    generator: str = "",
    licence: str,
    masks: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    only: Sequence[str] | None = None,
    on_step: OnStep | None = None,
) -> ImportPlan:
    """Check everything: decode each file wholly, and match files, rows and masks.

    Args:
        source: folder or zip of the images.
        metadata: the CSV that names them.
        dataset: whose real images they are, or
        generator: what made them; one of the two.
        licence: SPDX identifier.
        masks: folder or zip of lesion masks.
        columns, labels: see `read_rows`.
        only: names of the images to take, all if None; the others are passed over silently.
        on_step: told how many images of how many are checked.

    Raises:
        EvaluationError: the source, the metadata or the licence cannot be used at all.
    """
    if bool(dataset) == bool(generator):
        raise EvaluationError("name a dataset for real images, or a generator for synthetic ones")
    what, owner = ("dataset", dataset) if dataset else ("generator", generator)
    if not LICENCE.fullmatch(licence):
        raise EvaluationError(
            f"licence '{licence}' is no SPDX identifier; write for example CC-BY-NC-4.0"
        )
    if not re.fullmatch(r"[-\w]{1,64}", owner):
        raise EvaluationError(f"{what} '{owner}': use letters, digits, - and _, at most 64 of them")
    plan = ImportPlan(owner, licence, made=bool(generator))
    rows, plan.problems = read_rows(metadata, columns, labels)
    opened = Source(source)
    files = _by_stem(opened, plan.problems)
    if only is not None:
        rows = [row for row in rows if row.name in set(only)]
        files = {stem: file for stem, file in files.items() if stem in set(only)}
    mask_source = Source(masks) if masks else None
    mask_files = _by_stem(mask_source, plan.problems) if mask_source else {}

    names = {row.name for row in rows}
    for stem in sorted(files.keys() - names):
        plan.problems.append(
            f"{source}: {files[stem]} has no row in {metadata}; add one or take it out"
        )
    for row in rows:
        if row.name not in files:
            plan.problems.append(
                f"{metadata}, row {row.number}: there is no file for '{row.name}' in {source}; "
                "add it or take the row out"
            )
    for stem in sorted(mask_files.keys() - names):
        plan.problems.append(
            f"{masks}: {mask_files[stem]} has no image; add it or take the mask out"
        )

    known = {
        sha256: (bool(made), made or of)
        for sha256, of, made in Image.objects.values_list("sha256", "dataset__name", "generator")
    }
    unmasked = set(Image.objects.filter(mask="").values_list("sha256", flat=True))
    here = (plan.made, owner)
    taken = {row.name for row in rows if row.name in files}
    checked = [row for row in rows if row.name in taken]
    first: dict[str, str] = {}
    with ThreadPoolExecutor() as pool:  # decoding leaves the interpreter's lock
        results = pool.map(
            lambda row: _examine(
                opened,
                files[row.name],
                mask_source,
                mask_files.get(row.name),
                real=not plan.made,
                known=known,
            ),
            checked,
        )
        for step, (row, result) in enumerate(zip(checked, results, strict=True), start=1):
            if on_step:
                on_step(step, len(checked))
            file = files[row.name]
            if isinstance(result, str):
                plan.problems.append(f"{source}: {result}")
                continue
            sha256, width, height, tone = result
            if sha256 in first:
                plan.problems.append(
                    f"{source}: {file} is the same image as {first[sha256]}; keep one"
                )
            elif known.get(sha256, here) != here:
                made, other = known[sha256]
                other = f"images by {other}" if made else other
                plan.problems.append(
                    f"{source}: {file} is in the catalogue already ({other}); take it out"
                )
            elif sha256 in known:
                plan.already += 1
                if sha256 in unmasked and row.name in mask_files:
                    plan.masks[sha256] = mask_files[row.name]
            else:
                plan.found.append(
                    Found(row, file, sha256, width, height, tone, mask_files.get(row.name, ""))
                )
            first.setdefault(sha256, file)
    _check_names(plan)
    return plan


def _by_stem(source: Source, problems: list[str]) -> dict[str, str]:
    """Return image files by their name without suffix; names that stand twice are problems."""
    files: dict[str, str] = {}
    twins = set(source.twins())
    for name in source.names():
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            continue
        if name in twins or stem in files:
            problems.append(f"{source.location}: several files are called {stem}; keep one")
        files.setdefault(stem, name)
    return files


def _examine(
    source: Source,
    file: str,
    masks: Source | None,
    mask: str | None,
    *,
    real: bool,
    known: Container[str],
) -> tuple[str, int, int, float | None] | str:
    """Decode an image and its mask, and measure the skin of one that is not known yet.

    Returns:
        Its SHA-256, width, height and skin tone, or what is wrong.
    """
    try:
        content = source.read(file, LARGEST_FILE)
        image = decode(content)
    except (EvaluationError, OSError) as problem:
        return f"{file} {problem}"
    if real and is_made_by_ai(content):
        return f"{file} says of itself that it was made by AI; import it with --generator NAME"
    if masks and mask:
        try:
            drawn = decode(masks.read(mask, LARGEST_FILE)).convert("L")
        except (EvaluationError, OSError) as problem:
            return f"mask {mask} {problem}"
        if drawn.size != image.size:
            return (
                f"mask {mask} has {drawn.width} x {drawn.height} pixels, its image {image.width} x "
                f"{image.height}; make them equal"
            )
        lesion = np.asarray(drawn) >= BRIGHT
        if lesion.all() or not lesion.any():
            told = "full" if lesion.any() else "empty"
            return (
                f"mask {mask} is {told}; make the lesion white and all else black, or take it out"
            )
    sha256 = hashlib.sha256(content).hexdigest()
    return sha256, image.width, image.height, None if sha256 in known else measured_tone(image)


def _check_names(plan: ImportPlan) -> None:
    """A name that is taken already must not come to mean another image."""
    owner = {"generator": plan.name} if plan.made else {"dataset__name": plan.name}
    held = set(Image.objects.filter(**owner).values_list("name", flat=True))
    for found in [found for found in plan.found if found.row.name in held]:
        plan.problems.append(
            f"{found.file}: '{plan.name}' has another image called {found.row.name} already; "
            "rename it or choose another name for all"
        )
        plan.found.remove(found)


def run_import(
    plan: ImportPlan,
    *,
    source: str,
    masks: str | None = None,
    skip_problems: bool = False,
    phantom: bool = False,
    on_step: OnStep | None = None,
) -> Dataset:
    """Bring in the real images that `plan` found: all of them, or nothing.

    Raises:
        ImportRefused: there are problems, and they are not to be skipped; nothing was imported.
        EvaluationError: the dataset exists under another licence, or a study that is open has some
            of the images.
    """
    with _bringing_in(plan, source, masks, skip_problems, on_step) as images:
        dataset, created = Dataset.objects.get_or_create(
            name=plan.name, defaults={"licence": plan.licence, "phantom": phantom}
        )
        if dataset.licence != plan.licence:
            raise EvaluationError(
                f"dataset '{plan.name}' has licence {dataset.licence}; "
                "use that, or another dataset's name"
            )
        count = _create(
            Image(**fields, origin=Origin.REAL, dataset=dataset) for _, fields in images
        )
        if count or created or plan.masks:
            told: dict[str, Any] = {"dataset": plan.name, "images": count, "licence": plan.licence}
            record_event("import_images", **told, **_masks_told(plan))
    return dataset


def import_synthetic(
    plan: ImportPlan,
    *,
    source: str,
    revision: str = "",
    masks: str | None = None,
    skip_problems: bool = False,
    on_step: OnStep | None = None,
) -> None:
    """Bring in the images that `plan` found as those of a generator: all of them, or nothing.

    Columns that are no field of ours become the recipe: seed, prompt, whatever there is.

    Args:
        plan: made for a generator.
        source: folder or zip of the images.
        revision: of the generator, where it has one.
        masks: folder or zip of lesion masks.
        skip_problems: whether the rest is wanted without what has problems.
        on_step: told how many images of how many are stored.

    Raises:
        ImportRefused: there are problems, and they are not to be skipped; nothing was imported.
        EvaluationError: a study that is open has some of the images.
    """
    with _bringing_in(plan, source, masks, skip_problems, on_step) as images:
        count = _create(
            Image(
                **fields,
                origin=Origin.SYNTHETIC,
                generator=plan.name,
                generator_revision=revision,
                recipe=row.more,
            )
            for row, fields in images
        )
        if count or plan.masks:
            told: dict[str, Any] = {
                "generator": plan.name,
                "images": count,
                "licence": plan.licence,
            }
            record_event("import_images", **told, **_masks_told(plan))


@contextmanager
def _bringing_in(
    plan: ImportPlan,
    source: str,
    masks: str | None,
    skip_problems: bool,
    on_step: OnStep | None,
) -> Iterator[Iterator[tuple[Row, dict[str, Any]]]]:
    """Give the rows with their images' fields, each file stored; take them away on a failure."""
    if plan.problems and not skip_problems:
        raise ImportRefused(plan.problems)
    opened, mask_source = Source(source), Source(masks) if masks else None
    written: list[str] = []

    def images() -> Iterator[tuple[Row, dict[str, Any]]]:
        for step, found in enumerate(plan.found, start=1):
            mask = _store(mask_source, found.mask, written) if mask_source and found.mask else ""
            yield (
                found.row,
                {
                    **found.row.fields,
                    "licence": plan.licence,
                    "sha256": found.sha256,
                    "width": found.width,
                    "height": found.height,
                    "measured_tone": found.tone,
                    "tone_method": METHOD,
                    "file": _store(opened, found.file, written),
                    "mask": mask,
                },
            )
            if on_step:
                on_step(step, len(plan.found))

    try:
        with transaction.atomic():
            for sha256, file in plan.masks.items():
                assert mask_source
                mask = _store(mask_source, file, written)
                Image.objects.filter(sha256=sha256, mask="").update(mask=mask)
            yield images()
    except BaseException:  # Ctrl-C too: what was written for rows that do not come is taken away
        for name in written:
            storages["originals"].delete(name)
        raise


def _masks_told(plan: ImportPlan) -> dict[str, Any]:
    """Return what the record says of masks of images that were here before."""
    return {"masks": len(plan.masks)} if plan.masks else {}


def _create(images: Iterable[Image]) -> int:
    """Write the rows and return how many."""
    try:
        return len(Image.objects.bulk_create(list(images), batch_size=1000))
    except IntegrityError as clash:  # the desk cannot see images of open studies
        raise EvaluationError(
            "some of these images are in a study that is open for reading; import the "
            "others now, or all of them once it is closed"
        ) from clash


def _store(source: Source, file: str, written: list[str]) -> str:
    """Store one file, noting it in `written` if it was not there before."""
    content = source.read(file, LARGEST_FILE)
    name, new = store_original(content, PurePosixPath(file).suffix.lower())
    if new:
        written.append(name)
    return name
