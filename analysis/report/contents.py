"""Contents of a report: which sentences, figures and tables stand in which section."""

from collections.abc import Mapping

from analysis.report import figures, headline, tables, words
from analysis.report.cells import ReportTable, printed
from analysis.report.chapters import CHAPTERS
from analysis.report.drawing import Drawing, draw
from analysis.report.figure_data import curve_tables
from analysis.report.findings import (
    Discrimination,
    EntityFindings,
    Findings,
    OriginFindings,
)
from analysis.report.layout import Block, Contents, KeyNumber, Section
from analysis.report.methods import methods_text
from analysis.results import Estimate, Number
from analysis.table import ORIGINS

#: More small matrices than this are not looked at; the CSV has them all.
MOST_MATRICES = 24
#: The chapter that stands before all others.
FIRST = "verdict"


def contents(findings: Findings) -> Contents:
    """Lay out the report of some findings; draws all figures."""
    facts = findings.facts
    names = {code: words.ENTITY_NAMES.get(code, code) for code in facts.entities}
    with figures.house_style():
        chapters = [
            chapter.show(findings.chapters[chapter.KEY], facts, names)
            for chapter in CHAPTERS
            if chapter.KEY in findings.chapters
        ]
        first = [section for section in chapters if section.key == FIRST]
        sections = [_study(findings, names), *first]
        if findings.origin or findings.detection:
            sections.append(_origin(findings, names))
        if findings.entity:
            sections.append(_diagnosis(findings, names))
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


def _origin(findings: Findings, names: dict[str, str]) -> Section:
    blocks: list[Block] = []
    origin, detection = findings.origin, findings.detection
    if origin:
        blocks.append(Block(drawings=(_deception_by_rater(findings, origin),)))
    pair: list[Drawing] = []
    if detection and (detection.curves or detection.points):
        pair.append(_detection(detection))
    if origin:
        pair.append(
            draw(
                "confusion_origin",
                figures.confusion_map(origin.confusion, ORIGINS),
                "Truth in the rows, answers in the columns; shading is the share of the row.",
                "Confusion matrix of origin: " + _counted(origin.confusion.counts.tolist()),
            )
        )
    blocks.append(Block(heading="Real against synthetic", drawings=tuple(pair)))
    if origin:
        blocks.append(
            Block(
                table=tables.classification(
                    origin.report,
                    origin.accuracy,
                    {
                        "real": _complement(origin.false_alarm_rate),
                        "synthetic": _complement(origin.deception_rate),
                    },
                    {name: name for name in ORIGINS},
                    "report_origin",
                    "Classification report of origin, all images",
                )
            )
        )
        blocks += _deception_by_kind(findings, origin, names)
    return Section("origin", "Real or AI-generated?", tuple(blocks))


def _deception_by_rater(findings: Findings, origin: OriginFindings) -> Drawing:
    pooled = [one for one in findings.raters if one.rater in findings.facts.pooled]
    rows = [figures.Row(one.rater, one.deception_rate) for one in pooled]
    if len(rows) > 1:
        rows.append(figures.Row("mean of raters", origin.deception_rate, summary=True))
    return draw(
        "deception_by_rater",
        figures.forest(rows, axis="synthetic images judged real", chance=0.5),
        "Deception rate: the share of synthetic images that each rater judged real, with 95% "
        "interval."
        + (" The mean's interval takes raters and images as random." if len(rows) > 1 else ""),
        _spoken("Deception rate", [(row.label, row.number) for row in rows]),
    )


def _detection(found: Discrimination) -> Drawing:
    area = printed(found.area)
    if found.graded:
        return draw(
            "roc_origin",
            figures.detection_curve(found),
            f"ROC curve of origin from the ratings, all images. AUC {area}.",
            f"ROC curve of telling synthetic from real; AUC {area}",
        )
    return draw(
        "operating_points_origin",
        figures.detection_curve(found),
        f"One operating point a rater: there are answers, but no ratings, hence no curve. "
        f"Balanced accuracy (one operating point) {area}.",
        f"Operating points of telling synthetic from real; balanced accuracy {area}",
    )


def _deception_by_kind(
    findings: Findings, origin: OriginFindings, names: dict[str, str]
) -> list[Block]:
    blocks = []
    if len(origin.deception_by_generator) > 1:
        rows = [figures.Row(name, rate) for name, rate in origin.deception_by_generator.items()]
        blocks.append(
            Block(
                heading="By generator",
                drawings=(
                    draw(
                        "deception_by_generator",
                        figures.forest(rows, axis="synthetic images judged real", chance=0.5),
                        "Deception rate of each generator.",
                        _spoken("Deception rate", [(row.label, row.number) for row in rows]),
                    ),
                ),
            )
        )
    if origin.deception_by_generator:
        blocks.append(Block(table=tables.generators(origin)))
    entities = list(origin.deception_by_entity)
    series = {
        "synthetic": [origin.deception_by_entity[code] for code in entities],
        "real": [_complement(origin.false_alarm_by_entity[code]) for code in entities],
    }
    blocks.append(
        Block(
            heading="By entity",
            drawings=(
                draw(
                    "judged_real_by_entity",
                    figures.paired_dots(
                        [names[code] for code in entities], series, axis="judged real"
                    ),
                    "Share of images judged real. The nearer the two marks, the better "
                    "synthetic images of this entity pass.",
                    _spoken(
                        "Synthetic images judged real",
                        [(names[code], origin.deception_by_entity[code]) for code in entities],
                    ),
                ),
            ),
        )
    )
    blocks.append(Block(table=tables.deception(origin, findings, names)))
    return blocks


