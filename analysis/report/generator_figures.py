"""Figures of generators: entity by generator, and their differences."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.report.elements import (
    PALETTE,
    WIDTH,
    beside,
    guide,
    named_rows,
    percent_axis,
    unknown,
)
from analysis.results import Estimate, Number

#: Shape and colour, so that colour alone tells nothing.
MARKS = (
    ("s", PALETTE["synthetic"]),
    ("o", PALETTE["heat"]),
    ("D", PALETTE["ink"]),
    ("^", PALETTE["soft"]),
    ("v", PALETTE["real"]),
)


def entity_dots(
    labels: Sequence[str],
    series: Mapping[str, Sequence[Number | None]],
    notes: Mapping[str, Sequence[str]],
) -> Figure:
    """Draw for each entity one dot with interval a generator; chance behind.

    Args:
        labels: of the entities, from top to bottom.
        series: generator to one number an entity; None where it made none.
        notes: what stands to the right of each dot.
    """
    figure = Figure(figsize=(WIDTH, 0.95 + 0.24 * (len(series) + 0.6) * len(labels)))
    axes = figure.subplots()
    guide(axes, 0.5)
    step = 0.8 / (len(series) + 0.3)
    offsets = step * (np.arange(len(series)) - (len(series) - 1) / 2)
    for k, (offset, (name, numbers)) in enumerate(zip(offsets, series.items(), strict=True)):
        shape, colour = MARKS[k % len(MARKS)]
        for place, (number, note) in enumerate(zip(numbers, notes[name], strict=True)):
            at = place + offset
            if isinstance(number, Estimate):
                if number.low is not None and number.high is not None:
                    axes.plot([number.low, number.high], [at, at], color=colour, zorder=2)
                axes.plot(
                    number.value,
                    at,
                    shape,
                    color=colour,
                    markersize=5.5,
                    clip_on=False,
                    zorder=3,
                )
            beside(axes, at, note, size=7.5, colour=PALETTE["soft"])
    for place in range(1, len(labels)):
        axes.axhline(place - 0.5, color=PALETTE["rule"], linewidth=0.7)
    axes.set(xlim=(0, 1), ylim=(len(labels) - 0.5, -0.5), xlabel="synthetic images judged real")
    named_rows(axes, labels)
    percent_axis(axes.xaxis)
    figure.legend(
        handles=[
            Line2D([], [], color=colour, marker=shape, label=name)
            for name, (shape, colour) in zip(
                series, (MARKS[k % len(MARKS)] for k in range(len(series))), strict=True
            )
        ],
        loc="outside upper left",
        ncols=min(len(series), 4),
        borderpad=0,
        handlelength=1.6,
    )
    return figure


def differences(rows: Mapping[str, Number], axis: str) -> Figure:
    """Draw differences with their intervals, 0 behind; a row without a number says why."""
    figure = Figure(figsize=(WIDTH, 0.75 + 0.29 * len(rows)))
    axes = figure.subplots()
    guide(axes, 0)
    reach = [0.1]
    for place, number in enumerate(rows.values()):
        if not isinstance(number, Estimate):
            unknown(axes, place, number.reason)
            continue
        text = f"{number.value:+.2f}"
        if number.low is not None and number.high is not None:
            axes.plot([number.low, number.high], [place, place], color=PALETTE["heat"])
            reach += [abs(number.low), abs(number.high)]
            text += f"  ({number.low:+.2f} to {number.high:+.2f})"
        reach.append(abs(number.value))
        axes.plot(number.value, place, "o", color=PALETTE["heat"], markersize=5.5, zorder=3)
        beside(axes, place, text.replace("-", "\N{MINUS SIGN}"))
    edge = min(1.05, 1.1 * max(reach))
    axes.set(xlim=(-edge, edge), ylim=(len(rows) - 0.4, -0.6), xlabel=axis)
    named_rows(axes, list(rows))
    digits = 1 if edge > 0.5 else 2
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: (
                f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-9 else "0"
            )
        )
    )
    return figure
