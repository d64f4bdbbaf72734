"""The flow of a study: how many images and raters came from stage to stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.report import flow_figure
from analysis.report.cells import ReportTable, columns
from analysis.report.drawing import draw
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.table import ORIGINS, AnswerTable

KEY = "flow"
UNKNOWN = "not known"


@dataclass(frozen=True)
class Stage:
    """How many came to a stage; None where nobody knows."""

    name: str
    count: int | None


@dataclass(frozen=True)
class Flow:
    """The stages of each origin's images and of the raters, from first to last."""

    images: Mapping[str, tuple[Stage, ...]]
    raters: tuple[Stage, ...]


def find(study: Study) -> Flow:
    """Count images and raters at each stage."""
    known = study.context.description
    return Flow(
        {
            origin: _images(study, origin, known.get("images", {}).get(origin, {}))
            for origin in ORIGINS
        },
        _raters(study, known.get("raters", {})),
    )


def _images(study: Study, origin: str, known: Mapping[str, int | None]) -> tuple[Stage, ...]:
    catalogued, suspected = known.get("catalogued"), known.get("suspected_copies")
    screened = None if catalogued is None or suspected is None else catalogued - suspected
    given = study.answers.where(_of_the_study(study.answers))
    return (
        Stage("imported" if origin == "real" else "generated", catalogued),
        Stage("screened", screened),
        Stage("drawn", known.get("drawn")),
        Stage("shown", known.get("shown")),
        Stage("answered", _distinct(given, "image", origin)),
        Stage("analysed", _distinct(study.pooled, "image", origin)),
    )


def _raters(study: Study, known: Mapping[str, int | None]) -> tuple[Stage, ...]:
    given = study.answers.where(_of_the_study(study.answers))
    return (
        Stage("invited", known.get("invited")),
        Stage("consented", known.get("consented")),
        Stage("started", known.get("started")),
        Stage("answered", _distinct(given, "rater")),
        Stage("finished", known.get("finished")),
        Stage("analysed", _distinct(study.pooled, "rater")),
    )


def _of_the_study(table: AnswerTable) -> np.ndarray:
    return ~table.flags["practice"] & ~table.flags["check"]


def _distinct(table: AnswerTable, column: str, origin: str = "") -> int:
    own = table.where(table.text("origin") == origin) if origin else table
    return int(np.unique(own.text(column)).size)


def show(found: Flow, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the flow as a figure, and its numbers."""
    paths = [
        ("Photographs", "real", found.images["real"]),
        ("AI images", "synthetic", found.images["synthetic"]),
        ("Raters", "heat", found.raters),
    ]
    return Section(
        KEY,
        "Flow of images and raters",
        (
            Block(
                text=_said(found),
                drawings=(
                    draw(
                        KEY,
                        flow_figure.flow(
                            [
                                (title, colour, [(stage.name, stage.count) for stage in stages])
                                for title, colour, stages in paths
                            ]
                        ),
                        "Images and raters from stage to stage; dashed stages are not known.",
                        "; ".join(
                            f"{title}: "
                            + ", ".join(f"{_count(stage.count)} {stage.name}" for stage in stages)
                            for title, _, stages in paths
                        ),
                    ),
                ),
            ),
            Block(
                folded=True,
                table=ReportTable(
                    KEY,
                    "Numbers of the flow",
                    columns(path="", stage="Stage", count="Number"),
                    tuple(
                        (title, stage.name, UNKNOWN if stage.count is None else stage.count)
                        for title, _, stages in paths
                        for stage in stages
                    ),
                ),
            ),
        ),
    )


def _said(found: Flow) -> tuple[str, ...]:
    stages: Sequence[Stage] = [
        stage for path in (*found.images.values(), found.raters) for stage in path
    ]
    if all(stage.count is not None for stage in stages):
        return ()
    return (
        "A table of answers does not tell what came before the answers: stages that are not known "
        "are dashed, and for the authors to fill in.",
    )


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)
