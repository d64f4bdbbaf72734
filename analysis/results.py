"""What every statistic returns: an estimate with its interval, or a test."""

from collections.abc import Callable
from dataclasses import dataclass


class NotEstimable(Exception):
    """The data cannot answer the question; the message says why, in words fit for a report."""


@dataclass(frozen=True)
class Estimate:
    """A number and how sure it is; what does not apply is None.

    Attributes:
        value: the estimate.
        se: its standard error.
        df: degrees of freedom of the interval; None for exact and normal intervals.
        low, high: the interval, clipped to the range of the quantity.
        level: the coverage asked for, as a share (0.95).
        n: how many answers (or images, see `method`) the number rests on.
        method: what was computed and what is random, in words fit for a report.
    """

    value: float
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: int | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        """Refuse a level that is no share, with which an interval would say nothing."""
        if self.level is not None and not 0 < self.level < 1:
            raise ValueError(f"a level of {self.level:g} is no share; choose 0.95, for example")


@dataclass(frozen=True)
class Test:
    """A test of a hypothesis; what does not apply is None."""

    __test__ = False  # pytest would take the name for a class of tests

    statistic: float | None = None
    df1: float | None = None
    df2: float | None = None
    p: float | None = None
    method: str | None = None


@dataclass(frozen=True)
class Unknown:
    """Stands where a number cannot be had; prints as n/a, or as `short` where that says why."""

    reason: str
    short: str = ""


Number = Estimate | Unknown


def attempt(statistic: Callable[..., Estimate], *data: object) -> Number:
    """Return the statistic of `data`, or the reason why there is none."""
    try:
        return statistic(*data)
    except NotEstimable as reason:
        return Unknown(str(reason))
