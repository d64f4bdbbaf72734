"""How a quality report tells whether images are nearer to what their generator learnt from."""

from collections.abc import Mapping

from analysis.quality import plots
from analysis.quality.assess import Quality
from analysis.quality.memorisation import Memorisation
from analysis.quality.resemblance import ALL
from analysis.report import words
from analysis.report.cells import Column, ReportTable, printed, reasons
from analysis.report.drawing import draw
from analysis.report.layout import Block, Section
from analysis.results import Estimate


def memorisation_section(quality: Quality, names: Mapping[str, str]) -> Section:
    """Lay out both comparisons by extractor."""
    facts = quality.facts
    said = [
        f"The generator is taken to have learnt from {facts.reference} and not from "
        f"{facts.held_out}, whose lesions are others. If it repeats what it has seen, its images "
        "lie nearer to the former.",
        "The set: KID from what was learnt from, less KID from held-out images, at equal numbers "
        "of each diagnosis; below 0 is nearer. Copies hardly move KID, and two datasets that were "
        "photographed differently do: read it beside how far they lie apart themselves.",
        "Single images: how many have their nearest real image of the diagnosis among those learnt "
        f"from. The floor is the same of photographs of {facts.reference}, each among all others: "
        "what a generator would reach that has learnt all and copies nothing, however the two "
        "datasets differ.",
    ]
    own = [one for one in quality.memorisation if one.extractor == facts.extractors[0].key]
    order = [*(one for one in own if one.entity), *(one for one in own if not one.entity)]
    blocks = [
        Block(
            text=(*said, *_single(order, names)),
            drawings=(
                draw(
                    "nearest",
                    plots.against_floor(
                        [names[one.entity] for one in order],
                        [one.nearest for one in order],
                        [one.nearest_floor for one in order],
                        f"nearest among what was learnt, {facts.extractors[0].title}",
                        ("synthetic images", "photographs learnt from"),
                        decimals=2,
                    ),
                    "Share of images whose nearest real image of their diagnosis is one that was "
                    "learnt from, with 95% interval, and the same of photographs (the floor).",
                    "Nearest among what was learnt, synthetic and floor: "
                    + "; ".join(
                        f"{names[one.entity]} {printed(one.nearest)} and "
                        f"{printed(one.nearest_floor)}"
                        for one in order
                    ),
                ),
            ),
        )
    ]
    for about in facts.extractors:
        rows = [one for one in quality.memorisation if one.extractor == about.key]
        label = f"{about.title}, SHA-256 {about.sha256[:16]}"
        blocks.append(Block(table=_table([*rows[1:], rows[0]], names, about.key, label)))
    return Section("memorisation", "Are they nearer to what was learnt?", tuple(blocks))


def memorisation_warnings(quality: Quality) -> tuple[str, ...]:
    """Return what must be known before the images are believed to be new."""
    facts = quality.facts
    titles = {about.key: about.title for about in facts.extractors}
    found = []
    for one in quality.memorisation:
        if one.entity != ALL:
            continue
        seen = f"in features of the {titles[one.extractor]}"
        if one.image_warning and isinstance(one.nearest, Estimate):
            found.append(
                f"Memorisation: {seen}, {words.percent(one.nearest.value)} of synthetic images "
                f"have their nearest photograph in {facts.reference}, by more than the interval "
                f"more than photographs of it have ({_percent(one.nearest_floor)}). Look for "
                "copies among them."
            )
        if one.set_warning:
            found.append(
                f"Memorisation: {seen}, images are nearer to {facts.reference}, which was learnt "
                f"from, than to {facts.held_out}, by more than the interval: KID "
                f"{printed(one.learnt, 3)} and {printed(one.held_out, 3)}, difference "
                f"{printed(one.difference, 3)}.{_apart(one)}"
            )
    return tuple(found)


def _apart(one: Memorisation) -> str:
    if not isinstance(one.apart, Estimate) or (one.apart.low or 0.0) <= 0:
        return ""
    return (
        f" The two datasets themselves lie {printed(one.apart, 3)} apart: a generator that copies "
        "nothing would lie as much nearer to the one that it has learnt."
    )


def _percent(number: object) -> str:
    return words.percent(number.value) if isinstance(number, Estimate) else "n/a"


def _single(found: list[Memorisation], names: Mapping[str, str]) -> list[str]:
    over = [names[one.entity] for one in found if one.entity and one.image_warning]
    if not over:
        return []
    return [
        "Of single diagnoses, more than the interval above the floor: "
        f"{words.listed(over)}. Of so many intervals, one in forty is so by chance."
    ]


def _table(
    found: list[Memorisation], names: Mapping[str, str], extractor: str, label: str
) -> ReportTable:
    rows = tuple(
        (
            names[one.entity],
            one.n,
            one.learnt,
            one.held_out,
            one.difference,
            one.apart,
            one.nearest,
            one.nearest_floor,
            one.nearest_excess,
        )
        for one in found
    )
    return ReportTable(
        f"memorisation_{extractor}",
        f"Learnt from and held out: {label}",
        (
            Column("entity", "Diagnosis"),
            Column("n", "n of each"),
            Column("learnt", "KID, learnt", 3),
            Column("held_out", "KID, held out", 3),
            Column("difference", "Difference", 3),
            Column("apart", "Datasets apart", 3),
            Column("nearest", "Nearest learnt"),
            Column("nearest_floor", "Floor"),
            Column("nearest_excess", "Excess"),
        ),
        rows,
        reasons(rows),
        summary_rows=1,
    )
