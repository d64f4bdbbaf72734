"""How like real images synthetic ones are: distances of sets, and figures of pairs, with floors."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.neighbors import NearestNeighbors

from analysis.quality import measures, pairs
from analysis.quality.sets import About, Drawn, Floats, ImageSet, Rows
from analysis.results import Estimate, Number

OnStep = Callable[[int, int], None]

MOST_PAIRS = 200  # of an entity
ALL = ""  # stands for all entities together


@dataclass(frozen=True)
class SetFigure:
    """One figure of synthetic images against real ones, with its floor at the same n.

    Attributes:
        entity: "" for all.
        extractor, measure: keys.
        n: images of each set.
        ratio: of a distance to the upper end of its floor, of what is a share or a score to the
            floor itself; None where one of them is unknown.
    """

    entity: str
    extractor: str
    measure: str
    n: int
    value: Number
    floor: Number
    ratio: float | None


@dataclass(frozen=True)
class PairFigure:
    """Similarity, noise ratio and error of pairs of one kind; see `KINDS`."""

    entity: str
    kind: str
    n: int
    ssim: Number
    psnr: Number
    mse: Number


#: What is paired; pairs are of one entity, and show different lesions.
KINDS = {
    "random": "synthetic and real at random",
    "random_floor": "real and other real at random",
    "nearest": "synthetic and its nearest real",
    "nearest_floor": "real and its nearest other real",
}


def set_figures(
    real: ImageSet,
    synthetic: ImageSet,
    drawn: Drawn,
    extractors: Sequence[About],
    entities: Sequence[str],
    on_step: OnStep | None = None,
) -> tuple[SetFigure, ...]:
    """Return all figures of all extractors, for all entities together and for each.

    Groups are computed in processes of their own with one thread each: libraries that part small
    matrices among threads wait for one another many times as long as they compute.
    """
    parts = list(_parts(synthetic, drawn, entities))
    groups = [(about, entity, own) for about in extractors for entity, own in parts]
    needed = any(len(own) >= measures.LEAST_KID for _, _, own in groups)
    work = Parallel(n_jobs=-1 if needed else 1, return_as="generator")(
        delayed(_group)(
            about,
            real.features[about.key][own.reference],
            [synthetic.features[about.key][own.synthetic], real.features[about.key][own.stand_in]],
            [
                synthetic.posteriors[about.key][own.synthetic],
                real.posteriors[about.key][own.stand_in],
            ]
            if about.key == "inception"
            else None,
            entity,
        )
        for about, entity, own in groups
    )
    found: list[SetFigure] = []
    for k, ((about, entity, own), (value, floor)) in enumerate(zip(groups, work, strict=True)):
        found += [
            SetFigure(
                entity,
                about.key,
                key,
                len(own),
                value[key],
                floor[key],
                _ratio(key, value[key], floor[key]),
            )
            for key in value
        ]
        if on_step:
            on_step(k + 1, len(groups))
    return tuple(found)


def _group(
    about: About,
    reference: Floats,
    others: Sequence[Floats],
    posteriors: Sequence[Floats] | None,
    entity: str,
) -> list[dict[str, Number]]:
    """Return the figures of synthetic and of other real images by their measures."""
    found = [measures.set_distances(reference, other, domain=about.domain) for other in others]
    if about.key == "clip":
        for one, other in zip(found, others, strict=True):
            one[measures.CMMD.key] = measures.clip_distance(reference, other)
    if posteriors:
        for one, chances in zip(found, posteriors, strict=True):
            one[measures.SCORE.key] = measures.NO_SCORE if entity else measures.score(chances)
    return found


def pair_figures(
    real: ImageSet, synthetic: ImageSet, drawn: Drawn, near: str, entities: Sequence[str]
) -> tuple[PairFigure, ...]:
    """Return the figures of pairs, for all entities together and for each.

    Args:
        real, synthetic, drawn: the images.
        near: key of the extractor in whose features the nearest is found.
        entities: in their order.
    """
    kept: dict[str, list[tuple[Floats, Floats, Floats]]] = {kind: [] for kind in KINDS}
    by_entity: list[PairFigure] = []
    for entity, own in list(_parts(synthetic, drawn, entities))[1:]:
        some = own.where(np.arange(len(own)) < MOST_PAIRS)
        for kind in KINDS:
            made = _pixels_of(kind, real, synthetic, some, own.reference, near)
            error = pairs.squared_error(*made)
            values = (pairs.similarity(*made), pairs.signal_to_noise(error), error)
            kept[kind].append(values)
            by_entity.append(_pair_figure(entity, kind, values))
    everything = [
        _pair_figure(ALL, kind, [np.concatenate(part) for part in zip(*values, strict=True)])
        for kind, values in kept.items()
        if values
    ]
    return (*everything, *by_entity)


def _parts(
    synthetic: ImageSet, drawn: Drawn, entities: Sequence[str]
) -> Iterable[tuple[str, Drawn]]:
    yield ALL, drawn
    entity = synthetic.entity[drawn.synthetic]
    for code in entities:
        yield code, drawn.where(entity == code)


def _pixels_of(
    kind: str, real: ImageSet, synthetic: ImageSet, some: Drawn, among: Rows, near: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two sides (n, side, side, 3) of pairs of a kind."""
    source, rows = (real, some.stand_in) if kind.endswith("floor") else (synthetic, some.synthetic)
    other = some.reference
    if kind.startswith("nearest") and len(rows):
        found = NearestNeighbors(n_neighbors=1).fit(real.features[near][among])
        other = among[found.kneighbors(source.features[near][rows])[1][:, 0]]
    return source.pixels(rows), real.pixels(other)


def _pair_figure(entity: str, kind: str, values: Sequence[Floats]) -> PairFigure:
    return PairFigure(entity, kind, len(values[0]), *(measures.mean_of(each) for each in values))


def _ratio(measure: str, value: Number, floor: Number) -> float | None:
    if not isinstance(value, Estimate) or not isinstance(floor, Estimate):
        return None
    distance = any(each.key == measure for each in measures.DISTANCES)
    beside = floor.high if distance else floor.value
    return value.value / beside if beside and beside > 0 else None
