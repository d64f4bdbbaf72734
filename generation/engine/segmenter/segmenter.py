"""`Segmenter`: proposes the mask of the lesion in a photograph of any size."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy import ndimage

from generation.engine.files import replacing
from generation.engine.generator import GenerationError
from generation.engine.segmenter.network import STRIDE, SegmenterNetwork

LONG_SIDE = 128  # px of the frame that the network sees
CENTRAL = 0.5  # standard deviation of where lesions are, the half side being 1
WEIGHTS = "segmenter.safetensors"


class Segmenter:
    """A trained network with the hash of its weights."""

    def __init__(self, network: SegmenterNetwork, sha256: str) -> None:
        """Wrap a network."""
        self.network, self.sha256 = network.eval(), sha256

    def propose(self, photograph: np.ndarray) -> np.ndarray:
        """Return the lesion's mask (H, W) bool in a photograph (H, W, 3) uint8.

        Of several patches the largest is taken, what lies near the middle counting more, and its
        holes are filled.

        Raises:
            GenerationError: no lesion was found.
        """
        patches, n = ndimage.label(self.shares(photograph) > 0.5)
        if not n:
            raise GenerationError("no lesion was found in it; draw the mask by hand")
        rows, columns = (np.linspace(-1, 1, length) for length in patches.shape)
        weight = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * CENTRAL**2))
        sizes = np.bincount(patches.ravel(), weight.ravel())[1:]
        filled: np.ndarray = ndimage.binary_fill_holes(patches == 1 + int(np.argmax(sizes)))
        return filled

    @torch.inference_mode()
    def shares(self, photograph: np.ndarray) -> np.ndarray:
        """Return how likely each pixel (H, W) belongs to a lesion, from 0 to 1, in float32."""
        height, width = photograph.shape[:2]
        scale = LONG_SIDE / max(height, width)
        high, wide = (
            max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in (height, width)
        )
        frame = Image.fromarray(photograph).resize((wide, high), Image.Resampling.BOX)
        said = torch.sigmoid(self.network(as_pixels(np.asarray(frame)[None])))[0, 0].numpy()
        shares = Image.fromarray(said).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(shares)

    @classmethod
    def load(cls, folder: Path) -> "Segmenter":
        """Load what `save_segmenter` wrote.

        Raises:
            GenerationError: the folder holds no segmenter.
        """
        weights = folder / WEIGHTS
        try:
            network = SegmenterNetwork()
            network.load_state_dict({k: each.float() for k, each in load_file(weights).items()})
            return cls(network, hashlib.sha256(weights.read_bytes()).hexdigest())
        except Exception as problem:  # files break in many ways
            raise GenerationError(
                f"{folder}: holds no segmenter ({problem}); train one with train_segmenter"
            ) from problem


def save_segmenter(network: SegmenterNetwork, card: str, directory: Path) -> None:
    """Write the weights in half precision with their card; replaces what is there."""
    state = {name: each.half().contiguous() for name, each in network.state_dict().items()}
    with replacing(directory) as partial:
        save_file(state, partial / WEIGHTS)
        (partial / "README.md").write_text(card)


def as_pixels(frames: np.ndarray) -> torch.Tensor:
    """Return (N, H, W, 3) uint8 as (N, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection of two masks over their union (Jaccard 1901); 1 if both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
