"""Photographs that people bring to be worked on: read with their masks, written whole or not."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from evaluation.catalogue import encoded
from evaluation.decoding import UnreadableImage, decode
from evaluation.metadata import IMAGE_SUFFIXES
from generation.engine.comparing import Check, Difference, compare
from generation.engine.faces import count_faces
from generation.engine.generator import GenerationError

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

GREY = (64, 192)  # levels between which a mask's pixels are neither black nor white
MOST_GREY = 0.05  # share of a mask's pixels
CHUNKS = {b"IHDR", b"IDAT", b"IEND"}  # of a PNG that holds pixels and no word
PROVENANCE = b"iTXt"


@dataclass(frozen=True)
class Photograph:
    """A photograph as its file holds it, upright and in sRGB.

    Attributes:
        pixels: (H, W, 3) uint8.
        sha256: of the file, in hex.
    """

    path: Path
    pixels: Pixels
    sha256: str


class ChecksFailed(GenerationError):
    """A copy is not as it must be; `checks` are all its lines."""

    def __init__(self, message: str, checks: Sequence[Check]) -> None:
        super().__init__(message)
        self.checks = checks


@dataclass(frozen=True)
class Checked:
    """What the checks of a photograph that was made have found."""

    sha256: str
    metadata: str
    difference: Difference
    faces: Mapping[str, int]
    checks: Sequence[Check]

    @property
    def problems(self) -> list[str]:
        """What is not as it must be, in words."""
        return [check.problem for check in self.checks if check.problem]

    def report(self, name: str) -> dict[str, object]:
        """Return what a report says of the checks of the file called `name`."""
        return {
            "decoded_from": name,
            "sha256": self.sha256,
            "metadata": self.metadata,
            "pixels_kept": self.difference.kept,
            "pixels_kept_that_differ": self.difference.altered,
            "pixels_replaced": self.difference.replaced,
            "share_changed_by_4_levels_or_more": round(self.difference.changed, 4),
            "share_changed_by_chance": round(self.difference.by_chance, 4),
            "textured_blocks": self.difference.blocks,
            "mean_correlation_of_blocks": round(self.difference.alike, 4),
            **self.faces,
        }


def read_photograph(path: Path) -> Photograph:
    """Read and decode a file.

    Raises:
        GenerationError: it is no photograph that can be used.
    """
    try:
        return photograph_of(path, path.read_bytes())
    except OSError as problem:
        raise GenerationError(f"{path}: {problem.strerror}") from None


def photograph_of(path: Path, content: bytes) -> Photograph:
    """Decode the content of a file that is called `path`.

    Raises:
        GenerationError: it is no photograph that can be used.
    """
    try:
        pixels = np.asarray(decode(content))
    except UnreadableImage as problem:
        raise GenerationError(f"{path}: {problem}") from None
    return Photograph(path, pixels, hashlib.sha256(content).hexdigest())


def read_mask(path: Path) -> Mask:
    """Read a mask (H, W): white is true.

    Raises:
        GenerationError: it is no image, or has more grey than edges have.
    """
    return mask_in(read_photograph(path))


def mask_in(photograph: Photograph) -> Mask:
    """Return the mask (H, W) that a file holds: white is true.

    Raises:
        GenerationError: it has more grey than edges have.
    """
    grey = photograph.pixels.mean(axis=2)
    if ((grey > GREY[0]) & (grey < GREY[1])).mean() > MOST_GREY:
        raise GenerationError(
            f"{photograph.path}: is no mask, it has greys; make it black and white"
        )
    white: Mask = grey > 127
    return white


def photographs_in(place: Path) -> dict[str, Path]:
    """Return the images at a path by their names without suffix: of a folder all, else the one.

    Raises:
        GenerationError: there are none, or two have one name.
    """
    if place.is_file():
        return {place.stem: place}
    if not place.is_dir():
        raise GenerationError(f"{place}: no such file or folder; check the path")
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            if path.stem in found:
                raise GenerationError(f"{place}: several images are called {path.stem}; keep one")
            found[path.stem] = path
    if not found:
        raise GenerationError(f"{place}: holds no images; check the path")
    return found


def write_checked(
    made: Pixels,
    original: Pixels,
    keep: Mask,
    report: Mapping[str, object],
    target: Path,
    *,
    hiding: bool,
    provenance: str = "",
) -> Checked:
    """Write a PNG and its report, `NAME.png` and `NAME.json`: both, or neither.

    The checks run on the file as it was written. It holds no metadata but the provenance, if any.

    Args:
        made, original: (H, W, 3).
        keep: (H, W), where both must be the same, byte for byte.
        report: what is to be said beside the checks, as JSON values.
        target: of the PNG.
        hiding: whether nothing of the rest may be recognised.
        provenance: to stand in the PNG.

    Raises:
        GenerationError: a check fails, or it cannot be written; nothing is left of it.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
            image, told = Path(folder) / "image.png", Path(folder) / "report.json"
            image.write_bytes(encoded(made, provenance))
            checked = check_copy(image.read_bytes(), original, keep, hiding, provenance)
            if problems := checked.problems:
                mend = "; try another --seed or --tone" if hiding else ""
                raise ChecksFailed(
                    f"{target}: not written: {'; '.join(problems)}{mend}", checked.checks
                )
            whole = {**report, "checks": checked.report(target.name)}
            told.write_text(json.dumps(whole, indent=1) + "\n")
            os.replace(told, target.with_suffix(".json"))
            os.replace(image, target)  # last: with it all is there
    except OSError as problem:
        raise GenerationError(
            f"{target}: cannot be written ({problem.strerror}); make room, or choose another --out"
        ) from problem
    return checked


