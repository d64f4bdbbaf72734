"""Contents of a report: which sentences, figures and tables stand in which section."""

from collections.abc import Mapping

from analysis.report import diagnosis_page, figures, headline, origin_page, tables, words
from analysis.report.cells import ReportTable
from analysis.report.chapters import CHAPTERS
from analysis.report.drawing import draw
from analysis.report.elements import house_style
from analysis.report.figure_data import curve_tables
from analysis.report.findings import (
    EntityFindings,
    Findings,
    OriginFindings,
)
from analysis.report.layout import Block, Contents, KeyNumber, Section
from analysis.report.methods import methods_text
from analysis.results import Estimate, Number
from analysis.table import ORIGINS

#: The chapter that stands before all others.
FIRST = "verdict"


def contents(findings: Findings) -> Contents:
    """Lay out the report of some findings; draws all figures."""
    facts = findings.facts
    names = {code: words.ENTITY_NAMES.get(code, code) for code in facts.entities}
    with house_style():
        chapters = [
            chapter.show(findings.chapters[chapter.key], facts, names)
            for chapter in CHAPTERS
            if chapter.key in findings.chapters
        ]
        first = [section for section in chapters if section.key == FIRST]
        sections = [_study(findings, names), *first]
        if findings.origin or findings.detection:
            sections.append(origin_page.show(findings, names))
        if findings.entity:
            sections.append(diagnosis_page.show(findings, names))
        sections.append(_raters(findings))
        sections += [section for section in chapters if section.key != FIRST]
        sections.append(_methods(findings))
    written = methods_text(findings, sections)
    sections[-1] = _with_pasted(sections[-1], written)
    return Contents(
        title=f"Visual Turing test: {facts.study}" if facts.study else "Visual Turing test",
        headline=headline.headline(findings),
        verdict=headline.verdict(findings),
        key_numbers=_key_numbers(findings),
        warnings=(*facts.caveats, *words.about_raters(facts)),
        sections=tuple(sections),
        extra_tables=(*_extra_tables(findings), *curve_tables(findings)),
        methods=written,
    )


def _key_numbers(findings: Findings) -> tuple[KeyNumber, ...]:
    numbers: list[tuple[str, Number, float | None, str]] = []
    if findings.origin:
        numbers += [
            ("Synthetic images judged real", findings.origin.deception_rate, 0.5, "synthetic"),
            ("Right about real or synthetic", findings.origin.accuracy, None, "ink"),
        ]
    numbers += [
        (
            f"Right entity, {subset} images",
            found.accuracy,
            None,
            subset if subset in ORIGINS else "ink",
        )
        for subset, found in findings.entity.items()
    ]
    return tuple(
        KeyNumber(label, number, chance, colour)
        for label, number, chance, colour in numbers
        if isinstance(number, Estimate)
    )


def _study(findings: Findings, names: dict[str, str]) -> Section:
    facts = findings.facts
    kinds = words.listed(
        [
            f"{count} {words.KINDS.get(kind, kind)} rater{'s' * (count > 1)}".replace("  ", " ")
            for kind, count in facts.raters.items()
        ]
    )
    shown = {origin: sum(by.values()) for origin, by in facts.images.items()}
    lines = [
        f"{sum(shown.values())} images, {shown['real']} real and {shown['synthetic']} synthetic"
        + (f" (by {words.listed(facts.generators)})" if facts.generators else "")
        + f", were read by {kinds}: {facts.answers} answers, from {facts.source}.",
        *words.notes(findings),
    ]
    return Section(
        "study",
        "What was read",
        (
            Block(text=tuple(lines)),
            Block(table=tables.images(facts, names)),
        ),
    )


def _raters(findings: Findings) -> Section:
    blocks = [Block(table=table) for table in tables.raters(findings)]
    timed = {one.rater: one.times for one in findings.raters if one.times}
    if timed:
        blocks.append(
            Block(
                heading="Response time",
                drawings=(
                    draw(
                        "response_times",
                        figures.response_times(timed),
                        "Median time an image and the middle half of all times.",
                        "Median seconds an image: "
                        + ", ".join(f"{name} {times.median:.1f}" for name, times in timed.items()),
                    ),
                ),
            )
        )
        blocks.append(Block(table=tables.response_times(findings.times)))
    return Section("raters", "The raters", tuple(blocks))


def _methods(findings: Findings) -> Section:
    return Section(
        "methods",
        "Methods and limits",
        (
            Block(table=tables.measures(findings)),
            Block(heading="Methods", text=tuple(words.methods(findings))),
            Block(heading="Limits", text=tuple(words.limits(findings))),
        ),
    )


def _with_pasted(section: Section, text: str) -> Section:
    block = Block(heading="Methods and references, ready to paste", folded=True, pasted=text)
    return Section(section.key, section.title, (*section.blocks, block))


def _extra_tables(findings: Findings) -> list[ReportTable]:
    """Return what the page shows pooled only: everything by rater."""
    asked: dict[str, Mapping[str, EntityFindings | OriginFindings]] = {}
    if findings.entity:
        asked["entity"] = findings.entity
    if findings.origin:
        asked["origin"] = {"all": findings.origin}
    found: list[ReportTable] = []
    for what, subsets in asked.items():
        counts = {
            subset: {"pooled": one.confusion, **one.by_rater} for subset, one in subsets.items()
        }
        reports = {
            subset: {"pooled": one.report, **one.reports_by_rater}
            for subset, one in subsets.items()
        }
        found += [
            tables.confusion_long(
                counts, f"confusion_{what}_by_rater", f"Confusion of {what}, pooled and by rater"
            ),
            tables.classification_long(
                reports,
                f"report_{what}_by_rater",
                f"Classification reports of {what}, pooled and by rater",
            ),
        ]
    return found
