"""What the two stages of the cascade are trained on: clean images and their conditions."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from diffusers import UNet2DModel

from generation.engine.cascade.networks import (
    BASE_SIZE,
    SCALE,
    add_noise_level,
    build_base,
    build_upsampler,
    enlarge,
    fold,
)
from generation.engine.training.pixels import LabelledPixels, balanced_weights, coarse_of, crops


@dataclass(frozen=True)
class Example:
    """A batch: `clean` (B, 48, h, w), `beside` channels to see with it, `labels` (B,)."""

    clean: torch.Tensor
    beside: torch.Tensor | None
    labels: torch.Tensor


class Stage(Protocol):
    """One network of the cascade with the examples that it learns from."""

    @property
    def name(self) -> str:
        """Names the stage's folder of checkpoints."""
        ...

    def build(self) -> UNet2DModel:
        """Return the network to begin with."""
        ...

    def example(self, batch: int, rng: np.random.Generator) -> Example:
        """Draw a batch."""
        ...


@dataclass(frozen=True)
class BaseStage:
    """Learns 64-px images of each entity; some examples hide the entity, for guidance.

    Training begins with the weights of `start`, where it is given.
    """

    data: LabelledPixels
    entities: int
    start: UNet2DModel | None = None
    hide: float = 0.1
    wander: int = 8
    name: str = "base"

    def build(self) -> UNet2DModel:
        """Return the network to begin with."""
        return self.start or build_base(self.entities)

    def example(self, batch: int, rng: np.random.Generator) -> Example:
        """Draw a batch, entities by the root of their frequency."""
        chances = balanced_weights(self.data.labels, self.entities)
        rows = rng.choice(len(self.data), size=batch, p=chances)
        labels = np.where(rng.random(batch) < self.hide, self.entities, self.data.labels[rows])
        clean = crops(self.data, rows, BASE_SIZE, self.wander, rng)
        return Example(fold(clean), None, torch.from_numpy(labels))


@dataclass(frozen=True)
class UpsamplerStage:
    """Learns to paint crops of fine images whose coarse version it sees, slightly noisy.

    Training begins with the weights of `start`, where it is given.
    """

    data: LabelledPixels
    start: UNet2DModel | None = None
    crop: int = 128
    most_noise: float = 0.4
    name: str = "upsampler"

    def build(self) -> UNet2DModel:
        """Return the network to begin with."""
        return self.start or build_upsampler()

    def example(self, batch: int, rng: np.random.Generator) -> Example:
        """Draw a batch of crops, each with a coarse version noised at a level of its own."""
        rows = rng.integers(len(self.data), size=batch)
        fine = crops(self.data, rows, self.crop, max(self.data.pixels.shape), rng)
        coarse = coarse_of(fine, SCALE)
        level = torch.from_numpy(rng.uniform(0, self.most_noise, batch)).float()
        noise = torch.from_numpy(rng.standard_normal(coarse.shape, dtype=np.float32))
        seen = enlarge(add_noise_level(coarse, noise, level))
        return Example(fold(fine), fold(seen), 1000 * level)
