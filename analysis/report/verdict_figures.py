"""Figures of the verdict: equivalence, variance components, and what other sizes could show."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, ScalarFormatter

from analysis.equivalence import Judgement
from analysis.report.elements import PALETTE, WIDTH, beside, guide, percent_axis, unknown
from analysis.results import Estimate


def equivalence(rows: Mapping[str, Judgement], margin: float | None) -> Figure:
    """Draw each measure's distance from chance: 95 % interval thin, 90 % thick, margin behind.

    Args:
        rows: label to measure, from top to bottom; one without a number says why.
        margin: half the width of the band; None draws none.
    """
    figure = Figure(figsize=(WIDTH, 1.15 + 0.34 * len(rows)))
    axes = figure.subplots()
    guide(axes, 0)
    if margin is not None:
        axes.axvspan(-margin, margin, color=PALETTE["rule"], linewidth=0, zorder=0)
    reach = [0.2, 1.6 * (margin or 0)]
    for place, judged in enumerate(rows.values()):
        wide, narrow = judged.estimate, judged.narrow
        if not isinstance(wide, Estimate) or not isinstance(narrow, Estimate):
            reason = wide.reason if not isinstance(wide, Estimate) else ""
            unknown(axes, place, reason)
            continue
        for one, thickness in ((wide, 1.2), (narrow, 3.6)):
            if one.low is None or one.high is None:
                continue
            ends = [one.low - judged.centre, one.high - judged.centre]
            axes.plot(ends, [place, place], color=PALETTE["synthetic"], linewidth=thickness)
            reach += [abs(end) for end in ends]
        axes.plot(wide.value - judged.centre, place, "o", color=PALETTE["synthetic"], markersize=6)
        reach.append(abs(wide.value - judged.centre))
        beside(axes, place, judged.verdict)
    edge = min(1.04, 1.08 * max(reach))
    axes.set(
        xlim=(-edge, edge),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="distance from chance, percentage points",
    )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    handles: list[Patch | Line2D] = [
        Line2D([], [], color=PALETTE["synthetic"], linewidth=3.6, label="90% interval"),
        Line2D([], [], color=PALETTE["synthetic"], linewidth=1.2, label="95% interval"),
    ]
    if margin is not None:
        handles.append(Patch(color=PALETTE["rule"], label="margin of equivalence"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3, borderpad=0)
    return figure


def variance_bars(rows: Mapping[str, Sequence[float]], notes: Sequence[str]) -> Figure:
    """Draw where the variance of each mean comes from, as shares of it.

    Args:
        rows: label to the parts between raters, between images, and the rest.
        notes: what stands to the right of each bar.
    """
    figure = Figure(figsize=(WIDTH, 0.95 + 0.4 * len(rows)))
    axes = figure.subplots()
    parts = ("between raters", "between images", "single answers")
    colours = (PALETTE["heat"], PALETTE["synthetic"], PALETTE["frame"])
    for place, (values, note) in enumerate(zip(rows.values(), notes, strict=True)):
        total, left = sum(values), 0.0
        for value, colour in zip(values, colours, strict=True):
            share = value / total if total else 0.0
            axes.barh(place, share, left=left, height=0.55, color=colour, linewidth=0)
            left += share
        beside(axes, place, note)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), xlabel="share of the variance of the mean")
    axes.set_yticks(range(len(rows)), list(rows))
    percent_axis(axes.xaxis)
    axes.spines["left"].set_visible(False)
    figure.legend(
        handles=[Patch(color=c, label=part) for c, part in zip(colours, parts, strict=True)],
        loc="outside upper left",
        ncols=3,
        borderpad=0,
    )
    return figure


def size_contours(
    raters: Sequence[int],
    images: Sequence[int],
    values: Sequence[Sequence[float]],
    levels: Sequence[float],
    here: tuple[int, int],
    *,
    as_percent: bool,
) -> Figure:
    """Draw lines of equal power, or of equal half-width, over raters and images.

    Args:
        raters, images: the sizes, rising.
        values: (images, raters).
        levels: of the lines.
        here: raters and images of this study.
        as_percent: label the lines so; else in percentage points of the half-width.
    """
    figure = Figure(figsize=(5.4, 3.7))
    axes = figure.subplots()
    grid = np.asarray(values, dtype=float)
    within = [level for level in levels if grid.min() < level < grid.max()]
    widths = np.linspace(0.7, 2.4, max(len(within), 2))
    unit = "{:.0f}%" if as_percent else "±{:.3g}"
    if within:
        axes.contour(
            raters, images, grid, levels=within, colors=[PALETTE["heat"]], linewidths=widths
        )
        figure.legend(
            handles=[
                Line2D(
                    [], [], color=PALETTE["heat"], linewidth=width, label=unit.format(100 * level)
                )
                for level, width in zip(within, widths, strict=False)
            ][::-1],
            loc="outside right center",
        )
    else:
        low = grid.max() <= min(levels)
        edge = unit.format(100 * (min(levels) if low else max(levels)))
        axes.annotate(
            f"{'below' if low else 'above'} {edge} everywhere",
            (0.5, 0.5),
            xycoords="axes fraction",
            ha="center",
            color=PALETTE["soft"],
        )
    axes.plot(*here, "D", color=PALETTE["synthetic"], markersize=7, clip_on=False, zorder=3)
    axes.annotate(
        "this study",
        here,
        xytext=(7, 5),
        textcoords="offset points",
        fontsize=8,
        color=PALETTE["ink"],
        bbox={"boxstyle": "square,pad=0.15", "facecolor": PALETTE["on-heat"], "linewidth": 0},
    )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="raters",
        ylabel="synthetic images",
        xlim=(min([*raters, here[0]]), max([*raters, here[0]])),
        ylim=(min([*images, here[1]]), max([*images, here[1]])),
    )
    for axis, ticks in ((axes.xaxis, (2, 3, 5, 10, 20, 50)), (axes.yaxis, (20, 50, 100, 200, 400))):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_ticks(ticks)
        axis.set_ticks([], minor=True)
    return figure


def _signed(value: float, _: int) -> str:
    points = round(100 * value)
    sign = "+" if points > 0 else "\N{MINUS SIGN}" if points < 0 else ""
    return f"{sign}{abs(points)}"
