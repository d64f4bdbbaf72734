"""The figure of a study's flow: boxes from stage to stage, side by side."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from analysis.report.elements import PALETTE, WIDTH

Path = tuple[str, str, Sequence[tuple[str, int | None]]]

BOX = (0.78, 0.62)  # width of a column and height of a row that a box takes


def flow(paths: Sequence[Path]) -> Figure:
    """Draw one column a path of (stage, count), the number left out between two stages beside.

    Args:
        paths: title, colour of the palette, stages from first to last; a count of None is unknown.
    """
    rows = max(len(stages) for _, _, stages in paths)
    figure = Figure(figsize=(WIDTH, 0.5 + 0.62 * rows))
    axes = figure.subplots()
    for column, (title, colour, stages) in enumerate(paths):
        axes.text(column, -0.72, title, ha="center", va="center", fontweight="bold")
        for row, (name, count) in enumerate(stages):
            _box(axes, column, row, name, count, PALETTE[colour])
            if row:
                _arrow(axes, column, row, stages[row - 1][1], count)
    axes.set(xlim=(-0.5, len(paths) - 0.5), ylim=(rows - 0.6, -1))
    axes.set_axis_off()
    return figure


def _box(axes: Axes, column: int, row: int, name: str, count: int | None, colour: str) -> None:
    width, height = BOX
    known = count is not None
    axes.add_patch(
        FancyBboxPatch(
            (column - width / 2, row - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            mutation_aspect=1.6,
            facecolor="none",
            edgecolor=colour if known else PALETTE["frame"],
            linewidth=1.1,
            linestyle="-" if known else (0, (3, 3)),
        )
    )
    axes.text(column - width / 2 + 0.06, row, name, ha="left", va="center", fontsize=8)
    axes.text(
        column + width / 2 - 0.06,
        row,
        f"{count:,}" if count is not None else "not known",
        ha="right",
        va="center",
        fontsize=10 if known else 7.5,
        fontweight="bold" if known else "normal",
        color=colour if known else PALETTE["soft"],
    )


def _arrow(axes: Axes, column: int, row: int, before: int | None, after: int | None) -> None:
    gap = (1 - BOX[1]) / 2
    axes.annotate(
        "",
        (column, row - 0.5 + gap),
        (column, row - 0.5 - gap),
        arrowprops={
            "arrowstyle": "-|>",
            "color": PALETTE["soft"],
            "linewidth": 0.8,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 7,
        },
    )
    if before is not None and after is not None and after < before:
        axes.text(
            column + 0.05,
            row - 0.5,
            f"{before - after:,} not",
            va="center",
            fontsize=7,
            color=PALETTE["soft"],
        )
