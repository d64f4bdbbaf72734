"""The design of a multi-reader study, read off its ratings, and its analysis of variance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.mrmc.cells import Cells, Flags, Floats, Label
from analysis.mrmc.inference import (
    FIXED_CASES,
    FIXED_READERS,
    RANDOM,
    Bounds,
    ReaderMean,
    mean_of,
    reader_mean,
    satterthwaite,
)
from analysis.results import NotEstimable


@dataclass(frozen=True)
class Components:
    """Mean squares and (co)variances as estimated: negative ones are shown, and count as 0.

    Attributes:
        ms_t, ms_r, ms_tr: mean squares of treatments, readers and their interaction. With readers
            nested in treatments `ms_r` is that within treatments; with groups, within groups.
        var_e: error variance; cov1 same reader, other treatment; cov2 other reader, same
            treatment; cov3 both other. What the design does not have is None, what it makes
            independent is 0.
        reader, treatment_reader: variances of readers and of their interaction with treatments.
        cases: how many cases the errors are over.
    """

    ms_t: float | None
    ms_r: float | None
    ms_tr: float | None
    var_e: float
    cov1: float | None
    cov2: float | None
    cov3: float | None
    reader: float | None
    treatment_reader: float | None
    cases: int


class Study:
    """The cells of a study with the shape of its design."""

    def __init__(
        self, cells: Cells, treatments: int, readers: int, codes: Floats | None, bounds: Bounds
    ) -> None:
        self.cells, self.treatments, self.readers, self.codes = cells, treatments, readers, codes
        self.bounds = bounds
        own = np.zeros((treatments, readers), dtype=bool)
        own[cells.treatment, cells.reader] = True
        self.own = own
        self.crossed = bool(own.all())
        self.nested = not self.crossed and bool((own.sum(axis=0) == 1).all())
        self.same_treatment = cells.treatment[:, None] == cells.treatment
        self.same_reader = cells.reader[:, None] == cells.reader

    def check(self, rows: Sequence[Label], columns: Sequence[Label]) -> None:
        """Refuse designs without an analysis of variance, naming treatments and readers."""
        if not self.own.any(axis=1).all():
            row = rows[int(np.flatnonzero(~self.own.any(axis=1))[0])]
            raise NotEstimable(f"treatment {row} has no ratings that count; leave it out")
        if not (self.crossed or self.nested):
            row, column = (int(place[0]) for place in np.nonzero(~self.own))
            raise NotEstimable(
                f"reader {columns[column]} read nothing under treatment {rows[row]}, but others "
                "read under several: leave out readers who did not read all, or use u_statistic"
            )
        if self.codes is None:
            return
        if self.nested:
            raise ValueError("groups of readers do not go with readers nested in treatments")
        if self.readers > 1 and not self.df_r:
            raise NotEstimable(
                "every group has one reader: name no groups, the cases are nested in readers"
            )

    def design(self) -> str:
        """Return the design in words."""
        if self.nested:
            return "readers nested in treatments"
        if self.codes is not None:
            return "split plot: groups of readers with cases of their own"
        linked = self.cells.linked
        if self.readers > 1 and not (linked & ~self.same_reader).any():
            return "cases nested in readers"
        if self.treatments > 1 and not (linked & ~self.same_treatment).any():
            return "cases nested in treatments"
        if (self.cells.ratings < self.cells.cases).any():
            return "not every case was read in every cell"
        under = " under every treatment" if self.treatments > 1 else ""
        return f"every reader read every case{under}"

    def mean(self, treatment: int) -> ReaderMean:
        """Summarise the readers of one treatment."""
        these = np.flatnonzero(self.cells.treatment == treatment)
        return reader_mean(
            self.cells.values[these],
            self.cells.covariance[np.ix_(these, these)],
            None if self.codes is None else self.codes[self.cells.reader[these]],
        )

    def components(self, means: Sequence[ReaderMean]) -> Components:
        """Return the analysis of variance of all cells."""
        covariance, values = self.cells.covariance, self.cells.values
        others = ~np.eye(len(values), dtype=bool)
        var_e = float(np.diag(covariance).mean())
        cov1 = mean_of(covariance, self.same_reader & others)
        cov2 = mean_of(covariance, self.same_treatment & others)
        cov3 = mean_of(covariance, ~self.same_treatment & ~self.same_reader)
        if self.treatments == 1:
            return own_components(means[0], self.cells.cases)
        sizes = np.array([mean.readers for mean in means])
        levels = np.array([mean.value for mean in means])
        grand = float(np.average(levels, weights=sizes))
        ms_t = float(sizes @ (levels - grand) ** 2 / (self.treatments - 1))
        if self.nested:
            df = int(sizes.sum() - self.treatments)
            ms_r = sum((m.ms_r or 0.0) * m.df_r for m in means) / df if df else None
            reader = None if ms_r is None else ms_r - var_e + (cov2 or 0.0)
            return Components(
                ms_t, ms_r, None, var_e, cov1, cov2, cov3, reader, None, self.cells.cases
            )
        if not self.df_r:
            return Components(
                ms_t, None, None, var_e, cov1, cov2, cov3, None, None, self.cells.cases
            )
        grid = self.grid()
        centred = grid - self.by_group(grid)
        by_reader = centred.mean(axis=0)
        ms_r = float(self.treatments * by_reader @ by_reader / self.df_r)
        left = centred - by_reader
        ms_tr = float((left**2).sum() / ((self.treatments - 1) * self.df_r))
        within2, within3 = self.within()
        return Components(
            ms_t,
            ms_r,
            ms_tr,
            var_e,
            cov1,
            cov2,
            cov3,
            (ms_r - ms_tr) / self.treatments - (cov1 or 0.0) + within3,
            ms_tr - var_e + (cov1 or 0.0) + within2 - within3,
            self.cells.cases,
        )

    @property
    def df_r(self) -> int:
        """Degrees of freedom between readers, within groups."""
        return self.readers - (1 if self.codes is None else len(np.unique(self.codes)))

    def grid(self) -> Floats:
        """Return the figures as (treatments, readers)."""
        grid = np.empty((self.treatments, self.readers))
        grid[self.cells.treatment, self.cells.reader] = self.cells.values
        return grid

    def by_group(self, grid: Floats) -> Floats:
        """Return each figure's mean over the readers of its group."""
        codes = np.zeros(self.readers) if self.codes is None else self.codes
        together = (codes[:, None] == codes).astype(float)
        return grid @ (together / together.sum(axis=0))

    def within(self) -> tuple[float, float]:
        """Return Cov2 and Cov3 of readers who are in one group."""
        codes = np.zeros(self.readers) if self.codes is None else self.codes
        of_cell = codes[self.cells.reader]
        together: Flags = (of_cell[:, None] == of_cell) & ~self.same_reader
        return (
            mean_of(self.cells.covariance, together & self.same_treatment) or 0.0,
            mean_of(self.cells.covariance, together & ~self.same_treatment) or 0.0,
        )

    def contrast(self, components: Components, scope: str) -> "Contrast":
        """Return what the variance of a difference of treatments is made of."""
        c = components
        apart = (c.cov2 or 0.0) - (c.cov3 or 0.0)
        if self.nested:
            if scope == FIXED_READERS:
                return Contrast(c.var_e - (c.cov2 or 0.0), None, max(apart, 0.0))
            df = self.own.sum() - self.treatments
            return Contrast(c.ms_r, int(df), max(apart, 0.0) if scope == RANDOM else 0.0)
        if scope == FIXED_READERS:
            base = c.var_e - (c.cov1 or 0.0) + (self.readers - 1) * max(apart, 0.0)
            return Contrast(base, None, 0.0)
        df = (self.treatments - 1) * self.df_r
        if scope == FIXED_CASES:
            return Contrast(c.ms_tr, df, 0.0)
        within2, within3 = self.within()
        extra = within2 - within3 + (self.readers - 1) * apart
        return Contrast(c.ms_tr, df, max(extra, 0.0) / self.readers)


