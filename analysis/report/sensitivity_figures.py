"""Figures of signal detection: hits against false alarms, and the same in z coordinates."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from scipy import stats

from analysis.report.elements import PALETTE

D_PRIMES = (0.5, 1.0, 2.0, 3.0)
SIZE = (3.7, 3.9)


def detection_plane(
    points: Sequence[tuple[float, float]], mean: tuple[float, float] | None
) -> Figure:
    """Draw a point a rater, (false alarms, hits), over curves of equal d'.

    Args:
        points: of the raters.
        mean: d' and criterion of the mean rater, drawn as a diamond.
    """
    figure = Figure(figsize=SIZE)
    axes = figure.subplots()
    alarms = np.linspace(1e-4, 1 - 1e-4, 400)
    axes.plot([0, 1], [0, 1], color=PALETTE["frame"], linewidth=0.8, dashes=(3, 3), zorder=0)
    for sensitivity in D_PRIMES:
        hits = stats.norm.cdf(stats.norm.ppf(alarms) + sensitivity)
        axes.plot(alarms, hits, color=PALETTE["frame"], linewidth=0.8, zorder=0)
        # Labels stand where each curve meets the other diagonal: no bias.
        at = float(stats.norm.cdf(-sensitivity / 2))
        axes.annotate(
            f"{sensitivity:g}",
            (at, 1 - at),
            ha="center",
            va="center",
            fontsize=7.5,
            color=PALETTE["soft"],
            bbox={"boxstyle": "square,pad=0.15", "facecolor": PALETTE["on-heat"], "linewidth": 0},
            zorder=1,
        )
    for alarm, hit in points:
        axes.plot(
            alarm,
            hit,
            "o",
            color=PALETTE["synthetic"],
            markersize=5.5,
            alpha=0.75,
            clip_on=False,
            zorder=3,
        )
    handles = [
        Line2D([], [], color=PALETTE["synthetic"], marker="o", linestyle="", label="each rater"),
        Line2D([], [], color=PALETTE["frame"], linewidth=0.8, label="equal d′"),
    ]
    if mean is not None:
        d_prime, criterion = mean
        axes.plot(
            stats.norm.cdf(-d_prime / 2 - criterion),
            stats.norm.cdf(d_prime / 2 - criterion),
            "D",
            color=PALETTE["ink"],
            markersize=7,
            clip_on=False,
            zorder=4,
        )
        handles.insert(
            1, Line2D([], [], color=PALETTE["ink"], marker="D", linestyle="", label="mean")
        )
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel="real images judged synthetic",
        ylabel="synthetic images judged synthetic",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.5, 1])
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}%"))
    figure.legend(handles=handles, loc="outside upper left", ncols=3, borderpad=0, handlelength=1.2)
    return figure


def z_curves(
    points: Sequence[Sequence[tuple[float, float]]], lines: Sequence[tuple[float, float]]
) -> Figure:
    """Draw each rater's ROC points in z coordinates, and the line that was fitted.

    Args:
        points: for each rater (false alarms, hits), all within 0 and 1.
        lines: intercept and slope of each fit.
    """
    figure = Figure(figsize=SIZE)
    axes = figure.subplots()
    reach = 2.6
    axes.plot(
        [-reach, reach], [-reach, reach], color=PALETTE["frame"], linewidth=0.8, dashes=(3, 3)
    )
    for own in points:
        z = stats.norm.ppf(np.array(own).reshape(-1, 2))
        axes.plot(z[:, 0], z[:, 1], "o", color=PALETTE["synthetic"], markersize=3.5, alpha=0.7)
    ends = np.array([-reach, reach])
    for intercept, slope in lines:
        axes.plot(
            ends, intercept + slope * ends, color=PALETTE["synthetic"], linewidth=0.9, alpha=0.55
        )
    handles = [
        Line2D([], [], color=PALETTE["synthetic"], marker="o", linestyle="", label="ratings"),
        Line2D([], [], color=PALETTE["synthetic"], linewidth=0.9, label="fit, one a rater"),
    ]
    if len(lines) > 1:
        intercept, slope = (float(each) for each in np.mean(lines, axis=0))
        axes.plot(ends, intercept + slope * ends, color=PALETTE["ink"], linewidth=2)
        handles.append(Line2D([], [], color=PALETTE["ink"], linewidth=2, label="mean"))
    axes.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="z of false alarms",
        ylabel="z of hits",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([-2, -1, 0, 1, 2])
        axis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:.0f}".replace("-", "\N{MINUS SIGN}"))
        )
    figure.legend(handles=handles, loc="outside upper left", ncols=3, borderpad=0, handlelength=1.2)
    return figure
