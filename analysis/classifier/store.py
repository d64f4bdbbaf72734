"""Where classifiers and detectors lie: those that are shipped, and those trained here."""

import json
import re
from pathlib import Path

from django.conf import settings

from analysis.classifier.network import Classifier
from analysis.classifier.origin import OriginDetector
from analysis.errors import AnalysisError
from evaluation.image_sets import ImageSet

IMAGES = "images.json"  # what was learnt from
SHIPPED = Path(__file__).with_name("weights")
#: Names that the ISIC Archive gives: an image has them in any size and file, and no other has.
ARCHIVED = re.compile(r"ISIC_\d{7}")


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
    places = _places("model.safetensors")
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
    places = _places("detector.safetensors")
    if name not in places:
        raise AnalysisError(
            f"there is no detector '{name}'; there are: {', '.join(sorted(places)) or 'none yet'}; "
            "train one with manage.py train_detector"
        )
    return OriginDetector.load(places[name])


def note_images(folder: Path, *sets: ImageSet) -> None:
    """Write down what was learnt from, so that no study is read that shows it."""
    found = {
        "digests": {sha256 for each in sets for sha256 in each.digests.tolist()},
        "lesions": {lesion for each in sets for lesion in each.lesions.tolist()},
        "names": {n for each in sets for n in each.names.tolist() if ARCHIVED.fullmatch(n)},
    }
    known = {what: sorted(values) for what, values in found.items()}
    (folder / IMAGES).write_text(json.dumps(known))


def images_learnt(name: str) -> dict[str, list[str]] | None:
    """Return what a classifier or detector learnt from; None if that is not on record.

    Returns:
        `digests` of files, `lesions`, and `names` of the ISIC Archive's images.
    """
    path = _places(IMAGES).get(name)
    return json.loads((path / IMAGES).read_text()) if path else None


def _places(file: str) -> dict[str, Path]:
    """Return the folders that hold such a file, by name: shipped ones, and those trained here."""
    own = Path(settings.VAR_DIR) / "classifiers"
    return {
        path.parent.name: path.parent for top in (SHIPPED, own) for path in top.glob(f"*/{file}")
    }
