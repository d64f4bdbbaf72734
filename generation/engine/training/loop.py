"""The training loop: batch, loss, step, moving average, checkpoint, log."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel
from diffusers.training_utils import EMAModel

from generation.engine.cascade.networks import training_schedule
from generation.engine.devices import fast_math
from generation.engine.training.stages import Example, Stage


@dataclass(frozen=True)
class Recipe:
    """Constants of one training run."""

    images: int = 300_000  # seen in all, with repetition
    batch: int = 64
    learning_rate: float = 3e-4
    warmup: int = 200  # steps until the full learning rate
    decay: float = 0.2  # last share of the run, in which the rate falls to a tenth
    ema: float = 0.999
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 0
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands: images seen of those planned, and the mean loss since the last word."""

    stage: str
    images: int
    planned: int
    loss: float
    images_per_s: float


def train(
    stage: Stage,
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> UNet2DModel:
    """Train `stage` until `recipe.images` were seen, going on from a checkpoint in `folder`.

    A run that is stopped with Ctrl-C checkpoints first; kill -9 loses at most
    `recipe.checkpoint_s` seconds.

    Returns:
        The network with the averaged weights, in float32 on the CPU.

    Raises:
        FloatingPointError: the loss is not a number; the last checkpoint is left as it was.
    """
    torch.manual_seed(recipe.seed)
    network = stage.build().to(device, memory_format=torch.channels_last).train()
    ema = EMAModel(network.parameters(), decay=recipe.ema, use_ema_warmup=True, power=0.75)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, fused=True)
    step = _restore(folder / stage.name, network, ema, optimizer)
    steps = -(-recipe.images // recipe.batch)
    clock = _Clock(stage.name, recipe, step, on_progress)
    try:
        while step < steps:
            # Both streams follow from the step, so that a resumed run is the run it resumes.
            rng = np.random.default_rng((recipe.seed, step))
            torch.manual_seed(int(rng.integers(2**62)))  # dropout
            example = stage.example(recipe.batch, rng)
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _rate(step, steps, recipe)
            loss = _loss(network, example, rng, device)
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"{stage.name}: the loss is not a number at step {step}; "
                    "lower the learning rate and go on from the last checkpoint"
                )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            optimizer.zero_grad()
            ema.step(network.parameters())
            step += 1
            clock.tick(step, loss.item())
            if clock.checkpoint_due():
                _store(folder / stage.name, step, network, ema, optimizer, recipe)
    finally:
        _store(folder / stage.name, step, network, ema, optimizer, recipe)
    ema.copy_to(network.parameters())
    return network.to("cpu").eval()


def _loss(
    network: UNet2DModel, example: Example, rng: np.random.Generator, device: str
) -> torch.Tensor:
    """Squared error of the painted clean image, weighted as an error of v, at most five-fold.

    v's error is (SNR + 1) times the clean image's (Salimans and Ho 2022, section 4); the bound
    is Hang et al.'s (2023, min-SNR).
    """
    schedule = training_schedule()
    clean = example.clean.to(device)
    noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32)).to(device)
    times = torch.from_numpy(rng.integers(schedule.config.num_train_timesteps, size=len(clean)))
    noisy = schedule.add_noise(clean, noise, times).to(device)
    if example.beside is not None:
        noisy = torch.cat([noisy, example.beside.to(device)], dim=1)
    with fast_math(torch.device(device)):
        painted = network(
            noisy.to(memory_format=torch.channels_last),
            times.to(device),
            class_labels=example.labels.to(device),
            return_dict=False,
        )[0]
    kept = schedule.alphas_cumprod[times]
    weight = (1 / (1 - kept)).clamp(max=5).to(device)  # SNR + 1
    error = (painted.float() - clean).square().mean(dim=(1, 2, 3))
    return (weight * error).mean()


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """Share of the learning rate: rises, stays, and falls linearly to a tenth at the end."""
    rise = min(1.0, (step + 1) / recipe.warmup)
    fall_from = steps * (1 - recipe.decay)
    fall = 1 - 0.9 * max(0.0, step - fall_from) / max(1.0, steps - fall_from)
    return rise * fall


class _Clock:
    """Says every few seconds how far a run is, and when a checkpoint is due."""

    def __init__(
        self, stage: str, recipe: Recipe, step: int, say: Callable[[Progress], None] | None
    ) -> None:
        self.stage, self.recipe, self.say = stage, recipe, say
        self.said_step, self.said_at = step, time.monotonic()
        self.stored_at = time.monotonic()
        self.losses: list[float] = []

    def tick(self, step: int, loss: float) -> None:
        self.losses.append(loss)
        now = time.monotonic()
        if self.say and now - self.said_at >= 10:
            speed = (step - self.said_step) * self.recipe.batch / (now - self.said_at)
            self.say(
                Progress(
                    self.stage,
                    step * self.recipe.batch,
                    self.recipe.images,
                    float(np.mean(self.losses)),
                    speed,
                )
            )
            self.said_step, self.said_at, self.losses = step, now, []

    def checkpoint_due(self) -> bool:
        if time.monotonic() - self.stored_at < self.recipe.checkpoint_s:
            return False
        self.stored_at = time.monotonic()
        return True


def _store(
    folder: Path,
    step: int,
    network: UNet2DModel,
    ema: EMAModel,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
) -> None:
    """Write a checkpoint under another name first, so that a stop never leaves half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.partial"
    torch.save(
        {
            "step": step,
            "network": network.state_dict(),
            "ema": ema.state_dict(),
            "optimizer": optimizer.state_dict(),
        },
        partial,
    )
    os.replace(partial, folder / "checkpoint.pt")
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2))


def _restore(
    folder: Path, network: UNet2DModel, ema: EMAModel, optimizer: torch.optim.Optimizer
) -> int:
    """Load the checkpoint in `folder`, if there is one, and return its step."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    ema.load_state_dict(state["ema"])
    ema.to(next(network.parameters()).device)
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
