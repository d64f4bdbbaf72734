"""How an AI beside raters is laid out."""

from collections.abc import Mapping

from analysis.report import generator_figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.chapters.ai import AgainstRaters, AIFindings
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.report.wording import MEASURES, p_cell
from analysis.results import Unknown


def show(found: AIFindings, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    blocks = [
        Block(
            text=(
                "An AI is one fixed reader. It is compared with raters on the same images only, "
                "all of which all have read: other images, or another mix, would compare images "
                "and not readers. Raters and images are random.",
                *_refusals(found),
            )
        )
    ]
    known = {
        name: rows
        for name, measures in found.compared.items()
        if (rows := {m: one for m, one in measures.items() if not isinstance(one, Unknown)})
    }
    if known:
        blocks += [Block(table=_summary(known)), Block(table=_each(known))]
        blocks[1:1] = [Block(drawings=tuple(_drawings(known)))]
    return Section("ai", "AI beside the raters", tuple(blocks))


def _refusals(found: AIFindings) -> list[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, measures in found.compared.items():
        for measure, one in measures.items():
            if isinstance(one, Unknown):
                reasons.setdefault((name, one.reason), []).append(MEASURES[measure])
    return [
        f"{name} is not compared ({', '.join(measures)}): {reason}."
        for (name, reason), measures in reasons.items()
    ]


def _drawings(known: Mapping[str, Mapping[str, "AgainstRaters"]]) -> list[Drawing]:
    drawings = []
    for k, (name, measures) in enumerate(known.items(), start=1):
        measure = "auc" if "auc" in measures else next(iter(measures))
        one = measures[measure]
        rows = {**one.by_rater, "mean of raters": one.difference}
        label = MEASURES[measure]
        drawings.append(
            draw(
                f"ai_{k}_difference",
                generator_figures.differences(rows, f"{label}, rater − {name}"),
                f"{label}: each rater less {name}, on the same images; above 0 the rater is "
                "higher. The mean's interval takes raters and images as random.",
                f"{label}, rater minus {name}: "
                + ", ".join(f"{rater} {printed(number)}" for rater, number in rows.items()),
            )
        )
    return drawings


def _summary(known: Mapping[str, Mapping[str, "AgainstRaters"]]) -> ReportTable:
    return ReportTable(
        "ai",
        "Raters against AI, same images",
        columns(
            ai="AI",
            measure="Measure",
            ai_value="AI's figure",
            raters="Mean of raters (95% interval)",
            difference="Raters − AI (95% interval)",
            p="p",
            p_fixed_cases="p, these images only",
        ),
        tuple(
            (
                name,
                MEASURES[measure],
                one.ai,
                one.raters,
                one.difference,
                p_cell(one.test.p),
                p_cell(one.fixed_cases.p),
            )
            for name, measures in known.items()
            for measure, one in measures.items()
        ),
        note="The last column takes the images for all there are, which can make the same "
        "difference look surer than it is.",
    )


def _each(known: Mapping[str, Mapping[str, "AgainstRaters"]]) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [
        (name, MEASURES[measure], rater, number, p_cell(one.tests[rater].p))
        for name, measures in known.items()
        for measure, one in measures.items()
        for rater, number in one.by_rater.items()
    ]
    return ReportTable(
        "ai_by_rater",
        "Each rater against AI",
        columns(ai="AI", measure="Measure", rater="Rater", difference="Rater − AI", p="p"),
        tuple(rows),
        note="Of each rater alone, images random: DeLong's test for areas, McNemar's exact test "
        "and Newcombe's interval for shares.",
    )
