"""How the comparison of generators is laid out."""

from collections.abc import Mapping

from analysis.report import generator_figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.chapters.generators import Comparison, EntityCell, GeneratorFindings
from analysis.report.drawing import draw
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.report.wording import MEASURES, p_cell, p_text
from analysis.results import Estimate, Number, Unknown


def show(found: GeneratorFindings, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    compared = {
        name: comparison
        for name, comparison in (("deception_rate", found.deception_rate), ("auc", found.auc))
        if comparison is not None
    }
    blocks = [Block(text=tuple(_about(compared))), Block(table=_generators(compared))]
    for name, comparison in compared.items():
        if comparison.pairs:
            blocks.append(_differences(name, comparison))
    if any(comparison.pairs for comparison in compared.values()):
        blocks.append(Block(table=_pairs(compared)))
    if found.cells:
        blocks += _cell_blocks(found.cells, names)
    return Section("generators", "Generators compared", tuple(blocks))


def _about(compared: Mapping[str, "Comparison"]) -> list[str]:
    said = [
        "Generators share the real images, and each has synthetic images of its own. They are "
        "compared within raters; raters and images are random, and p is adjusted for the number "
        "of pairs (Holm)."
    ]
    for name, comparison in compared.items():
        if comparison.reason:
            said.append(f"{MEASURES[name]}: generators are not compared, {comparison.reason}.")
        elif comparison.equal and comparison.equal.p is not None:
            said.append(
                f"{MEASURES[name]}: the test that all generators are equal has "
                f"p = {p_text(comparison.equal.p)}."
            )
        elif comparison.equal:
            why = (comparison.equal.method or "").rpartition("no test: ")[2]
            said.append(f"{MEASURES[name]}: there is no test of generators, {why}.")
    return said


def _generators(compared: Mapping[str, "Comparison"]) -> ReportTable:
    arms = list(next(iter(compared.values())).by_generator)
    return ReportTable(
        "generators",
        "Each generator",
        columns(
            generator="Generator",
            **{
                key: title
                for name in compared
                for key, title in ((name, MEASURES[name]), (f"{name}_verdict", "Verdict"))
            },
        ),
        tuple(
            (
                arm,
                *(
                    cell
                    for comparison in compared.values()
                    for cell in (
                        comparison.by_generator[arm].estimate,
                        comparison.by_generator[arm].verdict,
                    )
                ),
            )
            for arm in arms
        ),
        note="Verdicts are against chance (0.5).",
    )


def _differences(name: str, comparison: Comparison) -> Block:
    rows = {f"{pair.first} − {pair.second}": pair.difference for pair in comparison.pairs}
    label = MEASURES[name]
    return Block(
        drawings=(
            draw(
                f"generator_differences_{name}",
                generator_figures.differences(rows, f"difference of {label[0].lower()}{label[1:]}")
                if name != "auc"
                else generator_figures.differences(rows, f"difference of {label}"),
                f"{label}: differences between generators with 95% interval, raters and images "
                "random.",
                f"{label}: "
                + ", ".join(f"{pair} {printed(number)}" for pair, number in rows.items()),
            ),
        )
    )


def _reason(number: Number) -> str:
    return number.reason if isinstance(number, Unknown) else ""


def _pairs(compared: Mapping[str, "Comparison"]) -> ReportTable:
    reasons = any(_reason(pair.difference) for one in compared.values() for pair in one.pairs)
    return ReportTable(
        "generator_differences",
        "Differences between generators",
        columns(
            measure="Measure",
            first="First",
            second="Second",
            difference="First − second (95% interval)",
            df="df",
            p="p",
            p_holm="p, Holm",
            **({"reason": "Reason"} if reasons else {}),
        ),
        tuple(
            (
                MEASURES[name],
                pair.first,
                pair.second,
                pair.difference,
                pair.difference.df if isinstance(pair.difference, Estimate) else None,
                p_cell(pair.p),
                p_cell(pair.p_holm),
                *([_reason(pair.difference)] if reasons else []),
            )
            for name, comparison in compared.items()
            for pair in comparison.pairs
        ),
        note="Analysis of Obuchowski and Rockette with generators as treatments: "
        + "; ".join(
            f"{MEASURES[name]}, {comparison.design}"
            for name, comparison in compared.items()
            if comparison.design
        )
        + ". Intervals are not adjusted.",
    )


def _cell_blocks(cells: tuple[EntityCell, ...], names: Mapping[str, str]) -> list[Block]:
    arms = list(dict.fromkeys(cell.generator for cell in cells))
    entities = [code for code in names if any(cell.entity == code for cell in cells)]
    at = {(cell.generator, cell.entity): cell for cell in cells}

    def note(cell: EntityCell | None) -> str:
        if cell is None:
            return "no images"
        if isinstance(cell.rate, Unknown):
            return f"{cell.judged_real} of {cell.answers}"
        return f"p {p_text(cell.p_adjusted)}" if cell.p_adjusted is not None else "no test"

    drawing = draw(
        "generator_by_entity",
        generator_figures.entity_dots(
            [names[code] for code in entities],
            {arm: [_rate(at.get((arm, code))) for code in entities] for arm in arms},
            {arm: [note(at.get((arm, code))) for code in entities] for arm in arms},
        ),
        "Deception rate of each generator on each entity with 95% interval; p, against chance, is "
        "adjusted for the number of cells (Benjamini and Hochberg). Counts stand where there are "
        "too few images or raters.",
        "Deception rate: "
        + ", ".join(
            f"{cell.generator} {names[cell.entity]} {printed(cell.rate)}" for cell in cells
        ),
    )
    table = ReportTable(
        "generator_by_entity",
        "Deception rate by generator and entity",
        columns(
            generator="Generator",
            entity="Entity",
            images="Images",
            raters="Raters",
            judged_real="Judged real",
            answers="Answers",
            rate="Deception rate (95% interval)",
            p="p",
            p_adjusted="p, adjusted",
        ),
        tuple(_cell_row(cell, names) for cell in cells),
        note="For exploring: p is against chance (0.5), adjusted over all cells by Benjamini and "
        "Hochberg. That one cell differs from chance and another does not is no difference between "
        "them. Cells of fewer than 5 images or 3 raters have counts only.",
    )
    return [Block(heading="By entity", drawings=(drawing,)), Block(table=table)]


def _rate(cell: EntityCell | None) -> Estimate | Unknown | None:
    return None if cell is None else cell.rate


def _cell_row(cell: EntityCell, names: Mapping[str, str]) -> tuple[Cell, ...]:
    return (
        cell.generator,
        names[cell.entity],
        cell.images,
        cell.raters,
        cell.judged_real,
        cell.answers,
        cell.rate,
        p_cell(cell.p),
        p_cell(cell.p_adjusted),
    )
