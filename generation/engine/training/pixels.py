"""Batches for training: augmented crops cut from images that are held in memory as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate


def shrink(image: Image.Image, width: int, height: int) -> np.ndarray:
    """Return `image` as uint8 (height, width, 3), cropped centrally to that aspect ratio.

    Upright images are turned, since dermoscopy has no upright.
    """
    if image.height > image.width:
        image = image.transpose(Image.Transpose.ROTATE_90)
    scale = max(width / image.width, height / image.height)
    box_width, box_height = width / scale, height / scale
    left, top = (image.width - box_width) / 2, (image.height - box_height) / 2
    return np.asarray(
        image.convert("RGB").resize(
            (width, height),
            Image.Resampling.BOX,
            box=(left, top, left + box_width, top + box_height),
        )
    )


@dataclass(frozen=True)
class LabelledPixels:
    """Images and what they show.

    Attributes:
        pixels: (N, H, W, C) uint8: red, green, blue, and the lesion's mask where it is wanted.
        rows: (N, 5) int, the row of each attribute's table, see `Vocabulary`.
    """

    pixels: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def labels(self) -> np.ndarray:
        """Return the entities' places in the vocabulary (N,)."""
        return self.rows[:, 0] - 1


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the chance (N,) of drawing each image: entities by the root of their frequency.

    Drawing entities evenly would show the rarest images so often that they are memorised.
    """
    counts = np.bincount(labels, minlength=classes).clip(1)
    weights = 1 / np.sqrt(counts[labels])
    return weights / weights.sum()


def crops(
    data: LabelledPixels,
    rows: Sequence[int] | np.ndarray,
    size: int,
    wander: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Cut one square of `size` px from each row, near the centre, turned and mirrored at random.

    Args:
        wander: how far the crop's centre may lie from the image's, in px.

    Returns:
        (B, C, size, size) float32 in [-1, 1].
    """
    _, height, width, channels = data.pixels.shape
    out = np.empty((len(rows), size, size, channels), np.uint8)
    for k, row in enumerate(rows):
        reach_y, reach_x = min(wander, (height - size) // 2), min(wander, (width - size) // 2)
        top = (height - size) // 2 + rng.integers(-reach_y, reach_y + 1)
        left = (width - size) // 2 + rng.integers(-reach_x, reach_x + 1)
        crop = np.rot90(
            data.pixels[row, top : top + size, left : left + size], int(rng.integers(4))
        )
        out[k] = crop[:, ::-1] if rng.integers(2) else crop
    return torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1


def coarse_of(fine: torch.Tensor, scale: int) -> torch.Tensor:
    """Shrink (B, 3, H, W) by averaging `scale` x `scale` squares."""
    return interpolate(fine, scale_factor=1 / scale, mode="area")
