"""Figures of a quality report, in the style of all reports."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.quality.diversity import Distribution, Shares
from analysis.report.elements import (
    PALETTE,
    SUBSET_COLOURS,
    WIDTH,
    beside,
    guide,
    named_rows,
    percent_axis,
)
from analysis.results import Estimate, Number

ORIGINS = ("real", "synthetic")
MARKS = {"real": "o", "synthetic": "s"}


def against_floor(
    labels: Sequence[str],
    values: Sequence[Number],
    floors: Sequence[Number],
    axis: str,
    series: tuple[str, str] = ("synthetic against real", "other real against real"),
    *,
    decimals: int = 3,
) -> Figure:
    """Draw for each label a figure with its interval, and below it its floor."""
    figure = Figure(figsize=(WIDTH, 0.95 + 0.42 * len(labels)))
    axes = figure.subplots()
    guide(axes, 0)
    sides = ((values, "synthetic", -0.16), (floors, "real", 0.16))
    for place in range(len(labels)):
        for numbers, origin, offset in sides:
            number = numbers[place]
            if not isinstance(number, Estimate):
                if origin == "synthetic":
                    beside(axes, place, number.reason, size=7.5, colour=PALETTE["soft"])
                continue
            colour = SUBSET_COLOURS[origin]
            if number.low is not None and number.high is not None:
                axes.plot([number.low, number.high], [place + offset] * 2, color=colour, zorder=2)
            axes.plot(number.value, place + offset, MARKS[origin], color=colour, markersize=5.5)
            if origin == "synthetic":
                beside(axes, place, f"{number.value:.{decimals}f}")
    axes.set(ylim=(len(labels) - 0.4, -0.6), xlabel=axis)
    named_rows(axes, labels)
    _legend(figure, series)
    return figure


def distributions(found: Sequence[Distribution]) -> Figure:
    """Draw one small panel a quantity: its histogram in real and in synthetic images."""
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(WIDTH, 1.7 * rows + 0.35))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, one in zip(grid.flat, found, strict=False):
        for origin in ORIGINS:
            shares = one.shares[origin]
            if shares.sum():
                axes.stairs(shares, one.edges, color=SUBSET_COLOURS[origin], linewidth=1.4)
                axes.stairs(
                    shares,
                    one.edges,
                    color=SUBSET_COLOURS[origin],
                    fill=True,
                    alpha=0.12,
                    linewidth=0,
                )
            spread = one.spread[origin]
            if spread:
                axes.axvline(
                    spread.percentiles[2], color=SUBSET_COLOURS[origin], linewidth=1, dashes=(3, 3)
                )
        unit = one.quantity.unit.strip()
        axes.set_title(
            one.quantity.title + (f" ({unit})" if unit else ""), fontsize=8, fontweight="normal"
        )
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_ylim(bottom=0)
    for axes in grid.flat[len(found) :]:
        axes.set_axis_off()
    _legend(figure, ("synthetic images", "real images"))
    return figure


def shares(found: Shares) -> Figure:
    """Draw the share of each level of a category, a dot an origin."""
    figure = Figure(figsize=(WIDTH, 0.95 + 0.34 * len(found.levels)))
    axes = figure.subplots()
    for place in range(len(found.levels)):
        values = [float(found.shares[origin][place]) for origin in ORIGINS]
        axes.plot(values, [place] * 2, color=PALETTE["frame"], linewidth=2, zorder=1)
        for origin, value in zip(ORIGINS, values, strict=True):
            axes.plot(
                value,
                place,
                MARKS[origin],
                color=SUBSET_COLOURS[origin],
                markersize=6,
                clip_on=False,
                zorder=3,
            )
    top = max(float(np.nanmax(found.shares[origin])) for origin in ORIGINS)
    axes.set(xlim=(0, min(1.0, 1.1 * top)), ylim=(len(found.levels) - 0.4, -0.6))
    axes.set_xlabel("share of images")
    named_rows(axes, found.levels)
    percent_axis(axes.xaxis)
    _legend(figure, ("synthetic images", "real images"))
    return figure


def _legend(figure: Figure, labels: tuple[str, str]) -> None:
    figure.legend(
        handles=[
            Line2D([], [], color=SUBSET_COLOURS[origin], marker=MARKS[origin], label=label)
            for origin, label in zip(("synthetic", "real"), labels, strict=True)
        ],
        loc="outside upper left",
        ncols=2,
        borderpad=0,
        handlelength=1.6,
    )
