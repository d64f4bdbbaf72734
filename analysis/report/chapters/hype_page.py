"""How HYPE is laid out."""

from collections.abc import Mapping

from analysis.hype import HypeInfinity, HypeTime
from analysis.report.cells import ReportTable, columns, printed
from analysis.report.chapters.hype import HypeFindings
from analysis.report.drawing import draw
from analysis.report.elements import PALETTE
from analysis.report.figures import Row, forest
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.results import Unknown


def show(found: HypeFindings, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    blocks: list[Block] = []
    known = {n: one for n, one in found.infinity.items() if isinstance(one, HypeInfinity)}
    reasons = {one.reason for one in found.infinity.values() if isinstance(one, Unknown)}
    if known:
        blocks += _infinity(known, found.seed)
    elif reasons:
        blocks.append(Block(text=(f"There is no HYPE∞: {'; '.join(sorted(reasons))}.",)))
    if isinstance(found.time, HypeTime):
        blocks += _time(found.time)
    return Section("hype", "HYPE, for comparison with other generators", tuple(blocks))


def _infinity(known: dict[str, HypeInfinity], seed: int) -> list[Block]:
    said = [
        "HYPE∞ (Zhou et al. 2019) is how often raters err, on real and synthetic images "
        "together: 50% is guessing, more means that synthetic images look more real than real "
        "ones. Its own interval draws raters anew and takes the images as they are; the two-way "
        "interval draws images, too, and is the one to conclude from."
    ]
    if not all(one.balanced for one in known.values()):
        said.append(
            "Where real and synthetic images are not equally many, 50% is not what a rater "
            "reaches who always gives one answer; the published figures rest on equal numbers."
        )
    rows = []
    for name, one in known.items():
        rows += [
            Row(f"{name}, as published", one.error, colour=PALETTE["soft"]),
            Row(f"{name}, two-way", one.two_way),
        ]
    return [
        Block(
            text=tuple(said),
            drawings=(
                draw(
                    "hype",
                    forest(rows, axis="errors, real and synthetic images together", chance=0.5),
                    "HYPE∞ with the interval as published, over raters, and the two-way "
                    "bootstrap's, over raters and images.",
                    "HYPE: " + ", ".join(f"{row.label} {printed(row.number)}" for row in rows),
                ),
            ),
        ),
        Block(
            table=ReportTable(
                "hype",
                "HYPE∞",
                columns(
                    images="Synthetic images",
                    error="Error rate, as published",
                    two_way="Two-way interval",
                    on_synthetic="On synthetic images",
                    on_real="On real images",
                    balanced="Equal numbers",
                    method="Method",
                ),
                tuple(
                    (
                        name,
                        one.error,
                        one.two_way,
                        one.on_synthetic,
                        one.on_real,
                        "yes" if one.balanced else "no",
                        one.two_way.reason
                        if isinstance(one.two_way, Unknown)
                        else (one.two_way.method or ""),
                    )
                    for name, one in known.items()
                ),
                note=f"Bootstraps of 10,000 draws, seed {seed}.",
            )
        ),
    ]


def _time(found: HypeTime) -> list[Block]:
    return [
        Block(
            heading="HYPE-time",
            text=(
                "HYPE-time is the exposure, in milliseconds, at which raters begin to tell real "
                "from synthetic images: the commonest exposure of each block, or its mean after "
                "the staircase has settled. The longer, the better images pass.",
                _limits(found),
            ),
            table=ReportTable(
                "hype_time",
                "Exposure at which raters begin to tell, in ms",
                columns(measure="Measure", exposure_ms="Exposure (95% interval)", method="Method"),
                tuple(
                    (
                        label,
                        number,
                        number.reason if isinstance(number, Unknown) else (number.method or ""),
                    )
                    for label, number in (
                        ("Commonest exposure, as published", found.modal),
                        ("Mean exposure once settled", found.settled),
                    )
                ),
                note="By rater: " + ", ".join(f"{ms:.0f}" for ms in found.by_rater) + " ms.",
            ),
        )
    ]


def _limits(found: HypeTime) -> str:
    """Return how often the exposure stood at its limits, as sentences."""
    said = (
        f"The exposure stood at its shortest, {found.shortest} ms, in {found.at_shortest} and at "
        f"its longest, {found.longest} ms, in {found.at_longest} of {found.trials} trials. A "
        "threshold at a limit is censored: the true one may lie beyond."
    )
    if found.at_the_edge:
        said += f" That is so of the commonest exposure in {found.at_the_edge} blocks."
    return said