@dataclass(frozen=True)
class Contrast:
    """The variance of the difference of two means of m and n readers: (1/m + 1/n) base + 2 shared.

    `base` is a mean square with `df` degrees of freedom, or a known variance (df None), or None
    where there is none.
    """

    base: float | None
    df: int | None
    shared: float

    def total(self, readers: float) -> tuple[float | None, float | None]:
        """Return base plus `readers` times the shared part, and its degrees of freedom."""
        if self.base is None:
            return None, None
        if self.df is None:
            return self.base + readers * self.shared, None
        return satterthwaite(self.base, readers * self.shared, self.df)


def own_components(mean: ReaderMean, cases: int) -> Components:
    """Return the components of one treatment alone."""
    reader = None if mean.ms_r is None else mean.ms_r - mean.var_e + (mean.cov2_within or 0.0)
    return Components(None, mean.ms_r, None, mean.var_e, None, mean.cov2, None, reader, None, cases)


def codes_of(groups: Sequence[Label] | None, readers: int) -> Floats | None:
    """Return a number for the group of each reader, None without groups."""
    if groups is None:
        return None
    if len(groups) != readers:
        raise ValueError(f"{len(groups)} groups were named for {readers} readers; name one each")
    return np.unique(np.asarray(list(groups), dtype=str), return_inverse=True)[1].astype(float)
