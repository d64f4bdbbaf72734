"""Faithfulness: whether a classifier sees in synthetic images what was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.confusion import Confusion
from analysis.proportions import (
    difference_of_shares,
    mean_share,
    newcombe_independent,
    wilson,
)
from analysis.quality.measures import LEAST_SHARE, too_few
from analysis.quality.sets import ImageSet
from analysis.results import Estimate, Number, Unknown

HARDEST = 12  # images shown


@dataclass(frozen=True)
class Agreement:
    """How often the classifier names the entity; "" is all images together, or the mean.

    `difference` is synthetic less real.
    """

    entity: str
    synthetic: Number
    real: Number
    difference: Number


@dataclass(frozen=True)
class Hard:
    """A synthetic image in which the classifier sees least of what was asked for."""

    name: str
    row: int
    asked: str
    seen: str
    sure: float  # probability of what was seen
    asked_for: float  # probability of what was asked for


@dataclass(frozen=True)
class Faithfulness:
    """What the classifier says of all images of either origin.

    Attributes:
        agreement: of all images, whose diagnoses are mixed differently, then of each entity.
        mean: over the entities that both origins have enough images of: the same mix.
    """

    agreement: tuple[Agreement, ...]
    mean: Agreement
    confusion: dict[str, Confusion]
    hardest: tuple[Hard, ...]


def faithfulness(
    real: ImageSet, synthetic: ImageSet, judge: str, known: Sequence[str], entities: Sequence[str]
) -> Faithfulness:
    """Compare the classifier's answers with what was asked for, or diagnosed.

    Args:
        real, synthetic: all images; their posteriors under `judge` in the order of `known`.
        judge: the classifier's key.
        known: entities that it names.
        entities: of the images, in their order.
    """
    sides = {}
    for origin, images in (("synthetic", synthetic), ("real", real)):
        own = np.isin(images.entity, known)
        places = np.array([list(known).index(e) for e in images.entity[own]], np.intp)
        sides[origin] = (np.flatnonzero(own), places, images.posteriors[judge][own])
    rows = []
    for entity in ("", *entities):
        if entity and entity not in known:
            reason = Unknown("the classifier does not know this entity")
            rows.append(Agreement(entity, reason, reason, reason))
            continue
        counts = {}
        for origin, (_, truth, chances) in sides.items():
            chosen = truth == list(known).index(entity) if entity else np.ones(len(truth), bool)
            right = chances.argmax(1)[chosen] == truth[chosen]
            counts[origin] = (int(right.sum()), len(right))
        (x, n), (y, m) = counts["synthetic"], counts["real"]
        few = too_few(min(n, m), LEAST_SHARE)
        rows.append(
            Agreement(
                entity,
                too_few(n, LEAST_SHARE) or wilson(x, n),
                too_few(m, LEAST_SHARE) or wilson(y, m),
                few or newcombe_independent((x, y), (n, m)),
            )
        )
    confusion = {
        origin: Confusion(tuple(known), _counts(truth, chances.argmax(1), len(known)))
        for origin, (_, truth, chances) in sides.items()
    }
    return Faithfulness(
        tuple(rows), _mean(rows[1:]), confusion, _hardest(synthetic, *sides["synthetic"], known)
    )


def _mean(rows: Sequence[Agreement]) -> Agreement:
    shared = [
        (row.synthetic, row.real)
        for row in rows
        if isinstance(row.synthetic, Estimate) and isinstance(row.real, Estimate)
    ]
    if not shared:
        none = Unknown("no diagnosis has enough images of both")
        return Agreement("", none, none, none)
    synthetic, real = (mean_share(shares) for shares in zip(*shared, strict=True))
    return Agreement("", synthetic, real, difference_of_shares(synthetic, real))


def _counts(truth: np.ndarray, seen: np.ndarray, size: int) -> np.ndarray:
    flat = np.bincount(truth * size + seen, minlength=size * size)
    return flat.reshape(size, size).astype(np.int64)


def _hardest(
    images: ImageSet, own: np.ndarray, truth: np.ndarray, chances: np.ndarray, known: Sequence[str]
) -> tuple[Hard, ...]:
    """Return the images whose entity is the least likely of all, unlikelier than another."""
    given = chances[np.arange(len(truth)), truth]
    seen = chances.argmax(1)
    order = [int(k) for k in np.argsort(given, kind="stable") if seen[k] != truth[k]]
    return tuple(
        Hard(
            str(images.names[own[k]]),
            int(own[k]),
            known[truth[k]],
            known[seen[k]],
            float(chances[k, seen[k]]),
            float(given[k]),
        )
        for k in order[:HARDEST]
    )
