"""Training of entity classifiers on images in memory, resumable from one epoch to the next."""

import copy
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from analysis.classifier.augmentation import CLASSICAL, FREE, Augmentation
from analysis.classifier.data import Labelled
from analysis.classifier.network import BATCH, KINDS, SIDE, Network, as_input
from analysis.errors import AnalysisError

OnStep = Callable[[int, int], None]

BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")  # processors that compute in it natively


@dataclass(frozen=True)
class Recipe:
    """Constants of one training run.

    Attributes:
        network: paper or strong.
        size: of the images, in px.
        epochs: at most.
        patience: epochs without a lower loss on the validation images until it stops, and goes
            back to the best; None goes on to the end, and keeps the end.
        images: of an epoch; None for as many as there are.
        balance: entities are drawn by their frequency to the power of 1 less this: 0 as they
            come, 1 evenly. Drawn evenly, the rarest are shown so often that they are memorised.
        ema: of the average of weights that is kept; 0 keeps the weights themselves.
    """

    network: str
    size: int
    learning_rate: float
    batch: int = 32
    epochs: int = 100
    patience: int | None = 5
    images: int | None = None
    augmentation: Augmentation | None = None
    balance: float = 0.0
    weight_decay: float = 0.0
    smoothing: float = 0.0  # of labels
    ema: float = 0.0
    seed: int = 0


#: `paper` is the published study's recipe: Adam, batch 32, at most 100 epochs, patience 5.
RECIPES = {
    "paper": Recipe("paper", 64, 1e-3, augmentation=CLASSICAL),
    "strong": Recipe(
        "strong",
        SIDE,
        1e-3,
        augmentation=FREE,
        balance=0.5,
        weight_decay=0.05,
        smoothing=0.05,
        ema=0.998,
    ),
}


@dataclass(frozen=True)
class Epoch:
    """One line of the learning curve; figures of validation are None without such images."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass
class _State:
    """Where a run stands; all that a checkpoint holds."""

    network: Network
    average: Network
    optimizer: torch.optim.Optimizer
    curve: list[Epoch] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_loss: float = float("inf")
    waited: int = 0


@dataclass(frozen=True)
class Trained:
    """A network with the curve by which it was learnt, and the epoch that it is of."""

    network: Network
    curve: tuple[Epoch, ...]
    epoch: int


def train(
    data: Labelled,
    entities: Sequence[str],
    recipe: Recipe,
    *,
    validation: Labelled | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train on `data`; with images of other lesions stop early, and calibrate, by them.

    Args:
        data: to learn from.
        entities: what the labels stand for.
        recipe: how; all chance follows from its seed and the epoch.
        validation: of lesions that are not among those of `data`.
        folder: where a checkpoint is kept after each epoch, from which the same run goes on.
        on_step: told how far an epoch is, in steps.
        on_epoch: told each epoch's figures.

    Raises:
        AnalysisError: the checkpoint is of another run, or early stopping has nothing to go by.
        FloatingPointError: the loss is no number.
    """
    if recipe.patience is not None and validation is None:
        raise AnalysisError("stopping early needs validation images; set the patience to None")
    torch.manual_seed(recipe.seed)
    network = KINDS[recipe.network](len(entities), recipe.size)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kind = torch.optim.AdamW if recipe.weight_decay else torch.optim.Adam
    optimizer = kind(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    state = _State(network, copy.deepcopy(network), optimizer)
    run = _signature(data, entities, recipe)
    if folder:
        _restore(folder, run, state)
    while len(state.curve) < recipe.epochs:
        if recipe.patience is not None and state.waited >= recipe.patience:
            break
        loss = _epoch(state, data, recipe, len(state.curve), on_step)
        _note(state, loss, validation)
        if folder:
            _store(folder, run, state)
        if on_epoch:
            on_epoch(state.curve[-1])
    trained = state.average
    epoch = len(state.curve)
    if recipe.patience is not None:
        trained.load_state_dict(state.best)
        epoch -= state.waited
    trained.eval()
    if validation is not None:
        calibrate(trained, validation)
    return Trained(trained, tuple(state.curve), epoch)


def _epoch(
    state: _State, data: Labelled, recipe: Recipe, epoch: int, on_step: OnStep | None
) -> float:
    """Show each image once, or as the balance says; return the mean loss."""
    rng = np.random.default_rng((recipe.seed, epoch))
    torch.manual_seed(int(rng.integers(2**62)))  # dropout
    error = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    native = any(
        torch.cpu.get_capabilities().get(name) for name in BFLOAT16
    )  # emulated, it would be far slower
    state.network.train()
    rows = _drawn(data.labels, recipe, rng)
    batches = [rows[first : first + recipe.batch] for first in range(0, len(rows), recipe.batch)]
    done = epoch * len(batches)
    total = 0.0
    for step, batch in enumerate(batches):
        pixels = as_input(data.pixels[batch])
        if recipe.augmentation:
            pixels = recipe.augmentation(pixels, rng).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=native):
            _, logits = state.network(pixels)
        loss = error(logits.float(), torch.from_numpy(data.labels[batch]))
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()
        # Early weights are soon forgotten: the average begins short.
        _average(state, min(recipe.ema, (1 + done + step) / (10 + done + step)))
        total += loss.item() * len(batch)
        if on_step:
            on_step(step + 1, len(batches))
    if not np.isfinite(total):
        raise FloatingPointError(
            f"the loss is not a number in epoch {epoch + 1}; lower the learning rate"
        )
    return total / len(rows)


