"""A detector of origin: tells synthetic stimuli from real ones by what a classifier sees in them.

A logistic regression on the penultimate layer of an entity classifier and on low-level features,
learnt from stimuli, so that nothing of a file's history helps it that raters would not get.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

from analysis.classifier.network import Classifier
from analysis.errors import AnalysisError
from analysis.leakage.features import feature_table

Floats = NDArray[np.float64]
STRENGTH = 0.01  # inverse of the penalty; there are more features than a few hundred images bear
TINY = 1e-9


@dataclass(frozen=True)
class OriginDetector:
    """Weights of the regression over standardised features.

    Attributes:
        mean, scale, weights: (features,).
        bias: of the log odds of being synthetic.
        eyes: SHA-256 of the classifier whose features it reads.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    eyes: str

    def synthetic(self, features: Floats) -> Floats:
        """Return (n,) probabilities of being synthetic of (n, features)."""
        odds = ((features - self.mean) / self.scale) @ self.weights + self.bias
        return 1 / (1 + np.exp(-odds))

    def save(self, folder: Path) -> None:
        """Write the weights, beside what they read."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        save_file({**state, "bias": np.array([self.bias])}, folder / "detector.safetensors")
        (folder / "config.json").write_text(json.dumps({"eyes": self.eyes}, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> tuple["OriginDetector", str]:
        """Load what `save` wrote, with the hash of its weights.

        Raises:
            AnalysisError: the folder holds no detector.
        """
        path = folder / "detector.safetensors"
        try:
            state = load_file(path)
            eyes = json.loads((folder / "config.json").read_text())["eyes"]
            bias = float(state["bias"][0])
            found = cls(state["mean"], state["scale"], state["weights"], bias, eyes)
            return found, hashlib.sha256(path.read_bytes()).hexdigest()
        except Exception as problem:  # files break in many ways
            raise AnalysisError(
                f"{folder}: holds no detector ({problem}); train one with manage.py train_detector"
            ) from problem


def seen_in(stimuli: NDArray[np.uint8], eyes: Classifier) -> Floats:
    """Return (n, features) of stimuli (n, side, side, 3)."""
    seen = eyes.read_squares(stimuli).features.astype(float)
    return np.hstack([seen, feature_table(stimuli)[1]])


def fit_detector(features: Floats, synthetic: Sequence[bool], eyes: Classifier) -> OriginDetector:
    """Learn to tell synthetic from real.

    Args:
        features: (n, features), as `seen_in` returns them.
        synthetic: (n,) the truth.
        eyes: the classifier that the features are of.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + TINY
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    model.fit((features - mean) / scale, np.asarray(synthetic, dtype=int))
    return OriginDetector(mean, scale, model.coef_[0], float(model.intercept_[0]), eyes.sha256)
