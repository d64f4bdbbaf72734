"""Findings: the numbers of a report, as what they are; `compute` finds them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import roc
from analysis.confusion import ClassificationReport, Confusion
from analysis.results import Number
from analysis.table import Excluded

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SUBSETS = ("all", "real", "synthetic")


@dataclass(frozen=True)
class Facts:
    """What was read by whom.

    Attributes:
        raters: how many of each kind; "" where the table does not say.
        pooled: raters that enter averages: people where there are any, else simulated ones, since
            neither they nor AI raters are a sample of dermatologists.
        images: number of images by origin, then by entity.
        missing: pairs of pooled rater and image without any answer.
        caveats: what must be known of the images before a number is believed.
        margin: distance from chance that counts as none; None where nobody fixed one.
    """

    source: str
    study: str
    entities: tuple[str, ...]
    raters: Mapping[str, int]
    pooled: tuple[str, ...]
    generators: tuple[str, ...]
    images: Mapping[str, Mapping[str, int]]
    answers: int
    missing: int
    excluded: Excluded
    rating_levels: int
    entity_confidence: bool
    caveats: tuple[str, ...]
    margin: float | None


@dataclass(frozen=True)
class Point:
    """One operating point of one rater."""

    rater: str
    false_alarm: float
    hit: float


@dataclass(frozen=True)
class Discrimination:
    """How well raters tell `positive` from the rest.

    From graded answers the area under the ROC curve, with one curve a rater and the average of
    them at `grid`; from plain labels the balanced accuracy of one operating point, without curves.
    """

    positive: str
    graded: bool
    area: Number
    points: tuple[Point, ...]
    curves: Mapping[str, roc.RocCurve]
    grid: Floats
    average_hit: Floats


@dataclass(frozen=True)
class EntityFindings:
    """Diagnosis over one subset of the images."""

    subset: str
    accuracy: Number
    confusion: Confusion
    report: ClassificationReport
    by_rater: Mapping[str, Confusion]
    reports_by_rater: Mapping[str, ClassificationReport]
    recalls: Mapping[str, Number]
    discrimination: tuple[Discrimination, ...]


@dataclass(frozen=True)
class OriginFindings:
    """Telling synthetic from real."""

    deception_rate: Number
    false_alarm_rate: Number
    accuracy: Number
    balanced_accuracy: Number
    confusion: Confusion
    report: ClassificationReport
    by_rater: Mapping[str, Confusion]
    reports_by_rater: Mapping[str, ClassificationReport]
    deception_by_generator: Mapping[str, Number]
    deception_by_entity: Mapping[str, Number]
    false_alarm_by_entity: Mapping[str, Number]


@dataclass(frozen=True)
class Times:
    """Response times in seconds: median and quartiles over `n` answers."""

    n: int
    median: float
    lower_quartile: float
    upper_quartile: float


@dataclass(frozen=True)
class RaterFindings:
    """One rater; intervals hold for this rater, images random."""

    rater: str
    kind: str
    answers: int
    deception_rate: Number
    hit_rate: Number
    false_alarm_rate: Number
    origin_accuracy: Number
    d_prime: Number
    criterion: Number
    auc: Number
    entity_accuracy: Mapping[str, Number]
    times: Times | None


@dataclass(frozen=True)
class Findings:
    """All numbers of a report; None where the raters were not asked."""

    facts: Facts
    origin: OriginFindings | None
    detection: Discrimination | None
    detection_by_entity: Mapping[str, Number]
    entity: Mapping[str, EntityFindings]
    entity_difference: Number
    raters: tuple[RaterFindings, ...]
    times: Mapping[str, Times]
    too_fast: int
    too_slow: int
    interrupted: int
    ratings_reversed: bool
    chapters: Mapping[str, object]  # what each chapter found, by its key
