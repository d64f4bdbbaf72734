"""Groups of images and of raters: bands, rates where there is enough to rate, tests, adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import mrmc
from analysis.proportions import benjamini_hochberg
from analysis.report.findings import Flags, Floats
from analysis.report.grids import LEAST_IMAGES, LEAST_RATERS, counted, p_values
from analysis.results import NotEstimable, Number, Test, Unknown, attempt

MOST_LEVELS = 12  # of a variable; more are names, not groups
TOO_FEW = Unknown(f"fewer than {LEAST_IMAGES} images or {LEAST_RATERS} raters: counts only")


@dataclass(frozen=True)
class Compared:
    """A test that all groups are equal, its p adjusted among the exploratory variables."""

    test: Test | Unknown
    adjusted: float | None = None


def banded(
    values: Floats, bands: Sequence[tuple[float, str]]
) -> tuple[NDArray[np.str_], list[str]]:
    """Put numbers into bands, each of which begins where the one before ends.

    Args:
        values: (n,) NaN where unknown.
        bands: where each ends, and its name.

    Returns:
        The name of each one's band, "" where unknown, and the names that occur, in order.
    """
    ends = np.array([end for end, _ in bands])
    names = np.array([label for _, label in bands] + [""])
    known = np.isfinite(values)
    place = np.searchsorted(ends, np.where(known, values, 0), side="right")
    labels = np.where(known, names[place], "")
    return labels, [label for _, label in bands if (labels == label).any()]


def share(table: Floats, own: Flags) -> Number:
    """Return the mean over raters of the share of 1 among some images, counts only of few.

    Args:
        table: (raters, images) 1 or 0, NaN where there is no answer.
        own: (images,) which.
    """
    raters = counted(np.isfinite(table[:, own]).any(axis=1))
    if counted(own) < LEAST_IMAGES or raters < LEAST_RATERS:
        return TOO_FEW
    return attempt(mrmc.proportion, table[:, own])


def told_apart(real: Floats, own: Flags, synthetic: Flags) -> Number:
    """Return the balanced accuracy of origin among some images, counts only of few.

    Args:
        real: (raters, images) 1 judged real, 0 judged synthetic, NaN where there is no answer.
        own, synthetic: (images,) which, and what they are.
    """
    sizes = [counted(own & side) for side in (synthetic, ~synthetic)]
    raters = counted(np.isfinite(real[:, own]).any(axis=1))
    if min(sizes) < LEAST_IMAGES or raters < LEAST_RATERS:
        return TOO_FEW
    return attempt(mrmc.balanced_accuracy, 1 - real[:, own], synthetic[own])


def equal(table: Floats, synthetic: Flags, groups: Sequence[str], statistic: str) -> Test | Unknown:
    """Test that a figure of raters is equal in all groups, raters and images random.

    Args:
        table: (groups, raters, images), NaN where there is no answer.
        synthetic: (images,) what they are.
        groups: names.
        statistic: "proportion" or "auc".
    """
    try:
        found = mrmc.obuchowski_rockette(
            table,
            synthetic,
            statistic=statistic,
            covariance="delong" if statistic == "auc" else "jackknife",
            treatments=list(groups),
        ).headline.test
    except NotEstimable as reason:
        return Unknown(str(reason))
    return Unknown(found.method or "nothing varies") if found.p is None else found


def compared(tests: Sequence[Test | Unknown], confirmatory: Sequence[bool]) -> list[Compared]:
    """Adjust tests of exploratory variables for one another; a confirmatory one stands."""
    raw = p_values([test if isinstance(test, Test) else None for test in tests])
    exploring = [None if sure else p for p, sure in zip(raw, confirmatory, strict=True)]
    adjusted = benjamini_hochberg(exploring)
    return [
        Compared(test, p if sure else other)
        for test, p, other, sure in zip(tests, raw, adjusted, confirmatory, strict=True)
    ]
