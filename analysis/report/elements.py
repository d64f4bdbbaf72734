"""What all figures have in common: style, colours, width, and the marks of rows and axes.

The colours are safe for colour-blind readers and named in `PALETTE`, so that a page can put its own
in their place when it shows a figure in the dark.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter

PALETTE = {
    "ink": "#1b1b1c",
    "soft": "#5f6062",
    "frame": "#b9babb",
    "rule": "#e3e4e4",
    "real": "#1f6f9f",
    "synthetic": "#c4502f",
    "heat": "#144b50",
    "on-heat": "#fdfdfc",
}
SUBSET_COLOURS = {"all": PALETTE["ink"], "real": PALETTE["real"], "synthetic": PALETTE["synthetic"]}
WIDTH = 7.2  # inches, the measure of the page


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save figures inside this; the style of the process is left as it was."""
    with style.context(Path(__file__).with_name("style.mplstyle")):
        yield


def beside(
    axes: Axes,
    place: float,
    text: str,
    *,
    size: float = 8,
    colour: str = PALETTE["ink"],
    bold: bool = False,
) -> None:
    """Write what belongs to a row to the right of the axes."""
    axes.annotate(
        text,
        (1, place),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=size,
        fontweight="bold" if bold else "normal",
        color=colour,
    )


def unknown(axes: Axes, place: float, reason: str) -> None:
    """Write into a row why it has no number."""
    axes.annotate(
        f"n/a: {reason}",
        (0.01, place),
        xycoords=("axes fraction", "data"),
        va="center",
        color=PALETTE["soft"],
        fontsize=7.5,
    )


def guide(axes: Axes, at: float) -> None:
    """Draw what a number would be by chance, or without a difference, behind all rows."""
    axes.axvline(at, color=PALETTE["soft"], linewidth=1, dashes=(3, 3), zorder=1)


def named_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows, from top to bottom, and rule the scale below them."""
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)


def percent_axis(axis: Axis) -> None:
    """Label shares on an axis as percentages."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}%"))
