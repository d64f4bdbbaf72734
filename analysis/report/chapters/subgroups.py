"""Subgroups: whether images of some kinds pass better, by tests of interaction and adjusted p."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis import mrmc
from analysis.proportions import benjamini_hochberg, holm
from analysis.report.chapters import subgroups_page
from analysis.report.chapters.subgroups_page import VARIABLES
from analysis.report.findings import Facts, Flags, Floats
from analysis.report.grids import (
    LEAST_IMAGES,
    LEAST_RATERS,
    against,
    ages,
    counted,
    judged_real,
    of_images,
    p_values,
    right_entity,
)
from analysis.report.layout import Section
from analysis.report.study import Study
from analysis.results import NotEstimable, Number, Test, Unknown, attempt

KEY = "subgroups"
MOST_LEVELS = 12  # of a variable; more are names, not groups
AGE_BANDS = ((30, "below 30"), (50, "30 to 49"), (70, "50 to 69"), (np.inf, "70 and above"))
#: Individual typology angle in degrees (Del Bino and Bernerd 2013, Br J Dermatol 169:33).
TONE_BANDS = (
    (-30, "dark (ITA up to −30°)"),
    (10, "brown (−30° to 10°)"),
    (28, "tan (10° to 28°)"),
    (41, "intermediate (28° to 41°)"),
    (55, "light (41° to 55°)"),
    (np.inf, "very light (above 55°)"),
)
TOO_FEW = Unknown(f"fewer than {LEAST_IMAGES} images or {LEAST_RATERS} raters: counts only")


@dataclass(frozen=True)
class Level:
    """One group of images.

    Attributes:
        synthetic, real, raters: how many there are.
        judged_real: answers "real" about synthetic images, of how many.
        deception_rate: over raters and images.
        told_apart: balanced accuracy of origin.
        entity_right: share of rightly named entities, of all images.
        difference: deception rate less that of the other synthetic images.
        p, adjusted: of the difference.
    """

    label: str
    synthetic: int
    real: int
    raters: int
    judged_real: tuple[int, int]
    deception_rate: Number
    told_apart: Number
    entity_right: Number
    difference: Number
    p: float | None
    adjusted: float | None


@dataclass(frozen=True)
class Compared:
    """A test that all groups are equal, its p adjusted among the exploratory variables."""

    test: Test | Unknown
    adjusted: float | None = None


@dataclass(frozen=True)
class Variable:
    """Groups by one property of images.

    Attributes:
        confirmatory: p of its levels are adjusted by Holm, else by Benjamini and Hochberg.
        equal: test that deception rates are equal.
        interaction: test that origin is told equally well.
        levels: in order.
        unknown: images of which the property is not known.
    """

    confirmatory: bool
    equal: Compared
    interaction: Compared
    levels: tuple[Level, ...]
    unknown: int


@dataclass(frozen=True)
class Recognised:
    """How often one entity was named rightly, synthetic less real; adjusted by Holm."""

    entity: str
    synthetic: Number
    real: Number
    difference: Number
    p: float | None
    adjusted: float | None


@dataclass(frozen=True)
class Subgroups:
    """Groups of images.

    Attributes:
        variables: by property; only those that the table has.
        missing: properties that the table does not have, or that have too many values.
        recognised: by entity.
    """

    variables: Mapping[str, Variable]
    missing: tuple[str, ...]
    recognised: tuple[Recognised, ...]


def find(study: Study) -> Subgroups | None:
    """Compare groups of images by each property that the table has."""
    groups = {name: _labels(study, name) for name in VARIABLES}
    present = {
        name: (labels, order)
        for name, (labels, order) in groups.items()
        if name == "entity" or 1 < len(order) <= MOST_LEVELS
    }
    tables = _Tables(judged_real(study), right_entity(study), study.grid.synthetic)
    found = {
        name: tables.variable(labels, order, confirmatory=name == "entity")
        for name, (labels, order) in present.items()
    }
    return Subgroups(
        variables=_adjusted_among(found),
        missing=tuple(name for name in VARIABLES if name not in present),
        recognised=tables.recognised(*groups["entity"]),
    )


def _labels(study: Study, name: str) -> tuple[NDArray[np.str_], list[str]]:
    """Return each image's group, "" where unknown, and the groups in order."""
    if name == "entity":
        labels = study.grid.entity
        return labels, [one for one in study.pooled.entities if (labels == one).any()]
    if name == "age":
        return _banded(ages(study), AGE_BANDS)
    labels = of_images(study, name)
    if name == "skin_tone":
        angles = _angles(labels)
        if angles is not None:
            return _banded(angles, TONE_BANDS, closed=True)
    return labels, sorted({str(one) for one in labels if one})


