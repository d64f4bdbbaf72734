"""The entity classifier: a residual network that names the entity of a dermoscopic image.

Its penultimate layer is the domain's own feature extractor: distances between sets of images are
measured there, since networks trained on photographs of everyday things see little in skin.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from analysis.classifier.published import PublishedNetwork
from analysis.errors import AnalysisError

SIDE = 112  # px that the network sees, unless it is trained for another size
RESAMPLE = Image.Resampling.LANCZOS  # as stimuli are made
FEATURES = 256
WIDTHS = (32, 64, 128, FEATURES)
BATCH = 64


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016, "Deep residual learning")."""

    def __init__(self, width: int, wider: int, stride: int) -> None:
        """Map `width` channels to `wider`."""
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, wider, 3, stride, 1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(),
            nn.Conv2d(wider, wider, 3, 1, 1, bias=False),
            nn.BatchNorm2d(wider),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or width != wider:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                nn.Conv2d(width, wider, 1, bias=False),
                nn.BatchNorm2d(wider),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, wider, H / stride, W / stride)."""
        return torch.relu(self.shortcut(x) + self.body(x))


class ClassifierNetwork(nn.Module):
    """From pixels to features and logits.

    Attributes:
        temperature: by which logits are divided, so that probabilities are calibrated on lesions
            that were not trained on (Guo et al. 2017, "On calibration of modern neural networks").
    """

    kind = "strong"
    temperature: torch.Tensor

    def __init__(self, entities: int, size: int = SIDE) -> None:
        """Make it untrained, for images of `size` px."""
        super().__init__()
        self.size = size
        layers: list[nn.Module] = [
            nn.Conv2d(3, WIDTHS[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(),
        ]
        width = WIDTHS[0]
        for k, wider in enumerate(WIDTHS):
            layers += [Residual(width, wider, 1 if k == 0 else 2), Residual(wider, wider, 1)]
            width = wider
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(FEATURES, entities)
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (B, 256) and logits (B, entities) of (B, 3, size, size) in [-1, 1]."""
        features = self.body(pixels)  # (B, 3, 112, 112) -> 56 -> 28 -> 14 -> 7 -> (B, 256)
        return features, self.head(features)


Network = ClassifierNetwork | PublishedNetwork
KINDS: dict[str, type[ClassifierNetwork] | type[PublishedNetwork]] = {
    each.kind: each for each in (PublishedNetwork, ClassifierNetwork)
}


@dataclass(frozen=True)
class Reading:
    """What the classifier says of images.

    Attributes:
        features: (n, 256) float32, the penultimate layer; (n, 64) of the published network.
        probabilities: (n, entities) float64, calibrated.
    """

    features: NDArray[np.float32]
    probabilities: NDArray[np.float64]


class Classifier:
    """A trained network with the entities that it names and the hash of its weights.

    Attributes:
        size: of the images that it sees, in px.
        seen: share of a centred square's side that it sees.
    """

    def __init__(
        self, network: Network, entities: Sequence[str], sha256: str, seen: float = 1.0
    ) -> None:
        """Wrap a network."""
        self.network = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.entities, self.sha256 = tuple(entities), sha256
        self.size, self.seen = network.size, seen

    @torch.inference_mode()
    def read(self, images: NDArray[np.uint8]) -> Reading:
        """Name the entities of images (n, size, size, 3) uint8."""
        found: list[tuple[torch.Tensor, torch.Tensor]] = [
            self.network(as_input(images[first : first + BATCH]))
            for first in range(0, len(images), BATCH)
        ]
        features, logits = (torch.cat(part) for part in zip(*found, strict=True))
        sure = torch.softmax(logits.double() / self.network.temperature.double(), dim=1)
        return Reading(features.numpy(), sure.numpy())

    def read_squares(self, squares: NDArray[np.uint8]) -> Reading:
        """Name the entities of centred squares (n, side, side, 3) of any side, such as stimuli."""
        hidden = squares.shape[1] * (1 - self.seen) / 2
        box = (hidden, hidden, squares.shape[1] - hidden, squares.shape[1] - hidden)
        size = (self.size, self.size)
        small = [Image.fromarray(each).resize(size, RESAMPLE, box=box) for each in squares]
        return self.read(np.stack([np.asarray(each) for each in small]))

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Load what `save` wrote.

        Raises:
            AnalysisError: the folder holds no classifier.
        """
        weights = folder / "model.safetensors"
        try:
            config = json.loads((folder / "config.json").read_text())
            entities = config["entities"]
            network = KINDS[config["network"]](len(entities), config["size"])
            network.load_state_dict(
                {name: tensor.float() for name, tensor in load_file(weights).items()}, strict=False
            )
            sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
            return cls(network, entities, sha256, config["seen"])
        except Exception as problem:  # files break in many ways
            raise AnalysisError(
                f"{folder}: holds no classifier ({problem}); train one or name another folder"
            ) from problem


def save(network: Network, entities: Sequence[str], folder: Path) -> None:
    """Write the weights in half precision, beside what they name."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: tensor.half().contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }
    save_file(state, folder / "model.safetensors")
    config = {
        "network": network.kind,
        "size": network.size,
        "seen": 1.0,
        "entities": list(entities),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def as_input(images: NDArray[np.uint8]) -> torch.Tensor:
    """Return (n, H, W, 3) uint8 as (n, 3, H, W) float32 in [-1, 1]."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return pixels.to(torch.float32, memory_format=torch.channels_last) / 127.5 - 1
