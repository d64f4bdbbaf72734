"""Figures of how raters behave: odds, calibration, time and order, and what each image does."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from analysis.calibration import ReliabilityBin
from analysis.report.elements import (
    PALETTE,
    SUBSET_COLOURS,
    WIDTH,
    beside,
    guide,
    named_rows,
    percent_axis,
)
from analysis.report.figures import Row
from analysis.results import Estimate
from analysis.timing import Block, TimeBlock

BAND = 0.16  # opacity of a band behind a line
#: Beyond these an odds ratio is drawn as an arrow: perfect separation has no end.
LEAST_RATIO, MOST_RATIO = 1 / 64, 64.0


def ratio_forest(rows: Sequence[Row], *, axis: str) -> Figure:
    """Draw ratios on a logarithmic scale around 1, their numbers beside them.

    A row whose number is unknown says why; what leaves the scale ends in an arrow.
    """
    figure = Figure(figsize=(WIDTH, 0.75 + 0.29 * len(rows)))
    axes = figure.subplots()
    guide(axes, 1)
    low, high = _ratio_limits(rows)
    for place, row in enumerate(rows):
        _ratio_row(axes, place, row, low, high)
    axes.set(xscale="log", xlim=(low, high), ylim=(len(rows) - 0.4, -0.6), xlabel=axis)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    ticks = [t for t in (1 / 64, 1 / 16, 0.25, 0.5, 0.8, 1, 1.25, 2, 4, 16, 64) if low <= t <= high]
    if high / low > 8:
        ticks = [t for t in ticks if t not in (0.8, 1.25)]
    axes.set_xticks(ticks, [f"1/{round(1 / t)}" if t < 0.2 else f"{t:g}" for t in ticks])
    named_rows(axes, [row.label for row in rows])
    return figure


def _ratio_limits(rows: Sequence[Row]) -> tuple[float, float]:
    ends = [
        end
        for row in rows
        if isinstance(row.number, Estimate)
        for end in (row.number.low, row.number.value, row.number.high)
        if end is not None
    ]
    low, high = min([0.7, *ends]), max([1.4, *ends])
    return max(low / 1.1, LEAST_RATIO), min(high * 1.1, MOST_RATIO)


def _ratio_row(axes: Axes, place: int, row: Row, low: float, high: float) -> None:
    number = row.number
    if not isinstance(number, Estimate):
        text = f"n/a: {number.reason}"
        axes.text(low * 1.02, place, text, va="center", color=PALETTE["soft"], fontsize=7.5)
        return
    text = f"{number.value:.2f}"
    if number.low is not None and number.high is not None:
        ends = [max(number.low, low), min(number.high, high)]
        axes.plot(ends, [place, place], color=row.colour, zorder=2)
        for end, over, marker in ((low, number.low < low, "<"), (high, number.high > high, ">")):
            if over:
                axes.plot(end, place, marker, color=row.colour, markersize=5, clip_on=False)
        text += f"  ({number.low:.2f}–{number.high:.2f})"
    if low <= number.value <= high:
        axes.plot(number.value, place, "o", color=row.colour, markersize=5.5, zorder=3)
    beside(axes, place, text)


def reliability_diagram(curves: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Draw the share right against confidence, one line a subset; the diagonal is calibrated.

    The area of a dot grows with the answers in its bin.
    """
    figure = Figure(figsize=(4.1, 3.9))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PALETTE["frame"], linewidth=0.8, dashes=(3, 3), zorder=0)
    most = max(one.right.n or 1 for curve in curves.values() for one in curve)
    for subset, curve in curves.items():
        colour = SUBSET_COLOURS[subset]
        x = [one.confidence for one in curve]
        axes.plot(x, [one.right.value for one in curve], color=colour, linewidth=1.2, zorder=2)
        for at, one in zip(x, curve, strict=True):
            _whisker(axes, at, one.right, colour)
            size = 3 + 5 * float(np.sqrt((one.right.n or 0) / most))
            axes.plot(at, one.right.value, "o", color=colour, markersize=size, zorder=3)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="stated confidence", ylabel="share right")
    axes.text(
        0.985,
        0.955,
        "calibrated",
        ha="right",
        va="top",
        rotation=45,
        fontsize=7.5,
        color=PALETTE["soft"],
        rotation_mode="anchor",
    )
    for side in (axes.xaxis, axes.yaxis):
        side.set_ticks([0, 0.25, 0.5, 0.75, 1])
        percent_axis(side)
    if len(curves) > 1:
        handles = [
            Line2D([], [], color=SUBSET_COLOURS[name], marker="o", label=f"{name} images")
            for name in curves
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=len(curves), borderpad=0)
    return figure


