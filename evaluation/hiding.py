"""Originals of open studies: out of the folder that the web process serves from, and back.

Whoever can read an original can render it and find the stimulus that it became.
"""

from collections.abc import Iterable, Sequence

from django.core.files.storage import storages
from django.core.files.storage.base import Storage

from evaluation.models import Certificate, Image


def store_of(name: str) -> Storage:
    """Return the store that has an original."""
    originals = storages["originals"]
    return originals if originals.exists(name) else storages["sealed"]


def names_of(images: Iterable[Image]) -> list[str]:
    """Return the files of images, and of their masks, which only photographs have."""
    return [name for image in images for name in (image.file.name, image.mask.name) if name]


def hide_originals(names: Sequence[str]) -> None:
    """Move files out of sight; what was moved already stays."""
    _move(names, storages["originals"], storages["sealed"])


def show_originals(names: Sequence[str]) -> None:
    """Move files back; what was moved already stays."""
    _move(names, storages["sealed"], storages["originals"])


def settle_originals() -> None:
    """Finish moves that a stop of the server has cut short."""
    pages = Certificate.objects.exclude(page="")
    read = pages.filter(study__sealed_at__isnull=False, study__closed_at=None)
    hide_originals(names_of(Image.objects.filter(sealed=True)))
    hide_originals([str(each.page.name) for each in read])
    shown = Image.objects.filter(sealed=False, drawn_for__study__closed_at__isnull=False)
    show_originals(names_of(shown.distinct()))
    closed = pages.filter(study__closed_at__isnull=False)
    show_originals([str(each.page.name) for each in closed])


def _move(names: Sequence[str], source: Storage, target: Storage) -> None:
    for name in names:
        if source.exists(name):
            if not target.exists(name):
                with source.open(name) as file:
                    target.save(name, file)
            source.delete(name)
