"""What turns images into features: our own classifier, and networks that are given by a path.

Nothing is downloaded, and none stands in for another: what is not given is not computed. Each
carries the hash of its files, under which features are kept and figures are labelled.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.classifier.network import Classifier
from analysis.errors import AnalysisError
from analysis.quality import appearance
from analysis.quality.inception import CLASSES, FEATURES, PUBLISHED, load_inception
from analysis.quality.keras_inception import load_keras_inception
from analysis.quality.sets import About
from analysis.quality.treatment import Pixels, resized
from evaluation.skin import colour, finding

Rows = NDArray[np.float32]

#: Built in, beside the code.
DOMAIN = Path(__file__).parent.parent / "classifier" / "weights" / "ham10000"
BATCH = 32
#: How the two kinds of transformers standardise colours.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


class Extractor(Protocol):
    """Turns images into rows of numbers."""

    about: About

    def rows(self, images: Pixels) -> Rows:
        """Return (n, features + classes) of treated images (n, side, side, 3)."""
        ...


class DomainExtractor:
    """The entity classifier's penultimate layer, and its calibrated probabilities."""

    def __init__(self, folder: Path = DOMAIN) -> None:
        """Load it.

        Raises:
            AnalysisError: the folder holds no classifier.
        """
        self.classifier = Classifier.load(folder)
        self.entities = self.classifier.entities
        self.trained_on = folder.name
        self.about = About(
            "domain",
            f"entity classifier of {folder.name}",
            self.classifier.sha256,
            self.classifier.network.head.in_features,
            len(self.entities),
            domain=True,
        )

    def rows(self, images: Pixels) -> Rows:
        """Return features, then probabilities."""
        read = self.classifier.read(resized(images, self.classifier.size))
        return np.hstack([read.features, read.probabilities]).astype(np.float32)


class AppearanceExtractor:
    """Named traits of lesion and skin; its hash is that of its code."""

    def __init__(self) -> None:
        """Hash it."""
        code = [Path(str(each.__file__)).read_bytes() for each in (appearance, finding, colour)]
        sha256 = hashlib.sha256(b"".join(code)).hexdigest()
        self.about = About("appearance", "traits", sha256, len(appearance.TRAITS))

    def rows(self, images: Pixels) -> Rows:
        """Return the traits."""
        small = resized(images, finding.SIDE)
        return np.stack([appearance.appearance(image) for image in small]).astype(np.float32)


class InceptionExtractor:
    """Inception-v3 of 2015: its pooled features, and its posterior."""

    def __init__(self, weights: Path) -> None:
        """Load it.

        Raises:
            AnalysisError: the file is missing or holds something else.
        """
        if not weights.is_file():
            raise AnalysisError(
                f"{weights} does not exist; download pt_inception-2015-12-05-6726825d.pth of "
                "github.com/mseitzer/pytorch-fid and name its path"
            )
        self.network = load_inception(weights)
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        other = (
            ""
            if sha256.startswith(PUBLISHED)
            else f"{weights.name} is not the published file, whose SHA-256 begins with "
            f"{PUBLISHED}: its FID cannot be compared with anyone's."
        )
        self.about = About(
            "inception", "Inception-v3 of 2015", sha256, FEATURES, CLASSES, remark=other
        )

    @torch.inference_mode()
    def rows(self, images: Pixels) -> Rows:
        """Return features, then posteriors."""
        return _in_batches(images, lambda part: torch.cat(self.network(_tensor(part)), 1))


class KerasInceptionExtractor:
    """Inception-v3 of Keras: its averaged features, of which the published Table 1 is."""

    def __init__(self, weights: Path) -> None:
        """Load it.

        Raises:
            AnalysisError: the file is missing or holds something else.
        """
        self.network = load_keras_inception(weights)
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.about = About("keras", "Inception-v3 of Keras", sha256, FEATURES)

    @torch.inference_mode()
    def rows(self, images: Pixels) -> Rows:
        """Return features."""
        return _in_batches(images, lambda part: self.network.features(_tensor(part)))


class TransformersExtractor:
    """A DINOv2 or CLIP image encoder from a directory in the manner of transformers."""

    def __init__(self, key: str, folder: Path) -> None:
        """Load it.

        Args:
            key: "dinov2" or "clip".
            folder: with config.json and model.safetensors.

        Raises:
            AnalysisError: it does not hold such a model.
        """
        from transformers import CLIPVisionModelWithProjection, Dinov2Model

        kinds: dict[str, Any] = {"dinov2": Dinov2Model, "clip": CLIPVisionModelWithProjection}
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise AnalysisError(
                f"{folder} holds no *.safetensors; name a directory with a {key} model as "
                "transformers saves it"
            )
        try:
            model, told = kinds[key].from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except Exception as problem:  # files break in many ways
            said = str(problem).strip().splitlines()[0]
            raise AnalysisError(f"{folder}: holds no {key} model ({said})") from problem
        if told["missing_keys"]:
            raise AnalysisError(
                f"{folder}: lacks weights of a {key} model, {sorted(told['missing_keys'])[0]} "
                "among them"
            )
        self.model = model.eval()
        self.side = 224 if key == "dinov2" else int(model.config.image_size)
        mean, deviation = IMAGENET if key == "dinov2" else CLIP
        self.mean, self.deviation = (
            torch.tensor(each).view(1, 3, 1, 1) for each in (mean, deviation)
        )
        wide = model.config.hidden_size if key == "dinov2" else model.config.projection_dim
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.read_bytes())
        title = {"dinov2": "DINOv2", "clip": "CLIP"}[key]
        other = (
            f"{folder.name} is not the CLIP of 24 layers and 336 px that CMMD is published with: "
            "its CMMD cannot be compared with anyone's."
            if key == "clip" and (self.side, model.config.num_hidden_layers) != (336, 24)
            else ""
        )
        self.about = About(
            key, f"{title} ({folder.name})", digest.hexdigest(), int(wide), remark=other
        )

    @torch.inference_mode()
    def rows(self, images: Pixels) -> Rows:
        """Return DINOv2's class token, or CLIP's projected image embedding."""

        def features(part: Pixels) -> torch.Tensor:
            pixels = (_tensor(resized(part, self.side)) / 255 - self.mean) / self.deviation
            out = self.model(pixel_values=pixels)
            return out.pooler_output if "pooler_output" in out else out.image_embeds

        return _in_batches(images, features)


def _tensor(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()


def _in_batches(images: Pixels, do: Callable[[Pixels], torch.Tensor]) -> Rows:
    parts = [do(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
    return torch.cat(parts).float().numpy()
