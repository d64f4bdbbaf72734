"""The training loop: batch, loss, step, moving average, checkpoint, curve.

What requires no gradient is neither trained nor averaged nor stored with a checkpoint. All runs
through accelerate: alone, or in as many processes as `accelerate launch` starts.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch import nn

from generation.engine.contact_sheet import contact_sheet
from generation.engine.devices import compute_dtype
from generation.engine.files import room_asked_for
from generation.engine.generator import GenerationError
from generation.engine.training.curve import Curve
from generation.engine.training.stages import Network, Stage

READ_EVERY = {"cpu": 1, "cuda": 20}  # steps

#: What is trained of a network, by name.
Trained = dict[str, nn.Parameter]


@dataclass(frozen=True)
class Recipe:
    """Constants of one training run."""

    images: int = 300_000  # seen in all, with repetition
    batch: int = 64  # images of one step, over all processes
    accumulate: int = 1  # parts in which each process computes its share of a batch
    learning_rate: float = 3e-4
    momentum: float = 0.9  # of AdamW, the decay of its mean gradient
    warmup: int = 200  # steps until the full learning rate
    decay: float = 0.2  # last share of the run, in which the rate falls to a tenth
    ema: float = 0.9995
    clip: float = 1.0  # largest norm of the gradient
    recompute: bool = False  # activations on the way back: slower, less memory
    compiled: bool = False  # the network, by torch.compile: two minutes at the start, then faster
    sample_every: int = 2000  # steps from one sheet of samples to the next; 0 for none
    seed: int = 0
    checkpoint_s: float = 120.0
    tensorboard: bool = False  # loss and rate as its events, too


@dataclass(frozen=True)
class Progress:
    """Where a run stands: images seen of those planned, and the mean loss since the last word."""

    stage: str
    images: int
    planned: int
    loss: float
    images_per_s: float


def train(
    stage: Stage[Network],
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> Network:
    """Train `stage` until `recipe.images` were seen, going on from a checkpoint in `folder`.

    A run that is stopped with Ctrl-C checkpoints first; kill -9 loses at most
    `recipe.checkpoint_s` seconds. Beside the checkpoint stand `loss.csv`, `loss.png` and
    contact sheets of samples.

    Returns:
        The network with the averaged weights, in float32 on the CPU.

    Raises:
        GenerationError: the batch cannot be shared among so many processes and parts, the
            checkpoint is broken or of another network, or the disk takes no more.
        FloatingPointError: the loss is not a number; the last checkpoint is left as it was.
    """
    accelerator = _accelerator(device)
    share = recipe.batch // (accelerator.num_processes * recipe.accumulate)
    if share * accelerator.num_processes * recipe.accumulate != recipe.batch:
        raise GenerationError(
            f"a batch of {recipe.batch} cannot be shared among {accelerator.num_processes} "
            f"processes in {recipe.accumulate} parts; choose a multiple of both"
        )
    torch.manual_seed(recipe.seed)
    network = stage.build().to(accelerator.device)
    network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    if recipe.recompute:
        _recompute(network)
    trained = {name: each for name, each in network.named_parameters() if each.requires_grad}
    ema = EMAModel(
        trained.values(), decay=recipe.ema, use_ema_warmup=True, power=0.75, foreach=True
    )
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in trained.items():
        groups.setdefault(stage.pace(name), []).append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": own, "pace": pace} for pace, own in groups.items()],
        recipe.learning_rate,
        betas=(recipe.momentum, 0.999),
        fused=True,
    )
    place = folder / stage.name
    kept = dict(network.named_buffers())
    step = _restore(place, trained, kept, ema, optimizer)
    wrapped, optimizer = accelerator.prepare(network, optimizer)
    if recipe.compiled:
        wrapped = torch.compile(wrapped)
    steps = -(-recipe.images // recipe.batch)
    clock = _Clock(stage.name, recipe, step, on_progress)
    curve = Curve(place, step, tensorboard=recipe.tensorboard and accelerator.is_main_process)

    waiting: list[torch.Tensor] = []  # losses: to read each at once would hold a GPU up

    def read() -> None:
        first = step - len(waiting)
        for k, total in enumerate(torch.stack(waiting).tolist() if waiting else []):
            if not np.isfinite(total):
                raise FloatingPointError(
                    f"{stage.name}: the loss is not a number at step {first + k}; "
                    "lower the learning rate and go on from the last checkpoint"
                )
            clock.tick(first + k + 1, total)
            rate = recipe.learning_rate * _rate(first + k, steps, recipe)
            curve.add(first + k + 1, (first + k + 1) * recipe.batch, total, rate)
        waiting.clear()

    def keep() -> None:
        read()
        if accelerator.is_main_process:
            with room_asked_for(place):
                _store(place, step, trained, kept, ema, optimizer, recipe)
                curve.write()

    try:
        while step < steps:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * group["pace"] * _rate(step, steps, recipe)
            total = torch.zeros((), device=accelerator.device)
            for part in range(recipe.accumulate):
                # All chance follows from the step, so that a resumed run is the run it resumes.
                rng = np.random.default_rng((recipe.seed, step, part, accelerator.process_index))
                torch.manual_seed(int(rng.integers(2**62)))  # dropout
                loss = stage.loss(wrapped, share, rng, accelerator.device)
                accelerator.backward(loss / recipe.accumulate)
                total += loss.detach() / recipe.accumulate
            accelerator.clip_grad_norm_(trained.values(), recipe.clip)
            optimizer.step()
            optimizer.zero_grad()
            ema.step(trained.values())
            step += 1
            waiting.append(total)
            if len(waiting) == READ_EVERY[accelerator.device.type]:
                read()
            if clock.checkpoint_due():
                keep()
            if recipe.sample_every and step % recipe.sample_every == 0:
                sheet = place / f"samples-{step:06d}.png"
                _write_samples(stage, network, ema, trained, sheet, accelerator)
    except FloatingPointError:  # its weights may be spoilt already
        raise
    except BaseException:
        keep()
        raise
    keep()
    ema.copy_to(trained.values())
    accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    return network.to("cpu").eval()


def _accelerator(device: str) -> Accelerator:
    half = compute_dtype(torch.device(device)) is torch.bfloat16
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if half else "no")


def _recompute(network: nn.Module) -> None:
    for part in network.modules():
        if callable(enable := getattr(part, "enable_gradient_checkpointing", None)):
            enable()
            return


def _write_samples(
    stage: Stage[Any],
    network: nn.Module,
    ema: EMAModel,
    trained: Trained,
    path: Path,
    accelerator: Accelerator,
) -> None:
    """Paint with the averaged weights, then go on with the others."""
    if not accelerator.is_main_process:
        return
    ema.store(trained.values())
    ema.copy_to(trained.values())
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            rows = stage.samples(network.eval(), accelerator.device)
    finally:  # Ctrl-C, too: the checkpoint holds the others
        torch.set_rng_state(state)
        network.train()
        ema.restore(trained.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows).save(path)


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
    trained: Trained,
    kept: dict[str, torch.Tensor],
    ema: EMAModel,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
) -> None:
    """Write a checkpoint under another name first, so that a stop never leaves half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.partial"
    try:
        torch.save(
            {
                "step": step,
                "network": {name: each.detach() for name, each in trained.items()},
                "kept": kept,
                "ema": ema.state_dict(),
                "optimizer": optimizer.state_dict(),
            },
            partial,
        )
        os.replace(partial, folder / "checkpoint.pt")
    finally:  # half of one keeps room from others
        partial.unlink(missing_ok=True)
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2))


def _restore(
    folder: Path,
    trained: Trained,
    kept: dict[str, torch.Tensor],
    ema: EMAModel,
    optimizer: torch.optim.Optimizer,
) -> int:
    """Load the checkpoint in `folder`, if there is one, and return its step.

    Raises:
        GenerationError: it is of another network, or broken.
    """
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # files break in many ways
        raise GenerationError(
            f"{path}: cannot be read ({type(problem).__name__}); put back a copy of it, or remove "
            "it to begin anew"
        ) from problem
    shapes = {name: each.shape for name, each in trained.items()}
    if {name: each.shape for name, each in state["network"].items()} != shapes:
        raise GenerationError(
            f"{path}: is of another network, or of another version; choose another --name, or "
            "remove it to begin anew"
        )
    with torch.no_grad():
        for name, each in trained.items():
            each.copy_(state["network"][name])
        for name, each in state.get("kept", {}).items():  # as what a spectral norm has found
            kept[name].copy_(each)
    ema.load_state_dict(state["ema"])
    ema.to(next(iter(trained.values())).device)
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
