"""The demonstration's real images: from a folder, from the ISIC Archive, or phantoms."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from django.conf import settings
from PIL import Image as PillowImage

from evaluation.entities import ENTITIES
from evaluation.errors import EvaluationError
from evaluation.importing import plan_import, run_import
from evaluation.isic_archive import ArchiveUnreachable, Wanted, download
from evaluation.models import Dataset
from evaluation.phantoms import draw_phantom

PHOTOGRAPHS = "isic2018-test"
PHANTOMS = "phantoms"
LICENCE = "CC-BY-NC-4.0"
PACK = "isic2018_test_384x288.zip"
PER_ENTITY = 20
DOWNLOADS = settings.VAR_DIR / "downloads" / "isic"

Say = Callable[[str], None]
OnStep = Callable[[int, int], None]


def demo_ids() -> list[dict[str, str]]:
    """Return id, entity (`dx`) and SHA-256 of the 140 images, 20 an entity."""
    with (Path(__file__).parent / "isic_demo_ids.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ensure_demo_images(say: Say, on_step: OnStep | None = None) -> Dataset:
    """Return the dataset of the demonstration's 140 real images, importing them the first time.

    Raises:
        EvaluationError: `DERMTURING_IMAGES` is set, but the images are not there; or a download
            broke off, which the next call goes on with.
    """
    for name in (PHOTOGRAPHS, PHANTOMS):
        if standing := Dataset.objects.filter(name=name).first():
            return standing
    if settings.IMAGES_DIR:
        return _from_folder(settings.IMAGES_DIR, say)
    try:
        return _from_archive(say, on_step)
    except ArchiveUnreachable as problem:
        if any(DOWNLOADS.glob("*.jpg")):
            raise EvaluationError(
                f"{problem}; start again to go on with the download, "
                f"or delete {DOWNLOADS} to go without photographs"
            ) from problem
        say(f"{problem}: phantoms stand in for photographs")
        return phantom_dataset(PER_ENTITY, on_step=on_step)


def _from_folder(folder: Path, say: Say) -> Dataset:
    pack = folder / PACK
    if not pack.exists():
        raise EvaluationError(
            f"DERMTURING_IMAGES is {folder}, but there is no {PACK} in it; "
            "correct it, or unset it to download the images"
        )
    say(f"real images: {PACK}, {LICENCE}")
    return _import(
        f"{pack}/images",
        f"{pack}/metadata.csv",
        PHOTOGRAPHS,
        LICENCE,
        only=[row["image_id"] for row in demo_ids()],
    )


def _from_archive(say: Say, on_step: OnStep | None) -> Dataset:
    say("real images: 140 of the ISIC 2018 test set, from the ISIC Archive, CC-BY-NC-4.0")
    rows = demo_ids()
    wanted = [Wanted(row["image_id"], row["sha256_of_original"]) for row in rows]
    for licence in sorted(download(wanted, DOWNLOADS, on_step=on_step)):
        say(f"licence given by the archive: {licence}")
    metadata = DOWNLOADS / "metadata.csv"
    _write_metadata(metadata, ((row["image_id"], row["dx"]) for row in rows))
    return _import(str(DOWNLOADS), str(metadata), PHOTOGRAPHS, LICENCE)


def phantom_dataset(
    per_entity: int, *, name: str = PHANTOMS, on_step: OnStep | None = None
) -> Dataset:
    """Draw phantoms, `per_entity` of each, and import them as a dataset that says what they are."""
    with tempfile.TemporaryDirectory() as folder:
        drawn: list[tuple[str, str]] = []
        total = per_entity * len(ENTITIES)
        for entity in ENTITIES:
            for number in range(per_entity):
                image_id = f"phantom_{entity}_{number:03d}"
                PillowImage.fromarray(draw_phantom(entity, number)).save(
                    Path(folder) / f"{image_id}.png", compress_level=1
                )
                drawn.append((image_id, entity))
                if on_step:
                    on_step(len(drawn), total)
        metadata = Path(folder) / "metadata.csv"
        _write_metadata(metadata, drawn)
        return _import(folder, str(metadata), name, "CC0-1.0", phantom=True)


def _write_metadata(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image_id", "dx"), *rows])


def _import(
    source: str,
    metadata: str,
    dataset: str,
    licence: str,
    *,
    only: Sequence[str] | None = None,
    phantom: bool = False,
) -> Dataset:
    plan = plan_import(
        source=source, metadata=metadata, dataset=dataset, licence=licence, only=only
    )
    return run_import(plan, source=source, phantom=phantom)
