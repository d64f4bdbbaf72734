"""Augmentation: turned, shifted, zoomed and mirrored copies, drawn anew each time."""

from dataclasses import dataclass
from math import radians

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far images are changed at random.

    Attributes:
        rotation: degrees either way.
        shift: share of the side, each way.
        zoom: share by which the scale changes, either way.
        flip: whether images are mirrored, in both directions.
        light: share by which brightness, and half as much each colour, changes.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    light: float = 0.0

    def __call__(self, pixels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Return changed images (B, 3, H, W) in [-1, 1]; what comes in from outside is the edge."""
        count = len(pixels)
        angle = radians(self.rotation) * rng.uniform(-1, 1, count)
        scale = 1 + self.zoom * rng.uniform(-1, 1, count)
        mirrored = rng.choice([-1, 1], (2, count)) if self.flip else np.ones((2, count))
        moved = 2 * self.shift * rng.uniform(-1, 1, (2, count))  # the side is 2 long
        cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
        rows = [
            [cosine * mirrored[0], -sine * mirrored[1], moved[0]],
            [sine * mirrored[0], cosine * mirrored[1], moved[1]],
        ]
        way = torch.from_numpy(np.moveaxis(np.array(rows), 2, 0)).float()  # (B, 2, 3)
        grid = functional.affine_grid(way, list(pixels.shape), align_corners=False)
        changed = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
        if self.light:
            bright = 1 + self.light * rng.uniform(-1, 1, (count, 1, 1, 1))
            colour = 1 + self.light / 2 * rng.uniform(-1, 1, (count, 3, 1, 1))
            factor = torch.from_numpy(bright * colour).float()
            changed = ((changed + 1) * factor - 1).clamp(-1, 1)
        return changed


#: The published study's: rotation, shift, zoom and flip; it does not say how far.
CLASSICAL = Augmentation(rotation=20, shift=0.1, zoom=0.1, flip=True)
#: Dermoscopy has no upright, so that any turn will do.
FREE = Augmentation(rotation=180, shift=0.1, zoom=0.15, flip=True, light=0.15)
