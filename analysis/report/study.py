"""What a report computes from: the answers in the forms in which its chapters need them."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.errors import TableRefused
from analysis.report.findings import Floats
from analysis.table import AnswerTable

Flags = NDArray[np.bool_]
Pictures = Callable[[Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True)
class Context:
    """What is known of a study beside its answers.

    Attributes:
        margin: distance from chance, fixed before the data, that still counts as equivalent to it;
            None where nobody fixed one.
        seed: of what is drawn at random.
        description: how the study was made, in the keys of `evaluation.description`; empty where
            only a table of answers is known.
        pictures: from names of images to what raters saw of them, as JPEG; leaves out what is not
            at hand. None where only a table of answers is.
    """

    margin: float | None = None
    seed: int = 0
    description: Mapping[str, Any] = field(default_factory=dict)
    pictures: Pictures | None = None


@dataclass(frozen=True)
class Study:
    """The answers of a study.

    Attributes:
        answers: all of them, practice and repeats among them.
        table: each rater's first answer about each image.
        pooled: those of the raters that enter averages; see `Facts`.
        grid: `pooled` as (raters, images).
    """

    answers: AnswerTable
    table: AnswerTable
    pooled: AnswerTable
    grid: "Grid"
    context: Context


def study_of(answers: AnswerTable, context: Context) -> Study:
    """Arrange the answers of a study.

    Raises:
        TableRefused: all are practice or repeats.
    """
    table = answers.first_showings()
    if not len(table):
        raise TableRefused(f"{answers.source}: all answers are practice or repeats")
    pooled = _pooled(table)
    return Study(answers, table, pooled, Grid(pooled), context)


def said_synthetic(study: Study) -> Floats:
    """Return (raters, images): 1 judged synthetic, 0 judged real, NaN without an answer."""
    answered = study.pooled.text("answered_origin")
    said = np.where(answered == "", np.nan, (answered == "synthetic").astype(float))
    return study.grid.fill(said)


def in_pairs(study: Study) -> bool:
    """Tell whether raters chose between a real and a synthetic image beside each other."""
    return bool((study.pooled.text("beside") != "").any())


def follows_answers(study: Study) -> bool:
    """Tell whether the time that an image was shown for depended on earlier answers."""
    exposure = study.pooled.number("exposure_ms")
    return len(np.unique(exposure[np.isfinite(exposure)])) > 1


class Grid:
    """The answers of a table as (raters, images), with the truth of each image beside."""

    def __init__(self, table: AnswerTable) -> None:
        raters, self._row = np.unique(table.text("rater"), return_inverse=True)
        images, first, self._column = np.unique(
            table.text("image"), return_index=True, return_inverse=True
        )
        self.raters = [str(name) for name in raters]
        self.images = [str(name) for name in images]
        self.shape = (len(raters), len(images))
        self.synthetic: Flags = table.text("origin")[first] == "synthetic"
        self.entity = table.text("entity")[first]
        self.generator = table.text("generator")[first]

    def of(self, table: AnswerTable) -> "Grid":
        """Return this grid for other answers of its raters about its images."""
        other = copy(self)
        other._row = np.searchsorted(self.raters, table.text("rater"))
        other._column = np.searchsorted(self.images, table.text("image"))
        return other

    def fill(self, values: Floats) -> Floats:
        """Return one value an answer as (raters, images), NaN where there is none."""
        grid = np.full(self.shape, np.nan)
        grid[self._row, self._column] = values
        return grid


def _pooled(table: AnswerTable) -> AnswerTable:
    kind = table.text("rater_kind")
    for those in (~np.isin(kind, ("ai", "simulated")), kind == "simulated"):
        if those.any():
            return table.where(those)
    return table