def blocks_over_trials(
    blocks: Sequence[Block | TimeBlock], *, ylabel: str, chance: float | None = None
) -> Figure:
    """Draw each rater's figure by block of trials as a thin line, and their mean with its band.

    Shares stand on a linear scale, times in seconds on a logarithmic one.
    """
    timed = isinstance(blocks[0], TimeBlock)
    unit = 1 / 1000 if timed else 1.0
    figure = Figure(figsize=(WIDTH, 2.7))
    axes = figure.subplots()
    middle = [(one.first + one.last) / 2 for one in blocks]
    if chance is not None:
        axes.axhline(chance, color=PALETTE["soft"], linewidth=1, dashes=(3, 3), zorder=1)
    for rater in range(len(blocks[0].by_rater)):
        own = [one.by_rater[rater] for one in blocks]
        line = [np.nan if value is None else value * unit for value in own]
        axes.plot(middle, line, color=PALETTE["frame"], linewidth=0.8, marker=".", markersize=2.5)
    means = [
        (x, one.mean)
        for x, one in zip(middle, blocks, strict=True)
        if isinstance(one.mean, Estimate)
    ]
    bands = [
        (x, mean.low * unit, mean.high * unit)
        for x, mean in means
        if mean.low is not None and mean.high is not None
    ]
    if bands:
        x, low, high = zip(*bands, strict=True)
        axes.fill_between(x, low, high, color=PALETTE["heat"], alpha=BAND, linewidth=0, zorder=2)
    axes.plot(
        [x for x, _ in means],
        [mean.value * unit for _, mean in means],
        "o-",
        color=PALETTE["heat"],
        linewidth=2,
        markersize=5,
        zorder=3,
    )
    axes.set(xlabel="trial", ylabel=ylabel, xlim=(0, blocks[-1].last + 1))
    axes.grid(axis="y")
    if timed:
        _seconds_axis(axes)
    else:
        axes.set_ylim(-0.02, 1.02)
        percent_axis(axes.yaxis)
    several = len(blocks[0].by_rater) > 1
    if several:
        handles = [
            Line2D([], [], color=PALETTE["heat"], marker="o", linewidth=2, label="mean of raters"),
            Line2D([], [], color=PALETTE["frame"], linewidth=0.8, label="each rater"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, borderpad=0)
    return figure


def _whisker(axes: Axes, at: float, number: Estimate, colour: str) -> None:
    if number.low is not None and number.high is not None:
        axes.plot([at, at], [number.low, number.high], color=colour, linewidth=1, alpha=0.6)


def _seconds_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    for digits in ((1, 3), (1, 2, 5), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)):
        every = [digit * 10.0**power for power in range(-2, 5) for digit in digits]
        steps = [step for step in every if low <= step <= high]
        if len(steps) >= 3:
            break
    else:
        steps = [float(f"{step:.2g}") for step in np.geomspace(low, high, 6)[1:-1]]
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(steps, [f"{step:g} s" for step in steps])


def speed_and_accuracy(raters: Sequence[tuple[float, Estimate]], *, chance: float | None) -> Figure:
    """Draw each rater's share right, with interval, against the typical time in seconds."""
    figure = Figure(figsize=(4.1, 3.2))
    axes = figure.subplots()
    if chance is not None:
        axes.axhline(chance, color=PALETTE["soft"], linewidth=1, dashes=(3, 3), zorder=1)
    for milliseconds, share in raters:
        at = milliseconds / 1000
        _whisker(axes, at, share, PALETTE["heat"])
        axes.plot(at, share.value, "o", color=PALETTE["heat"], markersize=5, zorder=3)
    axes.set(xlabel="typical seconds an image", ylabel="share right", ylim=(-0.02, 1.02))
    axes.set_xlim(0, 1.1 * max(milliseconds for milliseconds, _ in raters) / 1000)
    axes.grid(axis="y")
    percent_axis(axes.yaxis)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure


def image_histogram(
    edges: Sequence[float],
    counts: Mapping[str, Sequence[int]],
    expected: Mapping[str, Sequence[float]],
) -> Figure:
    """Draw how many images were judged real by which share of raters, one panel an origin.

    Args:
        edges: of the bins of the share, one more than there are counts.
        counts: images in each bin, by origin.
        expected: what chance alone would give, were all images of an origin alike.
    """
    figure = Figure(figsize=(WIDTH, 1.75 * len(counts) + 0.5))
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False)[:, 0]
    middle = (np.array(edges[1:]) + np.array(edges[:-1])) / 2
    width = float(np.diff(edges).min()) * 0.86
    for axes, (origin, numbers) in zip(panels, counts.items(), strict=True):
        axes.bar(middle, numbers, width, color=SUBSET_COLOURS[origin], linewidth=0)
        axes.plot(
            middle,
            expected[origin],
            "_",
            color=PALETTE["ink"],
            zorder=3,
            markersize=min(16.0, 300 / len(middle)),
            markeredgewidth=1.6,
        )
        axes.set_title(f"{origin} images")
        axes.set(ylabel="images", xlim=(edges[0] - 0.01, edges[-1] + 0.01))
        axes.set_ylim(bottom=0)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
    panels[-1].set_xlabel("share of raters who judged the image real")
    percent_axis(panels[-1].xaxis)
    panels[-1].set_xticks([0, 0.25, 0.5, 0.75, 1])
    handles = [
        Line2D(
            [],
            [],
            color=PALETTE["ink"],
            marker="_",
            markersize=12,
            linestyle="",
            markeredgewidth=1.6,
            label="expected if the images did not differ",
        )
    ]
    figure.legend(handles=handles, loc="outside upper right", borderpad=0)
    return figure
