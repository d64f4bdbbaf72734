"""Raters, generators by entity, and images, ranked by what a mixed model expects of them.

Raw rates of what was read seldom go to extremes by chance. Shrunken ones are drawn towards what
the model expects of others of the kind, so that what stands first stands there for a reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.mixed_model import CrossedFit, expected
from analysis.report.cells import Cell, ReportTable, columns
from analysis.report.findings import Flags, Floats
from analysis.report.layout import Block

Codes = NDArray[np.intp]

#: What is ranked, by the columns that name it.
RANKED = {
    "raters": {"rater": "Rater"},
    "cells": {"generator": "Generator", "entity": "Entity"},
    "images": {"image": "Image"},
}
TITLES = {
    "raters": "Raters, ranked by shrunken rate",
    "cells": "Generators by entity, ranked by shrunken rate",
    "images": "Images, ranked by shrunken rate",
}


@dataclass(frozen=True)
class Ranked:
    """One rater, generator and entity, or image.

    Attributes:
        names: which.
        answers: how many there are.
        raw: share of them that count.
        shrunken: the share that the model expects, were every image read by every rater.
        raw_rank, rank: by either, 1 for the highest; equal ones share the better rank.
    """

    names: tuple[str, ...]
    answers: int
    raw: float
    shrunken: float
    raw_rank: int
    rank: int


@dataclass(frozen=True)
class Read:
    """What was read by whom.

    Attributes:
        said: (n,) 1 or 0.
        rater, image: (n,) places of names.
        raters, images: names.
        generator, entity: (images,) of the images; "" where there is no generator.
        ranked: (images,) which ones rates are about.
    """

    said: Floats
    rater: Codes
    image: Codes
    raters: Sequence[str]
    images: Sequence[str]
    generator: NDArray[np.str_]
    entity: NDArray[np.str_]
    ranked: Flags


def ranks(fit: CrossedFit, design: Floats, read: Read) -> dict[str, tuple[Ranked, ...]]:
    """Rank raters, generators by entity, and images.

    Args:
        fit: the model, of raters and images in the order of `read`.
        design: (images, p) its columns.
        read: the answers that it was fitted to.

    Returns:
        By what is ranked, from the highest shrunken rate down. Raters are missing where they are
        fixed, and so are not shrunken; what there is only one of, too.
    """
    rates = expected(fit, design)
    about = read.ranked[read.image]
    said, rater, image = read.said[about], read.rater[about], read.image[about]
    cell_of, cells = _cells(read)
    found = {"images": _ranked([(name,) for name in read.images], image, said, rates.mean(axis=0))}
    if not fit.fixed_raters:
        of_raters = rates[:, read.ranked].mean(axis=1)
        found["raters"] = _ranked([(name,) for name in read.raters], rater, said, of_raters)
    by_cell = [rates[:, read.ranked & (cell_of == k)].mean() for k in range(len(cells))]
    found["cells"] = _ranked(cells, cell_of[image], said, np.array(by_cell))
    return {name: found[name] for name in RANKED if len(found.get(name, ())) > 1}


def _cells(read: Read) -> tuple[Codes, list[tuple[str, ...]]]:
    """Return the cell of generator and entity of each image, -1 for none, and the cells."""
    pairs = list(zip(read.generator.tolist(), read.entity.tolist(), strict=True))
    among = [pair for pair, own in zip(pairs, read.ranked, strict=True) if own and pair[0]]
    cells = list(dict.fromkeys(sorted(among)))
    place = {cell: k for k, cell in enumerate(cells)}
    return np.array([place.get(pair, -1) for pair in pairs], dtype=np.intp), list(cells)


def _ranked(
    names: Sequence[tuple[str, ...]], group: Codes, said: Floats, shrunken: Floats
) -> tuple[Ranked, ...]:
    """Rank the groups that have answers, by name where rates are equal."""
    known = group >= 0
    answers = np.bincount(group[known], minlength=len(names))
    ones = np.bincount(group[known], said[known], minlength=len(names))
    read = np.flatnonzero(answers)
    raw, drawn = ones[read] / answers[read], shrunken[read]
    raw_rank, rank = (stats.rankdata(-np.round(rates, 12), "min") for rates in (raw, drawn))
    rows = [
        Ranked(
            names[int(k)],
            int(answers[k]),
            float(raw[i]),
            float(drawn[i]),
            int(raw_rank[i]),
            int(rank[i]),
        )
        for i, k in enumerate(read)
    ]
    return tuple(sorted(rows, key=lambda one: (one.rank, one.names)))


def show(ranking: Mapping[str, Sequence[Ranked]], said: str) -> Iterable[Block]:
    """Lay out what is ranked: raters and cells on the page, images in a file.

    Args:
        ranking: of `ranks`.
        said: what the answers that count say.
    """
    if not ranking:
        return
    yield Block(
        heading="Ranking",
        text=(
            f"Ranks by the rate of “{said}” that the model expects were every image read by every "
            "rater. Such rates are shrunken, towards other raters, and towards images of the same "
            "generator and entity, the more, the fewer the answers; raw ones stand beside. Ranks "
            "have no interval: neighbours may change places in another sample."
            + ("" if "raters" in ranking else " Fixed raters are not shrunken, nor ranked.")
            + (" Images are ranked in tables/model_ranks_images.csv." * ("images" in ranking)),
        ),
    )
    for what, rows in ranking.items():
        table = _table(what, rows)
        yield Block(data=(table,)) if what == "images" else Block(folded=True, table=table)


def _table(what: str, rows: Sequence[Ranked]) -> ReportTable:
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (one.rank, *one.names, one.answers, one.shrunken, one.raw, one.raw_rank) for one in rows
    )
    titles = {"rank": "Rank", **RANKED[what], "answers": "Answers"}
    titles |= {"shrunken": "Shrunken rate", "raw": "Raw rate", "raw_rank": "Raw rank"}
    return ReportTable(f"model_ranks_{what}", TITLES[what], columns(**titles), cells)
