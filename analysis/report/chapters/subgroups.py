"""Subgroups: whether images of some kinds pass better, or before some raters, with adjusted p."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis import mrmc
from analysis.proportions import benjamini_hochberg, holm
from analysis.report.chapters.rater_groups import RaterVariable, by_raters
from analysis.report.findings import Flags, Floats
from analysis.report.grids import (
    LEAST_IMAGES,
    LEAST_RATERS,
    against,
    ages,
    counted,
    judged_real,
    of_images,
    right_entity,
)
from analysis.report.groups import (
    MOST_LEVELS,
    TOO_FEW,
    Compared,
    banded,
    compared,
    equal,
    share,
    told_apart,
)
from analysis.report.study import Study
from analysis.results import Number, Test, Unknown, attempt
from analysis.table import OF_RATERS
from evaluation.skin.tones import SKINS, TONES

KEY = "subgroups"
VARIABLES = {
    "entity": "Entity",
    "skin_tone": "Skin tone",
    "sex": "Sex",
    "age": "Age",
    "site": "Site",
}
AGE_BANDS = ((30, "below 30"), (50, "30 to 49"), (70, "50 to 69"), (np.inf, "70 and above"))
BOUNDS = [f"{bound:.0f}°".replace("-", "−") for bound in TONES]
#: Where each class of skin tone ends, in degrees of the individual typology angle, and its name.
TONE_BANDS = (
    (TONES[0], f"{SKINS[0]} (ITA below {BOUNDS[0]})"),
    *(
        (end, f"{skin} ({low} to {high})")
        for skin, end, (low, high) in zip(SKINS[1:-1], TONES[1:], pairwise(BOUNDS), strict=True)
    ),
    (np.inf, f"{SKINS[-1]} (from {BOUNDS[-1]})"),
)


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
    """Groups of images, and of raters.

    Attributes:
        variables: by property of images; only those that the table has.
        missing: properties that the table does not have, or that have too many values.
        raters: by property of raters; only those that the table has.
        raters_missing: as `missing`.
        recognised: by entity.
    """

    variables: Mapping[str, Variable]
    missing: tuple[str, ...]
    raters: Mapping[str, RaterVariable]
    raters_missing: tuple[str, ...]
    recognised: tuple[Recognised, ...]


def find(study: Study) -> Subgroups | None:
    """Compare groups of images and of raters by each property that the table has."""
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
    images, raters = _adjusted_among(found, by_raters(study))
    return Subgroups(
        variables=images,
        missing=tuple(name for name in VARIABLES if name not in present),
        raters=raters,
        raters_missing=tuple(name for name in OF_RATERS if name not in raters),
        recognised=tables.recognised(*groups["entity"]),
    )


def _labels(study: Study, name: str) -> tuple[NDArray[np.str_], list[str]]:
    """Return each image's group, "" where unknown, and the groups in order."""
    if name == "entity":
        labels = study.grid.entity
        return labels, [one for one in study.pooled.entities if (labels == one).any()]
    if name == "age":
        return banded(ages(study), AGE_BANDS)
    labels = of_images(study, name)
    if name == "skin_tone":
        angles = _angles(labels)
        if angles is not None:
            return banded(angles, TONE_BANDS)
    return labels, sorted({str(one) for one in labels if one})


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
            share(self.real, fakes),
            told_apart(self.real, own, self.synthetic),
            share(self.entity, own),
            difference,
            None if test is None else test.p,
            None,
        )

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
        return equal(table[:, whole], self.synthetic, order, statistic)

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
            synthetic, real = (share(self.entity, own) for own in sides)
            difference: Number = TOO_FEW
            if TOO_FEW not in (synthetic, real):
                answers = (self.entity[:, own] for own in sides)
                difference = attempt(mrmc.proportion_difference, *answers)
            test = against(difference)
            p = None if test is None else test.p
            found.append(Recognised(one, synthetic, real, difference, p, None))
        adjusted = holm([one.p for one in found])
        return tuple(replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True))


def _adjusted_among(
    images: Mapping[str, Variable], raters: Mapping[str, RaterVariable]
) -> tuple[dict[str, Variable], dict[str, RaterVariable]]:
    """Adjust tests for those of the same figure in all other exploratory variables."""
    every: list[Variable | RaterVariable] = [*images.values(), *raters.values()]
    exploring = [False] * len(raters)
    sure = [one.confirmatory for one in images.values()] + exploring
    deception = compared([one.equal.test for one in every], sure)
    told = compared([one.interaction.test for one in every], sure)
    named = compared([one.entity.test for one in raters.values()], exploring)
    of_raters = slice(len(images), None)
    return (
        {
            name: replace(images[name], equal=first, interaction=second)
            for name, first, second in zip(images, deception, told, strict=False)
        },
        {
            name: replace(raters[name], equal=first, interaction=second, entity=third)
            for name, first, second, third in zip(
                raters, deception[of_raters], told[of_raters], named, strict=True
            )
        },
    )