def _complement(number: Number) -> Number:
    """Return the share of the other answer."""
    if not isinstance(number, Estimate):
        return number
    low, high = (None if end is None else 1 - end for end in (number.high, number.low))
    return Estimate(
        1 - number.value, number.se, number.df, low, high, number.level, number.n, number.method
    )


def _diagnosis(findings: Findings, names: dict[str, str]) -> Section:
    entity = findings.entity
    codes = findings.facts.entities
    by_origin = {origin: entity[origin] for origin in ORIGINS if origin in entity}
    blocks = [
        Block(
            text=tuple(filter(None, [words.diagnosis(findings)])),
            drawings=(
                draw(
                    "recall_by_entity",
                    figures.paired_dots(
                        [names[code] for code in codes],
                        {
                            origin: [found.recalls[code] for code in codes]
                            for origin, found in by_origin.items()
                        },
                        axis="right entity named",
                    ),
                    "Share of each entity's images that were named rightly, with 95% interval.",
                    " ".join(
                        _spoken(
                            f"Right entity, {origin} images",
                            [(names[code], found.recalls[code]) for code in codes],
                        )
                        + "."
                        for origin, found in by_origin.items()
                    ),
                ),
            ),
        )
    ]
    blocks.append(
        Block(
            heading="Confusion matrices",
            drawings=tuple(_entity_confusion(found, codes) for found in entity.values()),
        )
    )
    blocks += [
        Block(
            table=tables.classification(
                found.report,
                found.accuracy,
                found.recalls,
                names,
                f"report_entity_{subset}",
                f"Classification report of entity, {subset} images",
            )
        )
        for subset, found in entity.items()
    ]
    blocks += [
        Block(
            folded=True,
            table=tables.confusion_counts(
                found.confusion,
                names,
                f"confusion_entity_{subset}",
                f"Counts behind the confusion matrix, {subset} images",
            ),
        )
        for subset, found in entity.items()
    ]
    blocks += _each_against_rest(findings, names)
    matrices = entity["all"].by_rater
    if 1 < len(matrices) <= MOST_MATRICES:
        blocks.append(
            Block(
                heading="Confusion of each rater, all images",
                folded=True,
                drawings=(
                    draw(
                        "confusion_entity_by_rater",
                        figures.confusion_maps(matrices, codes),
                        "One matrix a rater; truth in the rows.",
                        f"Confusion matrices of {len(matrices)} raters; the counts are in "
                        "tables/confusion_entity_by_rater.csv",
                    ),
                ),
            )
        )
    return Section("diagnosis", "Was the diagnosis right?", tuple(blocks))


def _entity_confusion(found: EntityFindings, codes: tuple[str, ...]) -> Drawing:
    accuracy = printed(found.accuracy)
    return draw(
        f"confusion_entity_{found.subset}",
        figures.confusion_map(found.confusion, codes),
        f"{found.subset.capitalize()} images, {found.confusion.n} answers. Accuracy {accuracy}.",
        f"Confusion matrix of entity, {found.subset} images, accuracy {accuracy}; the counts are "
        "in the table below",
    )


def _each_against_rest(findings: Findings, names: dict[str, str]) -> list[Block]:
    entity = findings.entity
    table = tables.areas(entity, names)
    graded = any(one.graded for found in entity.values() for one in found.discrimination)
    drawing = draw(
        "roc_entity" if graded else "operating_points_entity",
        figures.entity_curves(
            {subset: found.discrimination for subset, found in entity.items()},
            list(names.values()),
        ),
        "ROC curves from the stated confidence, mean of raters."
        if graded
        else "One operating point a subset: only the chosen entity is known, hence no curve.",
        f"{table.title}; the numbers are in the table below",
    )
    return [Block(heading=table.title, drawings=(drawing,)), Block(table=table)]


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


def _spoken(what: str, numbers: list[tuple[str, Number]]) -> str:
    return f"{what}: " + ", ".join(f"{label} {printed(number)}" for label, number in numbers)


def _counted(counts: list[list[int]]) -> str:
    return "; ".join(
        f"{truth}: "
        + ", ".join(
            f"{count} called {answered}" for answered, count in zip(ORIGINS, row, strict=True)
        )
        for truth, row in zip(ORIGINS, counts, strict=True)
    )