def _drawn(labels: NDArray[np.int_], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.int_]:
    """Return the rows of an epoch: each once while that will do, else by chance."""
    count = recipe.images or len(labels)
    if recipe.balance:
        chances = np.bincount(labels)[labels] ** -recipe.balance
        return rng.choice(len(labels), count, p=chances / chances.sum())
    rounds = -(-count // len(labels))
    return np.concatenate([rng.permutation(len(labels)) for _ in range(rounds)])[:count]


@torch.no_grad()
def _average(state: _State, decay: float) -> None:
    news = state.network.state_dict()
    for name, kept in state.average.state_dict().items():
        if decay and kept.is_floating_point():
            kept.lerp_(news[name], 1 - decay)
        else:
            kept.copy_(news[name])


def _note(state: _State, loss: float, validation: Labelled | None) -> None:
    """Add an epoch to the curve, and keep its weights where they are the best yet."""
    epoch = len(state.curve) + 1
    if validation is None:
        state.curve.append(Epoch(epoch, loss))
        return
    logits, truth = logits_of(state.average, validation), torch.from_numpy(validation.labels)
    missed = nn.functional.cross_entropy(logits, truth).item()
    right = (logits.argmax(1) == truth).double().mean().item()
    state.curve.append(Epoch(epoch, loss, missed, right))
    if missed < state.best_loss:
        state.best_loss, state.waited = missed, 0
        state.best = copy.deepcopy(state.average.state_dict())
    else:
        state.waited += 1


@torch.inference_mode()
def logits_of(network: Network, data: Labelled) -> torch.Tensor:
    """Return (n, entities) of images, before the temperature."""
    network.eval()
    return torch.cat(
        [
            network(as_input(data.pixels[first : first + BATCH]))[1]
            for first in range(0, len(data), BATCH)
        ]
    )


def calibrate(network: Network, data: Labelled) -> None:
    """Set the temperature that makes the truth of images of other lesions most likely."""
    logits, truth = logits_of(network, data), torch.from_numpy(data.labels)
    tried = torch.exp(torch.linspace(-1.5, 1.5, 61))
    losses = [nn.functional.cross_entropy(logits / value, truth).item() for value in tried]
    network.temperature.fill_(tried[int(np.argmin(losses))].item())


def _signature(data: Labelled, entities: Sequence[str], recipe: Recipe) -> str:
    """Return what tells this run from others: its images, entities and recipe."""
    found = hashlib.sha256(json.dumps([asdict(recipe), list(entities)]).encode())
    found.update(data.labels.tobytes())
    found.update(data.pixels.tobytes())
    return found.hexdigest()


def _store(folder: Path, run: str, state: _State) -> None:
    """Write a checkpoint under another name first, so that a stop never leaves half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.partial"
    torch.save(
        {
            "run": run,
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "curve": [asdict(each) for each in state.curve],
            "best": state.best,
            "best_loss": state.best_loss,
            "waited": state.waited,
        },
        partial,
    )
    os.replace(partial, folder / "checkpoint.pt")


def _restore(folder: Path, run: str, state: _State) -> None:
    """Load the checkpoint in `folder`, if there is one.

    Raises:
        AnalysisError: it is of another run.
    """
    path = folder / "checkpoint.pt"
    if not path.exists():
        return
    kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if kept["run"] != run:
        raise AnalysisError(
            f"{path}: is of a run with other images or another recipe; choose another --name, or "
            "remove it to begin anew"
        )
    state.network.load_state_dict(kept["network"])
    state.average.load_state_dict(kept["average"])
    state.optimizer.load_state_dict(kept["optimizer"])
    state.curve = [Epoch(**each) for each in kept["curve"]]
    state.best, state.best_loss = kept["best"], kept["best_loss"]
    state.waited = kept["waited"]
