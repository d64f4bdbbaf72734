"""What the segmenter is trained on: photographs and the masks of their lesions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from generation.engine.segmenter.network import SegmenterNetwork
from generation.engine.segmenter.segmenter import as_pixels

ACROSS = 6  # images of the sheets that show what is learnt
LEAST_ZOOM = 0.5  # side of the smallest cut-out, as a share of the frame's
LIGHT = (0.7, 1.3)  # of all channels
TINT = (0.85, 1.15)  # of each: dermatoscopes differ


@dataclass(frozen=True)
class MaskedFrames:
    """Photographs and where in them the lesions are.

    Attributes:
        frames: (N, H, W, 3) uint8.
        masks: (N, H, W) bool.
    """

    frames: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class SegmenterStage:
    """Learns to tell lesion from skin; a stage of the training loop as those of a cascade are."""

    data: MaskedFrames
    name: str = "segmenter"

    def build(self) -> SegmenterNetwork:
        """Return the untrained network."""
        return SegmenterNetwork()

    def pace(self, parameter: str) -> float:
        """Return 1: all learn at one rate."""
        return 1.0

    def loss(
        self, network: torch.nn.Module, batch: int, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Cross-entropy of the pixels and one minus the soft Dice coefficient of each mask.

        The first is steep where the network is wrong, the second counts small lesions as much as
        large ones (Isensee et al. 2021, nnU-Net).
        """
        rows = rng.integers(len(self.data), size=batch)
        pixels, truth = (part.to(device) for part in self._cut(rows, rng))
        logits = network(pixels.to(memory_format=torch.channels_last)).float()
        said = torch.sigmoid(logits)
        both = 2 * (said * truth).sum((1, 2, 3)) + 1
        dice = both / (said.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 1)
        return binary_cross_entropy_with_logits(logits, truth) + (1 - dice).mean()

    def _cut(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut frames at random sizes and places, turned, mirrored, in other light."""
        pixels = as_pixels(self.data.frames[rows])
        truth = torch.from_numpy(self.data.masks[rows]).unsqueeze(1).float()
        both = torch.cat([pixels, truth], dim=1)
        height, width = both.shape[2:]
        cut = []
        for each in both:
            zoom = rng.uniform(LEAST_ZOOM, 1.0)
            high, wide = round(zoom * height), round(zoom * width)
            top, left = rng.integers(height - high + 1), rng.integers(width - wide + 1)
            part = each[None, :, top : top + high, left : left + wide]
            part = interpolate(part, (height, width), mode="bilinear", antialias=True)[0]
            turned = [axis for axis in (1, 2) if rng.integers(2)]
            cut.append(part.flip(turned))
        both = torch.stack(cut)
        if rng.integers(2):  # all of a batch, so that its frames keep one shape
            both = both.transpose(2, 3)
        light = rng.uniform(*LIGHT, (len(rows), 1, 1, 1)) * rng.uniform(*TINT, (len(rows), 3, 1, 1))
        bright = (both[:, :3] + 1) * torch.from_numpy(light).float() - 1
        return bright.clamp(-1, 1), (both[:, 3:] > 0.5).float()

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return rows of photographs, cut to squares, of what is said of them, and of the truth."""
        side = min(self.data.frames.shape[1:3])
        frames = self.data.frames[:ACROSS, :side, :side]
        masks = self.data.masks[:ACROSS, :side, :side]
        said = torch.sigmoid(network(as_pixels(frames).to(device))).float().cpu().numpy()[:, 0]
        return [list(frames), [_grey(each) for each in said], [_grey(each) for each in masks]]


def _grey(share: np.ndarray) -> np.ndarray:
    """Return (H, W) from 0 to 1 as an image (H, W, 3)."""
    return np.repeat((share * 255).astype(np.uint8)[..., None], 3, axis=2)
