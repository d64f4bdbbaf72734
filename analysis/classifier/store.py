"""Where classifiers lie: those that are shipped, and those trained here."""

from pathlib import Path

from django.conf import settings

from analysis.classifier.network import Classifier
from analysis.errors import AnalysisError

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
