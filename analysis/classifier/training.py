"""Training of the entity classifier, on images in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from analysis.classifier.network import SIDE, ClassifierNetwork, as_input


@dataclass(frozen=True)
class Recipe:
    """Constants of one training run."""

    images: int = 300_000  # seen in all, with repetition
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05  # of labels
    rise: float = 0.15  # share of the run until the full learning rate
    ema: float = 0.999
    seed: int = 0


@dataclass(frozen=True)
class Labelled:
    """Images and their entities.

    Attributes:
        frames: (n, H, W, 3) uint8, at least 112 px high and wide.
        labels: (n,) int, places among the entities.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int_]


def middle(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the central squares (n, 112, 112, 3) of frames."""
    top, left = ((length - SIDE) // 2 for length in frames.shape[1:3])
    return frames[:, top : top + SIDE, left : left + SIDE]


def train(
    data: Labelled,
    calibration: Labelled,
    entities: int,
    recipe: Recipe,
    *,
    bfloat16: bool = False,
    on_step: Callable[[int, int, float], None] | None = None,
) -> ClassifierNetwork:
    """Train on `data`, then calibrate on images of other lesions.

    Entities are drawn by the root of their frequency.

    Args:
        data: to learn from.
        calibration: of lesions that are not among those of `data`.
        entities: how many there are.
        recipe: how.
        bfloat16: compute in it, where the processor does so natively.
        on_step: told step, steps and loss.

    Returns:
        The network with the averaged weights.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    network = ClassifierNetwork(entities).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True
    )
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = -(-recipe.images // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=recipe.rise
    )
    error = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    counts = np.bincount(data.labels, minlength=entities).clip(1)
    chances = 1 / np.sqrt(counts[data.labels])
    chances /= chances.sum()
    for step in range(steps):
        drawn = rng.choice(len(data.labels), recipe.batch, p=chances)
        pixels = as_input(_crops(data.frames, drawn, rng))
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            _, logits = network(pixels)
        loss = error(logits.float(), torch.from_numpy(data.labels[drawn]))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        average.update_parameters(network)
        if on_step:
            on_step(step + 1, steps, loss.item())
    trained = average.module
    assert isinstance(trained, ClassifierNetwork)
    trained.eval()
    calibrate(trained, calibration)
    return trained


def calibrate(network: ClassifierNetwork, data: Labelled) -> None:
    """Set the temperature that makes the truth of images of other lesions most likely."""
    with torch.inference_mode():
        squares = middle(data.frames)
        parts = np.array_split(np.arange(len(squares)), max(1, len(squares) // 64))
        logits = torch.cat([network(as_input(squares[part]))[1] for part in parts])
    tried = torch.exp(torch.linspace(-1.5, 1.5, 61))
    truth = torch.from_numpy(data.labels)
    losses = [nn.functional.cross_entropy(logits / value, truth).item() for value in tried]
    network.temperature.fill_(tried[int(np.argmin(losses))].item())


def _crops(
    frames: NDArray[np.uint8], rows: Sequence[int] | NDArray[np.int_], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut one square of 112 px from each row, turned, mirrored and lightened at random."""
    height, width = frames.shape[1:3]
    cut = np.empty((len(rows), SIDE, SIDE, 3), np.float32)
    for k, row in enumerate(rows):
        top = rng.integers(height - SIDE + 1)
        reach = min((width - SIDE) // 2, height - SIDE)  # no further from the middle than upwards
        left = (width - SIDE) // 2 + rng.integers(-reach, reach + 1)
        crop = np.rot90(frames[row, top : top + SIDE, left : left + SIDE], int(rng.integers(4)))
        cut[k] = crop[:, ::-1] if rng.integers(2) else crop
    light = rng.uniform(0.9, 1.1, (len(rows), 1, 1, 3)) * rng.uniform(
        0.85, 1.15, (len(rows), 1, 1, 1)
    )
    return (cut * light).clip(0, 255).astype(np.uint8)
