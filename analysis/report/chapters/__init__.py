"""Chapters of a report, in their order: each finds its numbers and says how they are shown.

A chapter is a module with

    KEY    names it in report.json and in the page's address
    find   from the study to a frozen dataclass of numbers; None where the study has nothing for it
    show   from these numbers, the facts and names of entities to a section of the page

A chapter that is long has `show` in a module of its own, `…_page`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.report.chapters import (
    agreement,
    ai,
    ai_page,
    checklist,
    confidence,
    flow,
    generators,
    generators_page,
    hype,
    hype_page,
    images,
    model,
    response_time,
    robustness,
    sensitivity,
    sensitivity_page,
    subgroups,
    subgroups_page,
    verdict,
    verdict_page,
)
from analysis.report.findings import Facts
from analysis.report.layout import Section
from analysis.report.study import Study

#: Any: each chapter shows what it found, of a type of its own.
Find = Callable[[Study], Any | None]
Show = Callable[[Any, Facts, Mapping[str, str]], Section]


@dataclass(frozen=True)
class Chapter:
    """What stands in one section of the report, and what it rests on."""

    key: str
    find: Find
    show: Show


CHAPTERS = (
    Chapter(verdict.KEY, verdict.find, verdict_page.show),
    Chapter(sensitivity.KEY, sensitivity.find, sensitivity_page.show),
    Chapter(generators.KEY, generators.find, generators_page.show),
    Chapter(subgroups.KEY, subgroups.find, subgroups_page.show),
    Chapter(images.KEY, images.find, images.show),
    Chapter(agreement.KEY, agreement.find, agreement.show),
    Chapter(confidence.KEY, confidence.find, confidence.show),
    Chapter(response_time.KEY, response_time.find, response_time.show),
    Chapter(model.KEY, model.find, model.show),
    Chapter(hype.KEY, hype.find, hype_page.show),
    Chapter(ai.KEY, ai.find, ai_page.show),
    Chapter(robustness.KEY, robustness.find, robustness.show),
    Chapter(flow.KEY, flow.find, flow.show),
    Chapter(checklist.KEY, checklist.find, checklist.show),
)
