"""Images that resemble each other: can a stimulus be found again, and is one a copy of another?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft

from analysis.leakage.checks import Check, Verdict
from evaluation.likeness import TURNS, turned

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

HASH_SIDE, HASHED = 8, 32  # of the hash, and of the image that it is taken from
NEAR_HASH = 4  # bits of 63 in which two versions of one image may differ
THUMB, COARSE = 32, 8  # sides at which images are compared, and of what is left out
COPY = 0.9  # correlation from which one passes for a copy; different lesions stay below 0.83


def perceptual_hash(image: Pixels) -> NDArray[np.bool_]:
    """Return 63 bits: which low frequencies of the luma lie above their median (pHash)."""
    luma = Image.fromarray(np.ascontiguousarray(image)).convert("L")
    small = np.asarray(luma.resize((HASHED, HASHED), Image.Resampling.LANCZOS), dtype=float)
    low = fft.dctn(small, norm="ortho")[:HASH_SIDE, :HASH_SIDE].ravel()[1:]
    return low > np.median(low)


def reidentification(served: Sequence[Pixels], sources: Sequence[Pixels]) -> Check:
    """Report how many photographs of a study can be found among public ones by their hash.

    Args:
        served: stimuli made from photographs; the k-th one from the k-th source.
        sources: square originals of these, then others, as a searcher may have them.
    """
    known = np.array([perceptual_hash(each) for each in sources])
    found = [_hits(served, known, turns) for turns in ((0,), TURNS)]
    says = (
        f"of {len(served)} photographs {found[0]} are found again among {len(sources)} by their "
        f"perceptual hash, {found[1]} by a searcher who tries all eight orientations"
    )
    return Check(
        "reidentification",
        "Search by image",
        Verdict.REPORTED,
        says,
        figures={"photographs": len(served), "found": found[0], "found_turned": found[1]},
    )


def _hits(served: Sequence[Pixels], known: NDArray[np.bool_], turns: Sequence[int]) -> int:
    hits = 0
    for at, image in enumerate(served):
        distances = np.min(
            [(known ^ perceptual_hash(turned(image, turn))).sum(axis=1) for turn in turns], axis=0
        )
        hits += bool(distances.argmin() == at and distances[at] <= NEAR_HASH)
    return hits


@dataclass(frozen=True)
class Member:
    """An image of a study, or one that its generator may have learnt from."""

    name: str
    pixels: Pixels
    synthetic: bool
    lesion: str
    use: str  # study, check, practice; empty for those outside the study


def contamination(members: Sequence[Member]) -> list[Check]:
    """Check that no AI image is a copy of a photograph, and no lesion is met twice.

    Copies are found by the correlation of small versions in all eight orientations, their coarse
    shades left out, in which all dermoscopic images are alike.
    """
    studied = [each for each in members if each.use]
    synthetic = [each for each in studied if each.synthetic]
    real = [each for each in members if not each.synthetic]
    copies, closest = 0, 0.0
    if synthetic and real:
        likeness = _likeness([m.pixels for m in synthetic], [m.pixels for m in real])
        copies, closest = int(np.sum(likeness.max(axis=1) >= COPY)), float(likeness.max())
    says = f"the closest AI image correlates with a photograph by {closest:.3f}"
    if copies:
        says = f"{copies} AI images correlate with a photograph by {COPY} or more"
    twice = _twice([m.pixels for m in studied])
    figures = {"copies": copies, "closest": closest, "photographs": len(real)}
    of_lesion: dict[str, set[str]] = {}
    for each in studied:
        if each.lesion:
            of_lesion.setdefault(each.lesion, set()).add(each.name)
    shared = sum(len(names) > 1 for names in of_lesion.values())
    return [
        Check(
            "copies",
            "AI images that copy photographs",
            Verdict.FAILS if copies else Verdict.HOLDS,
            f"{says} (of {len(real)})",
            figures=figures,
        ),
        Check(
            "lesions",
            "Images met twice",
            Verdict.FAILS if shared or twice else Verdict.HOLDS,
            f"lesions in more than one image: {shared}; pairs of images that are alike: {twice}",
            figures={"lesions": shared, "pairs": twice},
        ),
    ]


def _thumbs(images: Sequence[Pixels]) -> Floats:
    """Return (n, values) of small versions, of mean 0 and length 1."""
    rows = []
    for each in images:
        small = Image.fromarray(np.ascontiguousarray(each)).resize((THUMB, THUMB))
        coarse = small.resize((COARSE, COARSE)).resize((THUMB, THUMB))
        row = (np.asarray(small, dtype=float) - np.asarray(coarse, dtype=float)).ravel()
        row = row - row.mean()
        rows.append(row / (np.linalg.norm(row) or 1.0))
    return np.array(rows)


def _likeness(first: Sequence[Pixels], second: Sequence[Pixels]) -> Floats:
    """Return (first, second): the highest correlation over all orientations of the first."""
    others = _thumbs(second)
    small = [
        np.asarray(Image.fromarray(np.ascontiguousarray(each)).resize((THUMB, THUMB)))
        for each in first
    ]
    turns = [_thumbs([turned(each, turn) for each in small]) @ others.T for turn in TURNS]
    return np.max(turns, axis=0)


def _twice(images: Sequence[Pixels]) -> int:
    """Count pairs of images that are nearly the same."""
    if len(images) < 2:
        return 0
    likeness = _likeness(images, images)
    return int(np.sum(np.triu(likeness >= COPY, 1)))
