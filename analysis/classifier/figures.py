"""Figures of training: the learning curves."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.classifier.training import Epoch
from analysis.report.elements import PALETTE, WIDTH, percent_axis


def learning_curves(curve: Sequence[Epoch], kept: int) -> Figure:
    """Draw loss and accuracy by epoch; a rule marks the epoch whose weights were kept."""
    figure = Figure(figsize=(WIDTH, 2.6))
    losses, shares = figure.subplots(1, 2)
    epochs = [each.epoch for each in curve]
    mark = "o" if len(epochs) == 1 else ""
    losses.plot(epochs, [each.loss for each in curve], marker=mark, color=PALETTE["heat"])
    losses.plot(
        epochs,
        [each.validation_loss for each in curve],
        marker=mark,
        ls=(0, (4, 2)),
        color=PALETTE["synthetic"],
    )
    losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    losses.legend(["training", "validation"])
    shares.plot(
        epochs,
        [each.validation_accuracy for each in curve],
        marker=mark,
        ls=(0, (4, 2)),
        color=PALETTE["synthetic"],
    )
    shares.set(xlabel="epoch", ylabel="validation images named right", ylim=(0, 1))
    percent_axis(shares.yaxis)
    for axes in (losses, shares):
        axes.axvline(kept, color=PALETTE["frame"], linewidth=0.8, zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    return figure
