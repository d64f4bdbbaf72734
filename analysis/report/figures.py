"""Figures: data in, Figure out; no files, no globals, one style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from analysis.confusion import Confusion
from analysis.report.elements import (
    PALETTE,
    SUBSET_COLOURS,
    WIDTH,
    beside,
    guide,
    named_rows,
    percent_axis,
)
from analysis.report.findings import Discrimination, Point, Times
from analysis.results import Estimate, Number


@dataclass(frozen=True)
class Row:
    """One line of a forest: a label and its number; `summary` sets it apart as the mean."""

    label: str
    number: Number
    summary: bool = False
    colour: str = PALETTE["synthetic"]


def forest(
    rows: Sequence[Row], *, axis: str, chance: float | None, margin: float | None = None
) -> Figure:
    """Draw one line a row, dot and interval, the numbers beside it and chance behind.

    A row whose number is unknown says why. Summary rows are diamonds below a rule. The band is
    as far from chance as `margin` on either side.
    """
    figure = Figure(figsize=(WIDTH, 0.75 + 0.29 * len(rows)))
    axes = figure.subplots()
    if chance is not None:
        if margin is not None:
            band = (chance - margin, chance + margin)
            axes.axvspan(*band, color=PALETTE["rule"], linewidth=0, zorder=0)
        guide(axes, chance)
        axes.annotate(
            "chance",
            (chance, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=PALETTE["soft"],
            fontsize=7.5,
        )
    for place, row in enumerate(rows):
        _forest_row(axes, place, row)
    if rows[-1].summary and len(rows) > 1:
        axes.axhline(len(rows) - 1.5, color=PALETTE["frame"], linewidth=0.7)
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6), xlabel=axis)
    named_rows(axes, [row.label for row in rows])
    percent_axis(axes.xaxis)
    return figure


def _forest_row(axes: Axes, place: int, row: Row) -> None:
    if not isinstance(row.number, Estimate):
        axes.text(
            0.01,
            place,
            f"n/a: {row.number.reason}",
            va="center",
            color=PALETTE["soft"],
            fontsize=7.5,
        )
        return
    estimate = row.number
    text = f"{estimate.value:.2f}"
    if estimate.low is not None and estimate.high is not None:
        axes.plot(
            [estimate.low, estimate.high],
            [place, place],
            color=row.colour,
            linewidth=2.4 if row.summary else 1.6,
            zorder=2,
        )
        text += f"  ({estimate.low:.2f}–{estimate.high:.2f})"
    axes.plot(
        estimate.value,
        place,
        marker="D" if row.summary else "o",
        color=row.colour,
        markersize=6.5 if row.summary else 5.5,
        clip_on=False,
        zorder=3,
    )
    beside(axes, place, text, bold=row.summary)


def paired_dots(
    labels: Sequence[str], series: Mapping[str, Sequence[Number]], *, axis: str
) -> Figure:
    """Draw for each label one dot with interval a series (a subset of the images), one colour each.

    Args:
        labels: from top to bottom.
        series: subset ("real", "synthetic") to one number a label.
        axis: what the horizontal axis measures.
    """
    figure = Figure(figsize=(WIDTH, 0.95 + 0.42 * len(labels)))
    axes = figure.subplots()
    offsets = np.linspace(-0.16, 0.16, len(series)) if len(series) > 1 else [0.0]
    for (name, numbers), offset in zip(series.items(), offsets, strict=True):
        colour = SUBSET_COLOURS[name]
        for place, number in enumerate(numbers):
            if not isinstance(number, Estimate):
                continue
            if number.low is not None and number.high is not None:
                axes.plot([number.low, number.high], [place + offset] * 2, color=colour, zorder=2)
            axes.plot(
                number.value,
                place + offset,
                color=colour,
                clip_on=False,
                zorder=3,
                marker="o" if name == "real" else "s",
                markersize=5.5,
            )
    axes.set(xlim=(0, 1), ylim=(len(labels) - 0.4, -0.6), xlabel=axis)
    named_rows(axes, labels)
    percent_axis(axes.xaxis)
    figure.legend(
        handles=[
            Line2D(
                [],
                [],
                color=SUBSET_COLOURS[name],
                marker="o" if name == "real" else "s",
                label=f"{name} images",
            )
            for name in series
        ],
        loc="outside upper left",
        ncols=len(series),
        borderpad=0,
        handlelength=1.6,
    )
    return figure


def confusion_map(table: Confusion, labels: Sequence[str]) -> Figure:
    """Draw a confusion matrix: counts, shaded by the share of the row; rows are the truth."""
    size = len(labels)
    cell = 0.36 if size > 2 else 0.8  # inches
    figure = Figure(figsize=(1.0 + cell * size, 0.65 + cell * size))
    _confusion_cells(figure.subplots(), table, labels, fontsize=8)
    figure.axes[0].set(xlabel="answered", ylabel="truth")
    return figure


def confusion_maps(tables: Mapping[str, Confusion], labels: Sequence[str]) -> Figure:
    """Draw one small confusion matrix a rater, four in a row."""
    columns = min(4, len(tables))
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(WIDTH * columns / 4, 1.85 * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (rater, table) in zip(grid.flat, tables.items(), strict=False):
        _confusion_cells(axes, table, labels, fontsize=6)
        axes.tick_params(labelsize=6)
        axes.set_title(rater, fontsize=8)
    for axes in grid.flat[len(tables) :]:
        axes.set_axis_off()
    return figure


def _confusion_cells(
    axes: Axes, table: Confusion, labels: Sequence[str], *, fontsize: float
) -> None:
    size = len(labels)
    shares = np.nan_to_num(table.row_shares)
    for i, j in np.ndindex(size, size):
        count, share = int(table.counts[i, j]), float(shares[i, j])
        axes.add_patch(
            Rectangle(
                (j - 0.47, i - 0.47),
                0.94,
                0.94,
                facecolor=PALETTE["heat"],
                alpha=0.05 + 0.95 * share,
                linewidth=0,
            )
        )
        colour = PALETTE["on-heat" if share > 0.62 else "ink" if count else "frame"]
        number = axes.text(j, i, str(count), ha="center", va="center", color=colour)
        number.set(fontsize=fontsize, in_layout=False)  # within its cell, so no need to measure it
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(size), labels)
    axes.set_yticks(range(size), labels)
    if size > 2:
        axes.tick_params(axis="x", labelrotation=45 if max(map(len, labels)) > 5 else 0)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


_ANSWERED: dict[str, Any] = {
    "marker": "o",
    "linestyle": "",
    "color": PALETTE["ink"],
    "markersize": 3,
    "zorder": 3,
}


def detection_curve(found: Discrimination, answered: Sequence[Point] = ()) -> Figure:
    """Draw how raters tell synthetic from real: a thin curve each and their average.

    From plain labels there is one operating point a rater and no curve; `answered` are the points
    of raters who gave both.
    """
    figure = Figure(figsize=(3.7, 3.7))
    axes = figure.subplots()
    several = len(found.curves) > 1
    for curve in found.curves.values():
        axes.plot(
            curve.false_alarm,
            curve.hit,
            color=PALETTE["frame" if several else "synthetic"],
            linewidth=0.9 if several else 1.8,
            marker="" if several else "o",
            markersize=3.5,
        )
    if several:
        axes.plot(
            [0, *found.grid], [0, *found.average_hit], color=PALETTE["synthetic"], linewidth=2.2
        )
        axes.legend(
            handles=[
                Line2D([], [], color=PALETTE["synthetic"], linewidth=2.2, label="average rater"),
                Line2D([], [], color=PALETTE["frame"], linewidth=0.9, label="each rater"),
                *([Line2D([], [], label="their answers", **_ANSWERED)] if answered else []),
            ],
            loc="lower right",
        )
        for point in answered:
            axes.plot(point.false_alarm, point.hit, clip_on=False, **_ANSWERED)
    for point in found.points:
        axes.plot(
            point.false_alarm,
            point.hit,
            "o",
            color=PALETTE["synthetic"],
            markersize=6,
            clip_on=False,
            zorder=3,
        )
    _unit_square(axes)
    axes.set(xlabel="real images judged synthetic", ylabel="synthetic images judged synthetic")
    return figure


def entity_curves(found: Mapping[str, Sequence[Discrimination]], titles: Sequence[str]) -> Figure:
    """Draw one small panel an entity against the rest, a line or a point for each subset.

    Args:
        found: subset to one discrimination an entity, in the order of `titles`.
        titles: of the panels.
    """
    columns = min(4, len(titles))
    rows = -(-(len(titles) + 1) // columns)
    figure = Figure(figsize=(WIDTH, 1.95 * rows + 0.2))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, (axes, title) in enumerate(zip(grid.flat, titles, strict=False)):
        for subset, entities in found.items():
            _entity_line(axes, entities[place], subset)
        _unit_square(axes)
        axes.set_title(title, fontsize=8)
    graded = any(one.graded for entities in found.values() for one in entities)
    for axes in grid.flat[len(titles) :]:
        axes.set_axis_off()
    for axes in grid.flat[len(titles) - columns : len(titles)]:
        axes.tick_params(labelbottom=True)  # also above an empty place
    grid.flat[len(titles)].legend(
        handles=[
            Line2D(
                [],
                [],
                color=SUBSET_COLOURS[subset],
                label=f"{subset} images",
                linestyle="-" if graded else "",
                marker="" if graded else _MARKERS[subset],
            )
            for subset in found
        ],
        loc="upper left",
        borderpad=0,
    )
    figure.supxlabel("other entities called this one", fontsize=8.5, color=PALETTE["soft"])
    figure.supylabel("this entity recognised", fontsize=8.5, color=PALETTE["soft"])
    return figure


_MARKERS = {"all": "D", "real": "o", "synthetic": "s"}


def _entity_line(axes: Axes, found: Discrimination, subset: str) -> None:
    colour = SUBSET_COLOURS[subset]
    if found.average_hit.size:
        axes.plot([0, *found.grid], [0, *found.average_hit], color=colour, linewidth=1.4)
    if found.points:
        axes.plot(
            np.mean([point.false_alarm for point in found.points]),
            np.mean([point.hit for point in found.points]),
            _MARKERS[subset],
            color=colour,
            markersize=5,
            clip_on=False,
            zorder=3,
        )


def response_times(raters: Mapping[str, Times]) -> Figure:
    """Draw each rater's median time and the middle half of the times, in seconds."""
    figure = Figure(figsize=(WIDTH, 0.7 + 0.29 * len(raters)))
    axes = figure.subplots()
    for place, times in enumerate(raters.values()):
        axes.plot(
            [times.lower_quartile, times.upper_quartile],
            [place, place],
            color=PALETTE["heat"],
            linewidth=5,
            alpha=0.3,
            solid_capstyle="butt",
        )
        axes.plot(times.median, place, "o", color=PALETTE["heat"], markersize=5.5)
        beside(axes, place, f"{times.median:.1f} s")
    axes.set(xlabel="seconds an image", ylim=(len(raters) - 0.4, -0.6))
    axes.set_xlim(left=0)
    named_rows(axes, list(raters))
    return figure


def _unit_square(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=PALETTE["frame"], linewidth=0.8, dashes=(3, 3), zorder=0)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.5, 1])
        percent_axis(axis)