def _banded(
    values: Floats, bands: Sequence[tuple[float, str]], *, closed: bool = False
) -> tuple[NDArray[np.str_], list[str]]:
    ends = np.array([end for end, _ in bands])
    names = np.array([label for _, label in bands] + [""])
    known = np.isfinite(values)
    side = np.searchsorted(ends, np.where(known, values, 0), side="left" if closed else "right")
    labels = np.where(known, names[side], "")
    return labels, [label for _, label in bands if (labels == label).any()]


def _angles(labels: NDArray[np.str_]) -> Floats | None:
    """Return skin tones as angles, unless they are words or steps of a scale up to ten."""
    try:
        values = np.array([float(one) if one else np.nan for one in labels])
    except ValueError:
        return None
    known = values[np.isfinite(values)]
    steps = bool(((known == np.round(known)) & (known >= 1) & (known <= 10)).all())
    return None if steps else values


class _Tables:
    """Answers as (raters, images), compared between groups of images."""

    def __init__(self, real: Floats, entity: Floats, synthetic: Flags) -> None:
        self.real, self.entity, self.synthetic = real, entity, synthetic
        self.asked = bool(np.isfinite(real).any())

    def variable(
        self, labels: NDArray[np.str_], order: Sequence[str], *, confirmatory: bool
    ) -> Variable:
        levels = [self.level(one, labels == one, labels != "") for one in order]
        adjust = holm if confirmatory else benjamini_hochberg
        adjusted = adjust([one.p for one in levels])
        large = [one for one in order if self.large(labels == one)]
        return Variable(
            confirmatory,
            Compared(self.equal(labels, large, "proportion")),
            Compared(self.equal(labels, large, "auc")),
            tuple(replace(one, adjusted=p) for one, p in zip(levels, adjusted, strict=True)),
            counted(labels == ""),
        )

    def large(self, own: Flags) -> bool:
        """Tell whether there are enough synthetic images and raters of them."""
        read = np.isfinite(self.real[:, own & self.synthetic])
        return (
            counted(own & self.synthetic) >= LEAST_IMAGES
            and counted(read.any(axis=1)) >= LEAST_RATERS
        )

    def level(self, label: str, own: Flags, known: Flags) -> Level:
        fakes = own & self.synthetic
        said = self.real[:, fakes]
        given = np.isfinite(said)
        difference: Number = TOO_FEW
        if self.large(own) and self.large(known & ~own):
            others = self.real[:, known & ~own & self.synthetic]
            difference = attempt(mrmc.proportion_difference, said, others)
        test = against(difference)
        return Level(
            label,
            counted(fakes),
            counted(own & ~self.synthetic),
            counted(given.any(axis=1)),
            (int(np.nansum(said)), counted(given)),
            self.shown(mrmc.proportion, self.real, fakes),
            self.told(own),
            self.shown(mrmc.proportion, self.entity, own),
            difference,
            None if test is None else test.p,
            None,
        )

    def shown(self, statistic: Callable, table: Floats, own: Flags) -> Number:
        """Return a statistic where images and raters are enough."""
        raters = counted(np.isfinite(table[:, own]).any(axis=1))
        if counted(own) < LEAST_IMAGES or raters < LEAST_RATERS:
            return TOO_FEW
        return attempt(statistic, table[:, own])

    def told(self, own: Flags) -> Number:
        sizes = [counted(own & side) for side in (self.synthetic, ~self.synthetic)]
        raters = counted(np.isfinite(self.real[:, own]).any(axis=1))
        if min(sizes) < LEAST_IMAGES or raters < LEAST_RATERS:
            return TOO_FEW
        return attempt(mrmc.mean_auc, 1 - self.real[:, own], self.synthetic[own])

    def equal(
        self, labels: NDArray[np.str_], order: Sequence[str], statistic: str
    ) -> Test | Unknown:
        """Test that groups have equal deception rates, or that origin is told equally well."""
        told = statistic == "auc"
        if told:
            order = [
                one for one in order if counted(~self.synthetic & (labels == one)) >= LEAST_IMAGES
            ]
        if len(order) < 2:
            return Unknown(
                f"fewer than two groups of {LEAST_IMAGES} images and {LEAST_RATERS} raters"
            )
        table = np.full((len(order), *self.real.shape), np.nan)
        for i, one in enumerate(order):
            own = (labels == one) & (self.synthetic | np.full(labels.shape, told))
            table[i][:, own] = 1 - self.real[:, own] if told else self.real[:, own]
        whole = self._who_read_enough(table, told)
        if counted(whole) < LEAST_RATERS:
            return Unknown(f"fewer than {LEAST_RATERS} raters have read images of every group")
        try:
            found = mrmc.obuchowski_rockette(
                table[:, whole],
                self.synthetic,
                statistic=statistic,
                covariance="delong" if told else "jackknife",
                treatments=list(order),
            ).headline.test
        except NotEstimable as reason:
            return Unknown(str(reason))
        return Unknown(found.method or "nothing varies") if found.p is None else found

    def _who_read_enough(self, table: Floats, told: bool) -> Flags:
        given = np.isfinite(table)
        enough = (given & self.synthetic).sum(axis=2) >= 2
        if told:
            enough &= (given & ~self.synthetic).sum(axis=2) >= 2
        whole: Flags = enough.all(axis=0)
        return whole

    def recognised(self, labels: NDArray[np.str_], order: Sequence[str]) -> tuple[Recognised, ...]:
        if not np.isfinite(self.entity).any():
            return ()
        found = []
        for one in order:
            sides = [side & (labels == one) for side in (self.synthetic, ~self.synthetic)]
            synthetic, real = (self.shown(mrmc.proportion, self.entity, own) for own in sides)
            difference: Number = TOO_FEW
            if TOO_FEW not in (synthetic, real):
                answers = (self.entity[:, own] for own in sides)
                difference = attempt(mrmc.proportion_difference, *answers)
            test = against(difference)
            p = None if test is None else test.p
            found.append(Recognised(one, synthetic, real, difference, p, None))
        adjusted = holm([one.p for one in found])
        return tuple(replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True))


def _adjusted_among(found: Mapping[str, Variable]) -> dict[str, Variable]:
    """Adjust the tests of exploratory variables for one another; the confirmatory one stands."""
    equal, interaction = (
        _compared(found, tests)
        for tests in (
            [one.equal.test for one in found.values()],
            [one.interaction.test for one in found.values()],
        )
    )
    return {
        name: replace(one, equal=equal[name], interaction=interaction[name])
        for name, one in found.items()
    }


def _compared(
    found: Mapping[str, Variable], tests: Sequence[Test | Unknown]
) -> dict[str, Compared]:
    raw = p_values([test if isinstance(test, Test) else None for test in tests])
    confirmatory = [one.confirmatory for one in found.values()]
    exploring = [None if sure else p for p, sure in zip(raw, confirmatory, strict=True)]
    adjusted = [
        p if sure else other
        for p, sure, other in zip(raw, confirmatory, benjamini_hochberg(exploring), strict=True)
    ]
    return {name: Compared(test, p) for name, test, p in zip(found, tests, adjusted, strict=True)}


def show(found: Subgroups, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    return subgroups_page.show(found, names)