def check_copy(
    content: bytes, original: Pixels, keep: Mask, hiding: bool, provenance: str = ""
) -> Checked:
    """Check the PNG `content` as it was written; arguments as in `write_checked`.

    What seems to be a face is found, but is no fault: a person decides.
    """
    made = _pixels_of(content)
    difference = compare(original, made, keep)
    faces = {name: count_faces(made, part) for name, part in _parts(keep, hiding)}
    words = sorted(_words_in(content, provenance))
    holds = "; ".join(f"it holds {word}" for word in words)
    return Checked(
        hashlib.sha256(content).hexdigest(),
        "provenance" if provenance else "none",
        difference,
        faces,
        [
            *difference.checks(hiding=hiding),
            Check("metadata", len(words), 0, holds),
            *(Check(name, count, 0) for name, count in faces.items()),
        ],
    )


def _parts(keep: Mask, hiding: bool) -> list[tuple[str, Mask]]:
    """Return where faces are looked for, by the names of the checks."""
    return [("faces_kept", keep), ("faces_painted", ~keep)] if hiding else []


def is_made(target: Path, report: Mapping[str, object]) -> bool:
    """Tell whether `write_checked` wrote the same already, so that a stopped run can go on.

    Raises:
        GenerationError: something else stands there.
    """
    if not target.exists():
        return False
    try:
        told = json.loads(target.with_suffix(".json").read_text())
        sha256 = told.pop("checks")["sha256"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        told = sha256 = None
    if told == json.loads(json.dumps(report)) and (
        sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    ):
        return True
    raise GenerationError(
        f"{target}: exists already, made from something else; choose another --out"
    )


def _pixels_of(content: bytes) -> Pixels:
    with PillowImage.open(BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _words_in(content: bytes, provenance: str) -> set[str]:
    """Return the names of a PNG's chunks that hold something else than is meant."""
    found, at = set(), 8
    meant = {*CHUNKS, *([PROVENANCE] if provenance else [])}
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if kind not in meant:
            found.add(kind.decode("latin-1"))
        at += 12 + length
    return found
