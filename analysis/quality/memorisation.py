"""Memorisation: whether images lie nearer to what their generator learnt from than to the rest.

Two questions, of the same three sets. Is the whole set nearer: KID from the images learnt from,
less KID from held-out ones. Are single images nearer: how many have their nearest real image among
those learnt from, beside how many photographs learnt from have their nearest other one there.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.neighbors import NearestNeighbors

from analysis.proportions import newcombe_independent, wilson
from analysis.quality import measures
from analysis.quality.kernels import nearness
from analysis.quality.measures import too_few
from analysis.quality.resemblance import ALL
from analysis.quality.sets import About, Floats, ImageSet
from analysis.results import Estimate, Number


@dataclass(frozen=True)
class Memorisation:
    """How near images are to those learnt from, in one extractor's features.

    Attributes:
        entity: "" for all.
        extractor: its key.
        n: images of each of the three sets that KID compares.
        learnt, held_out, difference, apart: see `kernels.Nearness`.
        nearest: share of synthetic images whose nearest real image of their diagnosis is one that
            was learnt from.
        nearest_floor: the same share of photographs learnt from, each among all others.
        nearest_excess: the former less the latter.
        set_warning: the difference lies below 0, with all of its interval.
        image_warning: the excess lies above 0, with all of its interval; that of a single entity
            is widened for their number (Bonferroni).
    """

    entity: str
    extractor: str
    n: int
    learnt: Number
    held_out: Number
    difference: Number
    apart: Number
    nearest: Number
    nearest_floor: Number
    nearest_excess: Number
    set_warning: bool
    image_warning: bool


def memorisation(
    synthetic: ImageSet,
    learnt: ImageSet,
    held_out: ImageSet,
    extractors: Sequence[About],
    entities: Sequence[str],
    *,
    seed: int = 0,
) -> tuple[Memorisation, ...]:
    """Return both comparisons in all extractors' features, for all entities together and for each.

    KID compares as many images of each entity of all three sets. Of neighbours, all photographs
    are candidates, and as many synthetic images as photographs learnt from look for theirs.

    Args:
        synthetic: all images.
        learnt: photographs that the generator learnt from, one a lesion.
        held_out: others, of other lesions.
        extractors: what features come from.
        entities: in their order; one without held-out images counts in no figure.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    sets = (synthetic, learnt, held_out)
    rows = {
        entity: [rng.permutation(np.flatnonzero(s.entity == entity)) for s in sets]
        for entity in entities
    }
    groups = [(about.key, entity) for about in extractors for entity in (ALL, *entities)]
    most = max(_size(found) for found in rows.values())
    work = Parallel(n_jobs=-1 if most * len(rows) >= measures.LEAST_KID else 1)(
        delayed(_group)(
            entity,
            key,
            0.05 / (len(entities) if entity else 1),
            [
                [s.features[key][r] for s, r in zip(sets, rows[each], strict=True)]
                for each in ((entity,) if entity else entities)
            ],
        )
        for key, entity in groups
    )
    return tuple(work)


def _size(found: Sequence[Sized]) -> int:
    return min(map(len, found))


def _group(
    entity: str, extractor: str, alpha: float, cells: Sequence[Sequence[Floats]]
) -> Memorisation:
    """Return the figures of one group; a cell has the features of each set's images, shuffled."""
    n = sum(map(_size, cells))
    learnt, held_out, difference, apart = _distances(cells, n)
    near, near_floor, asked = _neighbours(cells)
    few = too_few(asked, measures.LEAST_NEAREST)
    counts = (near, near_floor), (asked, asked)
    return Memorisation(
        entity,
        extractor,
        n,
        learnt,
        held_out,
        difference,
        apart,
        few or wilson(near, asked),
        few or wilson(near_floor, asked),
        few or newcombe_independent(*counts),
        isinstance(difference, Estimate) and (difference.high or 0.0) < 0,
        not few and (newcombe_independent(*counts, level=1 - alpha).low or 0.0) > 0,
    )


def _distances(cells: Sequence[Sequence[Floats]], n: int) -> Sequence[Number]:
    if few := too_few(n, measures.LEAST_KID):
        return [few] * 4
    sides = [np.concatenate([cell[k][: _size(cell)] for cell in cells]) for k in range(3)]
    found = nearness(*sides, resamples=measures.RESAMPLES)
    return found.learnt, found.held_out, found.difference, found.apart


def _neighbours(cells: Sequence[Sequence[Floats]]) -> tuple[int, int, int]:
    """Return how many synthetic images, and photographs, are near what was learnt, of how many."""
    asked = near = near_floor = 0
    for synthetic, learnt, held_out in cells:
        if min(len(learnt), len(held_out)) > 1:
            own, others = synthetic[: len(learnt)], learnt[: len(synthetic)]
            asked += len(own)
            near += int((_reach(own, learnt) < _reach(own, held_out)).sum())
            # The nearest of all that were learnt from is each photograph itself.
            near_floor += int((_reach(others, learnt, 2) < _reach(others, held_out)).sum())
    return near, near_floor, asked


def _reach(images: Floats, among: Floats, which: int = 1) -> Floats:
    """Return the distance of each image to its nearest, or second, among others."""
    found = NearestNeighbors(n_neighbors=which).fit(among)
    return np.asarray(found.kneighbors(images)[0][:, which - 1])
