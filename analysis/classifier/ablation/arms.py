"""The arms of an ablation: what each trains on, and the test set that its own data give.

Every arm gets the same number of steps, and the same images where it shares them with another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.classifier.augmentation import CLASSICAL
from analysis.classifier.data import Labelled
from analysis.classifier.network import as_input
from analysis.errors import AnalysisError

HELD = 0.2  # share of an arm's own images on which it is tested, as published
Rows = NDArray[np.int_]

#: What each arm trains on, in words.
ARMS = {
    "original": "original images only",
    "synthetic": "synthetic images only",
    "combined": "original and synthetic images",
    "topped_up": "original images, rare entities topped up with synthetic ones",
    "oversampled": "original images, rare entities topped up to the same numbers with turned, "
    "shifted, zoomed and mirrored copies of originals",
    "augmented": "original images, all turned, shifted, zoomed and mirrored anew each time",
    "evenly": "original images, each entity drawn as often",
    "combined_evenly": "original and synthetic images, each entity drawn as often",
}
#: Arms with synthetic images, and the control from which each differs by these alone.
CONTROLS = {"topped_up": "oversampled", "combined_evenly": "evenly"}


@dataclass(frozen=True)
class Split:
    """Rows of the original and the synthetic images to train on, and those held out at random.

    Images are held out, not lesions: other views of a trained lesion are in the test, as they are
    in the published protocol.
    """

    original: Rows
    synthetic: Rows
    original_held: Rows
    synthetic_held: Rows


@dataclass(frozen=True)
class ArmData:
    """What an arm trains on and is tested on by the published protocol.

    Attributes:
        train: images to train on.
        held: the arm's own held-out images, mixed as its data are.
        places: (held,) their places among all original, then all synthetic images.
        anew: whether training images are changed at random each time that they are shown.
        evenly: whether each entity is drawn as often, instead of as it comes.
    """

    train: Labelled
    held: Labelled
    places: Rows
    anew: bool = False
    evenly: bool = False


def split(originals: int, synthetics: int, seed: int) -> Split:
    """Hold out a share of either, at random."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (originals, synthetics):
        rows, held = rng.permutation(count), round(HELD * count)
        parts.append((np.sort(rows[held:]), np.sort(rows[:held])))
    (original, original_held), (synthetic, synthetic_held) = parts
    return Split(original, synthetic, original_held, synthetic_held)


def topping_up(labels: NDArray[np.int_], available: NDArray[np.int_]) -> dict[int, int]:
    """Return how many images each rare entity gets.

    An entity with fewer originals than the median entity gets as many as it lacks, or all that
    there are.

    Args:
        labels: of the originals to train on.
        available: labels of the synthetic images to train on.
    """
    counts = np.bincount(labels, minlength=int(max(labels.max(), available.max())) + 1)
    there = np.bincount(available, minlength=len(counts))
    target = int(np.median(counts[counts > 0]))
    lacking = {k: min(target - int(n), int(there[k])) for k, n in enumerate(counts) if n < target}
    return {k: n for k, n in lacking.items() if n > 0}


def arm_data(arm: str, original: Labelled, synthetic: Labelled, seed: int) -> ArmData:
    """Return what an arm trains on and is tested on, under a seed.

    Args:
        arm: one of `ARMS`.
        original, synthetic: all images of either origin.
        seed: of the split and of what is drawn.
    """
    parts = split(len(original), len(synthetic), seed)
    real, made = original[parts.original], synthetic[parts.synthetic]
    real_held = (original[parts.original_held], parts.original_held)
    made_held = (synthetic[parts.synthetic_held], parts.synthetic_held + len(original))
    if arm == "synthetic":
        return ArmData(made, *made_held)
    if arm in ("combined", "combined_evenly"):
        held = _joined(real_held, made_held)
        return ArmData(real + made, *held, evenly=arm == "combined_evenly")
    if arm in ("topped_up", "oversampled"):
        rng = np.random.default_rng((seed, 1))
        wanted = topping_up(real.labels, made.labels)
        source = made if arm == "topped_up" else real
        rows = _drawn(source.labels, wanted, rng)
        more = source[rows]
        if arm == "topped_up":
            own = np.isin(made_held[0].labels, list(wanted))
            rare = (made_held[0][own], made_held[1][own])
            return ArmData(real + more, *_joined(real_held, rare))
        return ArmData(real + _changed(more, rng), *real_held)
    if arm not in ARMS:
        raise AnalysisError(f"arm '{arm}' is unknown; use {', '.join(ARMS)}")
    return ArmData(real, *real_held, anew=arm == "augmented", evenly=arm == "evenly")


def counts_of(data: Labelled, entities: Sequence[str]) -> dict[str, int]:
    """Return how many images show each entity."""
    counts = np.bincount(data.labels, minlength=len(entities))
    return {entity: int(n) for entity, n in zip(entities, counts, strict=True)}


def _joined(one: tuple[Labelled, Rows], other: tuple[Labelled, Rows]) -> tuple[Labelled, Rows]:
    return one[0] + other[0], np.concatenate([one[1], other[1]])


def _drawn(labels: NDArray[np.int_], wanted: dict[int, int], rng: np.random.Generator) -> Rows:
    """Draw so many rows of each entity; again only when all are drawn."""
    chosen = [np.array([], dtype=int)]
    for label, count in wanted.items():
        own = np.flatnonzero(labels == label)
        rounds = -(-count // len(own))
        drawn = np.concatenate([rng.permutation(own) for _ in range(rounds)])
        chosen.append(drawn[:count])
    return np.concatenate(chosen)


def _changed(data: Labelled, rng: np.random.Generator) -> Labelled:
    """Return each image as a copy that is changed once."""
    if not len(data):
        return data
    changed = CLASSICAL(as_input(data.pixels), rng)
    pixels = ((changed + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
    return Labelled(np.ascontiguousarray(pixels.numpy()), data.labels)
