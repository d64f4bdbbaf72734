"""How a quality report tells whether images are nearer to what their generator learnt from."""

from collections.abc import Mapping, Sequence

from analysis.quality import plots
from analysis.quality.assess import Quality
from analysis.quality.memorisation import Memorisation
from analysis.report import words
from analysis.report.cells import Column, ReportTable, printed, reasons
from analysis.report.drawing import draw
from analysis.report.layout import Block, Section
from analysis.results import Estimate, Number


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
            text=tuple(said),
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
        blocks += _tables([*rows[1:], rows[0]], names, about.key, label)
    return Section("memorisation", "Are they nearer to what was learnt?", tuple(blocks))


def memorisation_warnings(quality: Quality, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what must be known before the images are believed to be new."""
    facts, found = quality.facts, []
    for about in facts.extractors if quality.memorisation else ():
        own = [one for one in quality.memorisation if one.extractor == about.key]
        everything = own[0]
        seen = f"Memorisation, in features of the {about.title}:"
        if over := [one for one in own if one.image_warning]:
            shares = words.listed(
                [
                    f"{names[o.entity]} {_percent(o.nearest)}, {_percent(o.nearest_floor)}"
                    for o in over
                ]
            )
            found.append(
                f"{seen} more synthetic images than photographs have their nearest photograph in "
                f"{facts.reference}, by more than the interval ({shares}). Look for copies among "
                "them."
            )
        if everything.set_warning:
            found.append(
                f"{seen} images are nearer to {facts.reference}, which was learnt from, than to "
                f"{facts.held_out}, by more than the interval: KID {printed(everything.learnt, 3)} "
                f"and {printed(everything.held_out, 3)}, difference "
                f"{printed(everything.difference, 3)}.{_apart(everything)}"
            )
    return tuple(found)


def _apart(one: Memorisation) -> str:
    if not isinstance(one.apart, Estimate) or (one.apart.low or 0.0) <= 0:
        return ""
    return (
        f" The two datasets themselves lie {printed(one.apart, 3)} apart: a generator that copies "
        "nothing would lie as much nearer to the one that it has learnt."
    )


def _percent(number: Number) -> str:
    return words.percent(number.value) if isinstance(number, Estimate) else "n/a"


def _tables(
    found: Sequence[Memorisation], names: Mapping[str, str], extractor: str, label: str
) -> list[Block]:
    """Return both comparisons as tables, each with rows by entity and all together last."""
    kinds = {
        "set": (
            f"The set, KID: {label}",
            (
                Column("n", "n of each"),
                Column("learnt", "From learnt", 3),
                Column("held_out", "From held out", 3),
                Column("difference", "Difference", 3),
                Column("apart", "Datasets apart", 3),
            ),
        ),
        "images": (
            f"Single images, nearest among what was learnt: {label}",
            (
                Column("nearest", "Synthetic"),
                Column("nearest_floor", "Floor"),
                Column("nearest_excess", "Excess"),
            ),
        ),
    }
    blocks = []
    for kind, (title, heads) in kinds.items():
        rows = tuple(
            (names[one.entity], *(getattr(one, head.key) for head in heads)) for one in found
        )
        blocks.append(
            Block(
                table=ReportTable(
                    f"memorisation_{kind}_{extractor}",
                    title,
                    (Column("entity", "Diagnosis"), *heads),
                    rows,
                    reasons(rows),
                    summary_rows=1,
                )
            )
        )
    return blocks
