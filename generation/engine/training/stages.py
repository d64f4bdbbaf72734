"""What the two stages of the cascade are trained on: clean images and their conditions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from diffusers import UNet2DModel

from generation.engine.cascade.networks import (
    BASE_FOLD,
    BASE_SIZE,
    FINE_FOLD,
    SCALE,
    BaseNetwork,
    add_noise_level,
    build_base,
    build_upsampler,
    clean_of,
    enlarge,
    fold,
    solver,
    times_of,
    training_schedule,
    unfold,
)
from generation.engine.training.pixels import (
    LabelledPixels,
    balanced_weights,
    coarse_of,
    crops,
    normal,
)
from generation.engine.vocabulary import Vocabulary

ENTITY, TONE = 0, 4  # columns of an image's rows
TABLES_PACE = 10.0
HEAVIEST = 20.0  # weight of an error
ACROSS, SAMPLE_STEPS = 6, 10  # of the sheets that show what is learnt

Network = TypeVar("Network", bound=torch.nn.Module, covariant=True)


@dataclass(frozen=True)
class Example:
    """A batch: `clean` (B, C, h, w), `beside` channels to see with it, `labels` (B, …)."""

    clean: torch.Tensor
    beside: torch.Tensor | None
    labels: torch.Tensor


class Stage(Protocol[Network]):
    """One network of the cascade with the examples that it learns from."""

    @property
    def name(self) -> str:
        """Names the stage's folder of checkpoints."""
        ...

    def build(self) -> Network:
        """Return the network to begin with."""
        ...

    def loss(
        self, network: torch.nn.Module, batch: int, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Draw a batch and return the mean error of `network` on it."""
        ...

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return rows of images (H, W, 3) uint8 that show what the network has learnt."""
        ...

    def pace(self, parameter: str) -> float:
        """Return by how much a parameter's learning rate exceeds the others'."""
        ...


class PaintingStage:
    """What both stages share: they paint the clean image from a noisy one."""

    def example(self, batch: int, rng: np.random.Generator, device: torch.device) -> Example:
        """Draw a batch, on `device`."""
        raise NotImplementedError

    def pace(self, parameter: str) -> float:
        """Return 1: all learn at one rate."""
        return 1.0

    def loss(
        self, network: torch.nn.Module, batch: int, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Squared error of the painted clean image, weighted as an error of v, within a bound.

        v's error is (SNR + 1) times the clean image's (Salimans and Ho 2022, section 4). Hang et
        al. (2023, min-SNR) bound it at 5; that leaves fine details, which show at a high ratio
        of signal to noise only, almost without weight, and images soft.
        """
        schedule = training_schedule()
        example = self.example(batch, rng, device)
        noise = normal(example.clean.shape, rng, device)
        times = torch.from_numpy(rng.integers(schedule.config.num_train_timesteps, size=batch))
        times = times.to(device)
        kept = schedule.alphas_cumprod.to(device)[times]
        noisy = schedule.add_noise(example.clean, noise, times)
        seen = noisy if example.beside is None else torch.cat([noisy, example.beside], dim=1)
        output = network(
            seen.to(memory_format=torch.channels_last),
            times,
            class_labels=example.labels,
            return_dict=False,
        )[0]
        weight = (1 / (1 - kept)).clamp(max=HEAVIEST)  # SNR + 1
        painted = clean_of(output.float(), noisy, kept)
        error = (painted - example.clean).square().mean(dim=(1, 2, 3))
        return (weight * error).mean()


def _paint(
    network: torch.nn.Module,
    labels: torch.Tensor,
    beside: torch.Tensor | None,
    shape: Sequence[int],
    device: torch.device,
) -> torch.Tensor:
    """Paint folded images of `shape` from noise that is always the same, without guidance."""
    noise = torch.Generator().manual_seed(0)
    sample = torch.randn(*shape, generator=noise).to(device)
    scheduler = solver(times_of(SAMPLE_STEPS))
    for time in scheduler.timesteps:
        seen = sample if beside is None else torch.cat([sample, beside], dim=1)
        output = network(
            seen.to(memory_format=torch.channels_last),
            time.to(device),
            class_labels=labels,
            return_dict=False,
        )[0]
        painted = clean_of(output.float(), sample, scheduler.alphas_cumprod[time])
        painted = painted.clamp(-1, 1)
        sample = scheduler.step(painted, time, sample, return_dict=False)[0]
    return sample


def _pixels(folded: torch.Tensor, side: int) -> list[np.ndarray]:
    pixels = unfold(folded.float().cpu(), side)
    pixels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return list(pixels.permute(0, 2, 3, 1).numpy())


@dataclass(frozen=True)
class BaseStage(PaintingStage):
    """Learns 64-px images of each entity and its attributes; some examples hide them, for guidance.

    Training begins with the weights of `start`, where it is given.

    Attributes:
        hide: share of examples that hide everything.
        bare: share of examples that tell the entity alone, as most requests do.
        keep: chance of each other attribute to be told in the rest of the examples. But skin tone
            is told wherever anything is: few collections know it, and without it an image shall
            look as those of the others do.
    """

    data: LabelledPixels
    vocabulary: Vocabulary
    start: BaseNetwork | None = None
    hide: float = 0.1
    bare: float = 0.4
    keep: float = 0.7
    wander: int = 8
    name: str = "base"

    def build(self) -> BaseNetwork:
        """Return the network to begin with."""
        return self.start or build_base(self.vocabulary)

    def pace(self, parameter: str) -> float:
        """Let the tables of attributes learn faster: they begin at 0, and a row is seen seldom."""
        return TABLES_PACE if parameter.startswith("conditions.tables") else 1.0

    def example(self, batch: int, rng: np.random.Generator, device: torch.device) -> Example:
        """Draw a batch, entities by the root of their frequency."""
        chances = balanced_weights(self.data.labels, len(self.vocabulary.entities))
        drawn = rng.choice(len(self.data), size=batch, p=chances)
        lot = rng.random((batch, 1))
        told = rng.random((batch, self.data.rows.shape[1])) < self.keep
        told[:, 1:] &= lot >= self.hide + self.bare
        told[:, [ENTITY, TONE]] = lot >= self.hide
        clean = crops(self.data.on(device), drawn, BASE_SIZE, self.wander, rng)
        labels = torch.from_numpy(self.data.rows[drawn] * told).to(device)
        return Example(fold(clean, BASE_FOLD), None, labels)

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return a row of images for each entity."""
        labels = torch.zeros(len(self.vocabulary.entities) * ACROSS, 5, dtype=torch.long)
        labels[:, 0] = 1 + torch.arange(len(labels)) // ACROSS
        side = BASE_SIZE // BASE_FOLD
        shape = len(labels), 3 * BASE_FOLD**2, side, side
        images = _pixels(_paint(network, labels.to(device), None, shape, device), BASE_FOLD)
        return [images[k : k + ACROSS] for k in range(0, len(images), ACROSS)]


@dataclass(frozen=True)
class UpsamplerStage(PaintingStage):
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

    def example(self, batch: int, rng: np.random.Generator, device: torch.device) -> Example:
        """Draw a batch of crops, each with a coarse version noised at a level of its own."""
        rows = rng.integers(len(self.data), size=batch)
        fine = crops(self.data.on(device), rows, self.crop, max(self.data.pixels.shape), rng)
        coarse = coarse_of(fine, SCALE)
        level = torch.from_numpy(rng.uniform(0, self.most_noise, batch)).float().to(device)
        seen = enlarge(add_noise_level(coarse, normal(coarse.shape, rng, device), level))
        return Example(fold(fine, FINE_FOLD), fold(seen, FINE_FOLD), 1000 * level)

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return rows of what it sees, what it paints over that, and what was there."""
        example = self.example(ACROSS, np.random.default_rng(0), device)
        assert example.beside is not None
        painted = _paint(network, example.labels, example.beside, example.clean.shape, device)
        return [_pixels(each, FINE_FOLD) for each in (example.beside, painted, example.clean)]
