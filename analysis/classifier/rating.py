"""An AI rater: a classifier, and a detector of origin, behind the questions of a study."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.classifier.network import Classifier
from analysis.classifier.origin import OriginDetector, seen_in
from analysis.classifier.store import images_learnt, load_classifier, load_detector
from analysis.errors import AnalysisError
from evaluation.machine_reading import (
    Asked,
    Machine,
    Said,
    judged,
    read_by_machine,
    shows_any_of,
)

ENTITY = "entity"
ORIGIN = ("origin", "scale", "side", "confidence")  # questions about it

OnStep = Callable[[int, int], None]


def read_as_ai(
    study: str, network: str, detector: str = "", *, on_step: OnStep | None = None
) -> tuple[str, bool]:
    """Let a classifier read a sealed study, and a detector answer for the origin.

    Args:
        study: its short name.
        network: the classifier's name.
        detector: that of a detector; without one the origin is not answered.
        on_step: told how many trials of how many are done.

    Returns:
        The rater's code, and whether all that was learnt from is known, and not in the study.

    Raises:
        AnalysisError: there is no such classifier or detector, or it has learnt from an image, or
            of a lesion, that the study shows.
        EvaluationError: the study is not open, or asks nothing that can be answered.
    """
    classifier = load_classifier(network)
    model, spotter, eyes = f"{network} {classifier.sha256}", None, classifier
    used = [network]
    if detector:
        spotter, sha256 = load_detector(detector)
        through, eyes = _eyes_of(spotter, network)
        model += f"; {detector} {sha256}"
        used += [detector, *([through] if through != network else [])]
    known = True
    for name in used:
        learnt = images_learnt(name)
        known = known and learnt is not None
        if learnt and shows_any_of(study, **learnt):
            raise AnalysisError(
                f"'{name}' has learnt from images, or lesions, that study '{study}' shows; train "
                "another once the study is sealed, when its images are left out"
            )
    rater = read_by_machine(
        study,
        machine(classifier, spotter, eyes),
        answers=(ENTITY, *ORIGIN) if spotter else (ENTITY,),
        name=" + ".join(filter(None, ("AI", network, detector))),
        model=model,
        on_step=on_step,
    )
    return rater.code, known


def machine(classifier: Classifier, detector: OriginDetector | None, eyes: Classifier) -> Machine:
    """Return what reads the stimuli of a trial.

    Args:
        classifier: names the entity, the most probable of those that are asked for.
        detector: tells the origin; None does not.
        eyes: the classifier that the detector looks through.
    """

    def say(stimuli: tuple[bytes, ...], asked: Asked) -> Said:
        pixels = np.stack([_opened(stimulus) for stimulus in stimuli])
        sure = dict(
            zip(classifier.entities, classifier.read_squares(pixels).probabilities[0], strict=True)
        )
        open_to = [entity for entity in asked.entities if entity in sure]
        entity = max(open_to, key=lambda each: sure[each]) if open_to else ""
        synthetic = detector.synthetic(seen_in(pixels, eyes)).tolist() if detector else ()
        return judged(asked, entity, synthetic)

    return say


def _opened(stimulus: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(stimulus)) as image:
        return np.asarray(image.convert("RGB"))


def _eyes_of(detector: OriginDetector, network: str) -> tuple[str, Classifier]:
    """Return the classifier that a detector looks through: the one named, or the shipped one."""
    for name in (network, "ham10000"):
        eyes = load_classifier(name)
        if eyes.sha256 == detector.eyes:
            return name, eyes
    raise AnalysisError(
        f"the detector looks through a classifier other than '{network}'; name the one that it was "
        "trained with"
    )
