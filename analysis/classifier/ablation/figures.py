"""Figures of an ablation: both protocols, and what each arm recognises."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.report.elements import PALETTE, WIDTH, named_rows, percent_axis
from analysis.report.generator_figures import MARKS
from analysis.results import Estimate, Number

#: Shape and colour of each arm, of which there are more than generators.
SHAPES = (*MARKS, ("P", PALETTE["frame"]), ("X", PALETTE["synthetic"]), ("*", PALETTE["heat"]))
DASHES = ("-", "--", "-.", ":", (0, (6, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (5, 5)))


def dots(labels: Sequence[str], series: Mapping[str, Sequence[Number]], axis: str) -> Figure:
    """Draw for each label one dot with interval a series, told apart by shape and colour.

    Args:
        labels: from top to bottom.
        series: name to one number a label.
        axis: what the horizontal axis measures.
    """
    figure = Figure(figsize=(WIDTH, 0.95 + 0.17 * (len(series) + 0.8) * len(labels)))
    axes = figure.subplots()
    step = 0.8 / (len(series) + 0.3)
    offsets = step * (np.arange(len(series)) - (len(series) - 1) / 2)
    for (shape, colour), offset, numbers in zip(SHAPES, offsets, series.values(), strict=False):
        for place, number in enumerate(numbers):
            if not isinstance(number, Estimate):
                continue
            at = place + offset
            if number.low is not None and number.high is not None:
                axes.plot([number.low, number.high], [at, at], color=colour, zorder=2)
            axes.plot(number.value, at, shape, color=colour, markersize=5, clip_on=False, zorder=3)
    for place in range(1, len(labels)):
        axes.axhline(place - 0.5, color=PALETTE["rule"], linewidth=0.7)
    axes.set(xlim=(0, 1), ylim=(len(labels) - 0.5, -0.5), xlabel=axis)
    named_rows(axes, labels)
    percent_axis(axes.xaxis)
    figure.legend(
        handles=[
            Line2D([], [], color=colour, marker=shape, label=name)
            for name, (shape, colour) in zip(series, SHAPES, strict=False)
        ],
        loc="outside upper left",
        ncols=min(len(series), 3),
        borderpad=0,
        handlelength=1.6,
    )
    return figure


def losses(curves: Mapping[str, Sequence[float]], steps: int) -> Figure:
    """Draw the training loss of each arm by step, mean over seeds."""
    figure = Figure(figsize=(WIDTH, 2.6))
    axes = figure.subplots()
    for (name, curve), (_, colour), dash in zip(curves.items(), SHAPES, DASHES, strict=False):
        at = steps * np.arange(1, len(curve) + 1) / len(curve)
        axes.plot(at, curve, ls=dash, color=colour, label=name)
    axes.set(xlabel="step", ylabel="training loss", xlim=(0, steps), ylim=(0, None))
    axes.grid(axis="y")
    figure.legend(loc="outside upper left", ncols=3, borderpad=0)
    return figure
