"""Where classifiers and detectors lie: those that are shipped, and those trained here."""

import json
from pathlib import Path

from django.conf import settings

from analysis.classifier.network import Classifier
from analysis.classifier.origin import OriginDetector
from analysis.errors import AnalysisError
from evaluation.image_sets import ImageSet

IMAGES = "images.json"  # what was learnt from
SHIPPED = Path(__file__).with_name("weights")


def own_folder(name: str) -> Path:
    """Return the folder of a classifier that is trained here.

    Raises:
        AnalysisError: the name is that of a shipped one, or no name.
    """
    if not name.replace("-", "").replace("_", "").isalnum():
        raise AnalysisError(f"'{name}' is no name; use letters, digits, - and _")
    if (SHIPPED / name).exists():
        raise AnalysisError(f"a classifier '{name}' is shipped; choose another --name")
    return Path(settings.VAR_DIR) / "classifiers" / name


def load_classifier(name: str) -> Classifier:
    """Return the classifier called `name`.

    Raises:
        AnalysisError: there is none; the message names those that there are.
    """
    own = Path(settings.VAR_DIR) / "classifiers"
    places = {path.parent.name: path.parent for path in SHIPPED.glob("*/model.safetensors")}
    places |= {path.parent.name: path.parent for path in own.glob("*/model.safetensors")}
    if name not in places:
        raise AnalysisError(
            f"there is no classifier '{name}'; there are: {', '.join(sorted(places))}; "
            "train one with manage.py train_classifier"
        )
    return Classifier.load(places[name])


def load_detector(name: str) -> tuple[OriginDetector, str]:
    """Return the detector called `name`, with the hash of its weights.

    Raises:
        AnalysisError: there is none; the message names those that there are.
    """
    own = Path(settings.VAR_DIR) / "classifiers"
    places = {path.parent.name: path.parent for path in own.glob("*/detector.safetensors")}
    if name not in places:
        raise AnalysisError(
            f"there is no detector '{name}'; there are: {', '.join(sorted(places)) or 'none yet'}; "
            "train one with manage.py train_detector"
        )
    return OriginDetector.load(places[name])


def note_images(folder: Path, *sets: ImageSet) -> None:
    """Write down what was learnt from, so that no study is read that shows it."""
    known = {
        what: sorted({value for each in sets for value in getattr(each, what).tolist()})
        for what in ("digests", "lesions")
    }
    (folder / IMAGES).write_text(json.dumps(known))


def images_learnt(name: str) -> dict[str, list[str]] | None:
    """Return the digests and lesions that a classifier or detector learnt from; None if unknown."""
    path = Path(settings.VAR_DIR) / "classifiers" / name / IMAGES
    return json.loads(path.read_text()) if path.exists() else None
