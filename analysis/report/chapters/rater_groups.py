"""Groups of raters: whether experience or profession tells real from synthetic better."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.report.findings import Flags, Floats
from analysis.report.grids import (
    LEAST_IMAGES,
    LEAST_RATERS,
    counted,
    judged_real,
    of_raters,
    right_entity,
)
from analysis.report.groups import MOST_LEVELS, Compared, banded, equal, share, told_apart
from analysis.report.study import Study
from analysis.results import Number, Test, Unknown
from analysis.table import OF_RATERS

#: Beginners, skilled and experts of Haenssle et al. (2018, Ann Oncol 29:1836).
YEARS_BANDS = (
    (2.0, "below 2 years"),
    (np.nextafter(5.0, 6.0), "2 to 5 years"),
    (np.inf, "more than 5 years"),
)
LONGEST = 80.0  # years; whatever exceeds it is a code
#: In the order of the questionnaire; others follow.
ROLES = ("dermatologist", "resident", "other_physician", "student", "other")


@dataclass(frozen=True)
class RaterLevel:
    """One group of raters.

    Attributes:
        raters: how many there are.
        judged_real: answers "real" about synthetic images, of how many.
        deception_rate: mean over these raters, raters and images random.
        told_apart: balanced accuracy of origin.
        entity_right: share of rightly named entities.
    """

    label: str
    raters: int
    judged_real: tuple[int, int]
    deception_rate: Number
    told_apart: Number
    entity_right: Number


@dataclass(frozen=True)
class RaterVariable:
    """Groups by one property of raters, who are nested in them and read the same images.

    Attributes:
        equal: test that deception rates are equal.
        interaction: test that origin is told equally well.
        entity: test that entities are named equally well.
        levels: in order.
        unknown: raters of whom the property is not known.
    """

    equal: Compared
    interaction: Compared
    entity: Compared
    levels: tuple[RaterLevel, ...]
    unknown: int


def by_raters(study: Study) -> dict[str, RaterVariable]:
    """Compare groups of raters by each property that the table has; p not adjusted yet."""
    real, entity, synthetic = judged_real(study), right_entity(study), study.grid.synthetic
    people = of_raters(study, "rater_kind") != "ai"
    found = {}
    for name in OF_RATERS:
        labels, order = _labels(np.where(people, of_raters(study, name), ""), name)
        if 1 < len(order) <= MOST_LEVELS:
            found[name] = _variable(real, entity, synthetic, labels, order, people)
    return found


def _labels(said: NDArray[np.str_], name: str) -> tuple[NDArray[np.str_], list[str]]:
    """Return each rater's group, "" where unknown, and the groups in order."""
    years = None if name == "rater_role" else _years(said)
    if years is not None:
        return banded(years, YEARS_BANDS)
    known = sorted({str(one) for one in said if one})
    return said, sorted(known, key=lambda one: ROLES.index(one) if one in ROLES else len(ROLES))


def _years(said: NDArray[np.str_]) -> Floats | None:
    """Return experience in years, unless it is told in classes."""
    try:
        values = np.array([float(one) if one else np.nan for one in said])
    except ValueError:
        return None
    known = values[~np.isnan(values)]
    return values if ((known >= 0) & (known <= LONGEST)).all() else None


def _variable(
    real: Floats,
    entity: Floats,
    synthetic: Flags,
    labels: NDArray[np.str_],
    order: list[str],
    people: Flags,
) -> RaterVariable:
    groups = {one: labels == one for one in order}
    every = np.ones_like(synthetic)
    return RaterVariable(
        Compared(_equal(real[:, synthetic], synthetic[synthetic], groups, "proportion")),
        Compared(_equal(1 - real, synthetic, groups, "auc")),
        Compared(_equal(entity, synthetic, groups, "proportion")),
        tuple(
            RaterLevel(
                one,
                counted(own),
                (
                    int(np.nansum(real[np.ix_(own, synthetic)])),
                    counted(np.isfinite(real[np.ix_(own, synthetic)])),
                ),
                share(real[own], synthetic),
                told_apart(real[own], every, synthetic),
                share(entity[own], every),
            )
            for one, own in groups.items()
        ),
        counted(people & (labels == "")),
    )


def _equal(
    answers: Floats, synthetic: Flags, groups: Mapping[str, Flags], statistic: str
) -> Test | Unknown:
    """Test that raters of all groups that are large enough reach the same figure.

    Args:
        answers: (raters, images) 1 or 0, NaN where there is none.
        synthetic: (images,) what they are.
        groups: (raters,) who is in each.
        statistic: "proportion", or "auc" of answers that say synthetic.
    """
    given = np.isfinite(answers)
    kinds = (synthetic, ~synthetic) if statistic == "auc" else (np.ones_like(synthetic),)
    read = np.min([(given & kind).sum(axis=1) for kind in kinds], axis=0)
    shown = min(counted(given.any(axis=0) & kind) for kind in kinds)
    large = {one: own & (read >= 2) for one, own in groups.items()}
    large = {one: own for one, own in large.items() if counted(own) >= LEAST_RATERS}
    if len(large) < 2 or shown < LEAST_IMAGES:
        return Unknown(
            f"fewer than two groups of {LEAST_RATERS} raters who read {LEAST_IMAGES} images"
        )
    table = np.stack([np.where(own[:, None], answers, np.nan) for own in large.values()])
    some = np.any(list(large.values()), axis=0)
    return equal(table[:, some], synthetic, list(large), statistic)
