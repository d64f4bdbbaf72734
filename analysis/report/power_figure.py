"""The figure of planning: power against the number of raters."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.planning import Prospect
from analysis.report.elements import PALETTE, WIDTH, house_style


def power_curves(prospects: Sequence[Prospect], power: float) -> Figure:
    """Draw the chance of showing what the study is for, a line for each number of images.

    Args:
        prospects: one a number of raters and images.
        power: the probability that is wanted, drawn as a rule.
    """
    numbers = sorted({each.images for each in prospects})
    inks = (PALETTE["real"], PALETTE["synthetic"], PALETTE["heat"], PALETTE["soft"])
    with house_style():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.axhline(power, color=PALETTE["frame"], linewidth=1, linestyle=(0, (4, 3)))
        for k, images in enumerate(numbers):
            line = sorted(
                (each for each in prospects if each.images == images), key=lambda each: each.raters
            )
            raters = [each.raters for each in line]
            chances = [each.chance for each in line]
            axes.plot(raters, chances, marker="os^D"[k % 4], color=inks[k % 4], label=f"{images}")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("Raters")
        axes.set_ylabel("Chance of showing it")
        axes.legend(title="AI images", loc="lower right")
    return figure
