"""How well a classifier names entities of images that it was not trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import roc
from analysis.calibration import calibration_error
from analysis.confusion import ClassificationReport, Confusion, classification_report, confusion
from analysis.proportions import wilson
from analysis.results import Estimate, Number, attempt
from analysis.roc import RocCurve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assessment:
    """A classifier's answers about a set of images, one of each lesion.

    Attributes:
        images: what they are.
        accuracy: share named right, interval over images.
        recalls: of each entity.
        areas: under the curve of each entity against the rest, by its probability.
        curves: those curves; none where one side is empty.
        calibration: expected calibration error of the probability of what was named.
    """

    images: str
    confusion: Confusion
    report: ClassificationReport
    accuracy: Estimate
    recalls: Mapping[str, Number]
    areas: Mapping[str, Number]
    curves: Mapping[str, RocCurve]
    calibration: Estimate


def assess(
    probabilities: Floats, labels: NDArray[np.int_], entities: Sequence[str], images: str
) -> Assessment:
    """Assess answers about images that are independent of one another.

    Args:
        probabilities: (n, entities).
        labels: (n,) places among the entities.
        entities: their codes.
        images: what they are, in words.
    """
    named = probabilities.argmax(axis=1)
    codes = np.array(entities)
    table = confusion(codes[labels], codes[named], entities)
    right = named == labels
    curves = {
        entity: roc.empirical_curve(probabilities[:, k], labels == k)
        for k, entity in enumerate(entities)
        if 0 < np.count_nonzero(labels == k) < len(labels)
    }
    return Assessment(
        images,
        table,
        classification_report(table),
        wilson(int(right.sum()), len(right)),
        {
            entity: attempt(wilson, int(right[labels == k].sum()), int((labels == k).sum()))
            for k, entity in enumerate(entities)
        },
        {
            entity: attempt(roc.delong, probabilities[:, k], labels == k)
            for k, entity in enumerate(entities)
        },
        curves,
        calibration_error(probabilities.max(axis=1), right),
    )
