"""Batches for training: augmented crops cut from images that are held in memory as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    _there: dict[torch.device, torch.Tensor] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def on(self, device: torch.device) -> torch.Tensor:
        """Return the pixels in the memory of `device`, where they stay: a GPU cuts faster."""
        if device not in self._there:
            self._there[device] = torch.from_numpy(self.pixels).to(device)
        return self._there[device]

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
    pixels: torch.Tensor,
    rows: Sequence[int] | np.ndarray,
    size: int,
    wander: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Cut one square of `size` px from each row, near the centre, turned and mirrored at random.

    Args:
        pixels: (N, H, W, C) uint8.
        wander: how far the crop's centre may lie from the image's, in px.

    Returns:
        (B, C, size, size) float32 in [-1, 1], where `pixels` are.
    """
    chance = [np.asarray(rows)]
    for side in pixels.shape[1:3]:
        reach = min(wander, (side - size) // 2)
        chance.append((side - size) // 2 + rng.integers(-reach, reach + 1, size=len(rows)))
    chance.extend(rng.integers(2, size=(3, len(rows))))
    row, top, left, *turns = torch.from_numpy(np.stack(chance)).to(pixels.device)[..., None]
    upright, ahead, turned = (turn == 0 for turn in turns)
    along = torch.arange(size, device=pixels.device)
    down = top + torch.where(upright, along, along.flip(0))  # (B, size)
    across = left + torch.where(ahead, along, along.flip(0))
    y = torch.where(turned[..., None], down[:, None, :], down[:, :, None])
    x = torch.where(turned[..., None], across[:, :, None], across[:, None, :])
    return pixels[row[..., None], y, x].permute(0, 3, 1, 2).float() / 127.5 - 1


def normal(shape: Sequence[int], rng: np.random.Generator, device: torch.device) -> torch.Tensor:
    """Draw standard normal numbers where they are needed; `rng` decides which."""
    stream = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    return torch.randn(*shape, generator=stream, device=device)


def coarse_of(fine: torch.Tensor, scale: int) -> torch.Tensor:
    """Shrink (B, 3, H, W) by averaging `scale` x `scale` squares."""
    return interpolate(fine, scale_factor=1 / scale, mode="area")
