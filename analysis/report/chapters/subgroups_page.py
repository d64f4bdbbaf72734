"""How subgroups are laid out."""

from collections.abc import Mapping

from analysis.report import figures
from analysis.report.cells import Cell, ReportTable, columns, reasons
from analysis.report.chapters.rater_groups import YEARS_BANDS
from analysis.report.chapters.subgroups import VARIABLES, Subgroups, Variable
from analysis.report.drawing import draw
from analysis.report.findings import Facts
from analysis.report.grids import LEAST_IMAGES, LEAST_RATERS
from analysis.report.groups import Compared
from analysis.report.layout import Block, Section
from analysis.report.words import listed, numbers_in_words, p_value
from analysis.results import Unknown

RATER_VARIABLES = {
    "rater_role": "Role",
    "rater_experience": "Years in dermatology",
    "rater_dermoscopy": "Years of dermoscopy",
}


def show(found: Subgroups, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the tests of interaction, then each variable, then entities' recognisability."""
    asked = any(level.judged_real[1] for v in found.variables.values() for level in v.levels)
    blocks = [Block(text=tuple(_sentences(found)))]
    if asked:
        blocks.append(Block(table=_tests(found)))
        for name, one in found.variables.items():
            blocks += _variable(name, one, names)
    if found.raters:
        blocks += _raters(found)
    if found.recognised:
        blocks.append(
            Block(
                heading="Are entities recognised as well on synthetic images?",
                table=_recognised(found, names),
            )
        )
    return Section("subgroups", "Subgroups", tuple(blocks))


def _sentences(found: Subgroups) -> list[str]:
    said = [
        "A group differs where the test of interaction says so, not where one interval reaches "
        "chance and another does not. Entities were shown by design and are confirmatory (Holm); "
        "everything else is exploratory (Benjamini and Hochberg). Groups of fewer than "
        f"{LEAST_IMAGES} images or {LEAST_RATERS} raters are counted only."
    ]
    if found.missing:
        what = listed([VARIABLES[name].lower() for name in found.missing])
        said.append(f"Not known of the images, or not in groups: {what}.")
    if not found.raters:
        said.append(
            "The table does not say how experienced raters are, or all are alike; they are not "
            "compared by it."
        )
    return said


def _p(p: float | None) -> str | None:
    return None if p is None else p_value(p)


TESTED = (
    "F tests of Obuchowski and Rockette, raters and images random: that deception rates are equal, "
    "and that real and synthetic are told apart equally well (interaction of origin and group)."
)


def _tested(one: Compared) -> tuple[Cell, ...]:
    p = one.test if isinstance(one.test, Unknown) else _p(one.test.p)
    return (p, _p(one.adjusted))


def _tests(found: Subgroups) -> ReportTable:
    rows = tuple(
        (
            VARIABLES[name],
            "confirmatory" if one.confirmatory else "exploratory",
            *_tested(one.equal),
            *_tested(one.interaction),
        )
        for name, one in found.variables.items()
    )
    compared = [each for one in found.variables.values() for each in (one.equal, one.interaction)]
    tested = any(not isinstance(each.test, Unknown) for each in compared)
    return ReportTable(
        "subgroup_tests",
        "Do groups differ?",
        columns(
            variable="Groups by",
            family="Family",
            equal="Deception rate, p",
            equal_adjusted="adjusted",
            interaction="Origin told, p (interaction)",
            interaction_adjusted="adjusted",
        ),
        rows,
        note=f"{TESTED if tested else ''} {reasons(rows)}".strip(),
    )


def _variable(name: str, one: Variable, names: Mapping[str, str]) -> list[Block]:
    rows = [
        (
            names.get(level.label, level.label),
            level.synthetic,
            level.real,
            f"{level.judged_real[0]} of {level.judged_real[1]}",
            level.deception_rate,
            level.told_apart,
            level.entity_right,
            level.difference,
            _p(level.p),
            _p(level.adjusted),
        )
        for level in one.levels
    ]
    how = "Holm" if one.confirmatory else "Benjamini and Hochberg"
    unknown = f" Unknown of {one.unknown} images." if one.unknown else ""
    table = ReportTable(
        f"subgroups_{name}",
        f"{VARIABLES[name]}: deception and accuracy",
        columns(
            group=VARIABLES[name],
            synthetic="Synthetic",
            real="Real",
            counts="Judged real",
            deception_rate="Deception rate",
            told_apart="Told apart",
            entity_right="Right entity",
            difference="Less the others",
            p="p",
            adjusted="adjusted p",
        ),
        tuple(rows),
        note="Told apart is the balanced accuracy of origin. Raters and images random. p that the "
        f"deception rate is that of the other synthetic images, adjusted after {how}.{unknown} "
        f"{reasons(rows)}".strip(),
    )
    lines = [figures.Row(names.get(x.label, x.label), x.deception_rate) for x in one.levels]
    blocks = []
    if name != "entity":  # drawn where origin is reported
        drawing = draw(
            f"subgroups_{name}",
            figures.forest(lines, axis="synthetic images judged real", chance=0.5),
            f"Deception rate by {VARIABLES[name].lower()}, with 95% interval.",
            numbers_in_words("Deception rate", [(row.label, row.number) for row in lines]),
        )
        blocks.append(Block(heading=f"By {VARIABLES[name].lower()}", drawings=(drawing,)))
    return [*blocks, Block(table=table)]


def _raters(found: Subgroups) -> list[Block]:
    """Return groups of raters: what they say of themselves, their rates, and the tests."""
    said = [
        "Raters are grouped by what they said of themselves. In each group raters and images are "
        "random; the tests take raters as nested in groups that read the same images. They are "
        "exploratory, adjusted together with those of the images above. Groups were not formed "
        "at random: a difference may have other reasons than the one that names it."
    ]
    bands = {label for _, label in YEARS_BANDS}
    if any(level.label in bands for one in found.raters.values() for level in one.levels):
        said.append("Years are banded as by Haenssle et al. (2018): beginners, skilled, experts.")
    if found.raters_missing:
        what = listed([RATER_VARIABLES[name].lower() for name in found.raters_missing])
        said.append(f"Not known of the raters, or not in groups: {what}.")
    lines = [
        figures.Row(f"{RATER_VARIABLES[name]}: {_in_words(level.label)}", level.deception_rate)
        for name, one in found.raters.items()
        for level in one.levels
    ]
    blocks = [Block(heading="By experience of the raters", text=tuple(said))]
    if any(level.judged_real[1] for one in found.raters.values() for level in one.levels):
        drawing = draw(
            "subgroups_raters",
            figures.forest(lines, axis="synthetic images judged real", chance=0.5),
            "Deception rate by group of raters, with 95% interval, raters and images random.",
            numbers_in_words("Deception rate", [(row.label, row.number) for row in lines]),
        )
        blocks.append(Block(drawings=(drawing,)))
    return [*blocks, Block(table=_rater_levels(found)), Block(table=_rater_tests(found))]


def _in_words(label: str) -> str:
    return label.replace("_", " ")


def _rater_levels(found: Subgroups) -> ReportTable:
    rows = tuple(
        (
            RATER_VARIABLES[name],
            _in_words(level.label),
            level.raters,
            f"{level.judged_real[0]} of {level.judged_real[1]}",
            level.deception_rate,
            level.told_apart,
            level.entity_right,
        )
        for name, one in found.raters.items()
        for level in one.levels
    )
    unknown = "".join(
        f" {RATER_VARIABLES[name]} unknown of {one.unknown} raters."
        for name, one in found.raters.items()
        if one.unknown
    )
    return ReportTable(
        "subgroups_raters",
        "Groups of raters: deception and accuracy",
        columns(
            variable="Groups by",
            group="Group",
            raters="Raters",
            counts="Judged real",
            deception_rate="Deception rate",
            told_apart="Told apart",
            entity_right="Right entity",
        ),
        rows,
        note="Told apart is the balanced accuracy of origin. Raters and images random. AI raters "
        f"are in no group.{unknown} {reasons(rows)}".strip(),
    )


def _rater_tests(found: Subgroups) -> ReportTable:
    rows = tuple(
        (
            RATER_VARIABLES[name],
            *_tested(one.equal),
            *_tested(one.interaction),
            *_tested(one.entity),
        )
        for name, one in found.raters.items()
    )
    return ReportTable(
        "subgroup_tests_raters",
        "Do groups of raters differ?",
        columns(
            variable="Groups by",
            equal="Deception rate, p",
            equal_adjusted="adjusted",
            told="Told apart, p",
            told_adjusted="adjusted",
            entity="Right entity, p",
            entity_adjusted="adjusted",
        ),
        rows,
        note="F tests of Obuchowski and Rockette, raters nested in groups, raters and images "
        f"random; groups of fewer than {LEAST_RATERS} raters are left out. Adjusted after "
        f"Benjamini and Hochberg among all exploratory groups. {reasons(rows)}".strip(),
    )


def _recognised(found: Subgroups, names: Mapping[str, str]) -> ReportTable:
    rows = tuple(
        (
            names.get(one.entity, one.entity),
            one.synthetic,
            one.real,
            one.difference,
            _p(one.p),
            _p(one.adjusted),
        )
        for one in found.recognised
    )
    return ReportTable(
        "recognisability",
        "Right entity named, synthetic against real images",
        columns(
            entity="Entity",
            synthetic="Synthetic",
            real="Real",
            difference="Synthetic less real",
            p="p",
            adjusted="adjusted p",
        ),
        rows,
        note=f"Raters and images random; p adjusted after Holm. {reasons(rows)}".strip(),
    )
