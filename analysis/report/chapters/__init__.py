"""Chapters of a report, in their order: each finds its numbers and says how they are shown.

A chapter is a module with

    KEY    names it in report.json and in the page's address
    find   from the study to a frozen dataclass of numbers; None where the study has nothing for it
    show   from these numbers, the facts and names of entities to a section of the page
"""

from collections.abc import Mapping
from typing import Any, Protocol

from analysis.report.chapters import (
    agreement,
    ai,
    checklist,
    confidence,
    flow,
    generators,
    hype,
    images,
    model,
    response_time,
    robustness,
    sensitivity,
    subgroups,
    verdict,
)
from analysis.report.findings import Facts
from analysis.report.layout import Section
from analysis.report.study import Study


class Chapter(Protocol):
    """What a module of this package offers."""

    KEY: str

    def find(self, study: Study) -> Any | None:
        """Return the numbers of the chapter, or None where the study has nothing for it."""
        ...

    def show(self, found: Any, facts: Facts, names: Mapping[str, str]) -> Section:
        """Lay out what `find` returned."""
        ...


CHAPTERS: tuple[Chapter, ...] = (
    verdict,
    sensitivity,
    generators,
    subgroups,
    images,
    agreement,
    confidence,
    response_time,
    model,
    hype,
    ai,
    robustness,
    flow,
    checklist,
)
