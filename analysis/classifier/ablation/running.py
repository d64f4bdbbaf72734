"""Running an ablation: each arm under each seed, kept when it is done."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.classifier.ablation.arms import ARMS, arm_data, counts_of
from analysis.classifier.ablation.comparing import Answers
from analysis.classifier.augmentation import CLASSICAL
from analysis.classifier.data import Labelled
from analysis.classifier.network import Network
from analysis.classifier.training import RECIPES, logits_of, train
from analysis.errors import AnalysisError

PART = 100  # steps between two checkpoints

OnRun = Callable[[str, int, int, int], None]


@dataclass(frozen=True)
class Plan:
    """What decides an ablation beside its images."""

    network: str = "paper"
    size: int = RECIPES["paper"].size
    steps: int = 2000
    batch: int = 32
    seeds: int = 3
    arms: tuple[str, ...] = tuple(ARMS)


@dataclass(frozen=True)
class Material:
    """The images of an ablation.

    Attributes:
        original, synthetic: to train on.
        test: original images of other lesions, which no arm sees before its training is over.
        entities: what the labels stand for.
    """

    original: Labelled
    synthetic: Labelled
    test: Labelled
    entities: tuple[str, ...]


def run_ablation(
    material: Material,
    plan: Plan,
    folder: Path,
    *,
    on_step: Callable[[int, int], None] | None = None,
    on_run: OnRun | None = None,
) -> list[Answers]:
    """Train every arm under every seed and ask it about both test sets.

    What is finished is kept in `folder`, and a run that was stopped goes on from its checkpoint.

    Args:
        material: images.
        plan: what is trained, and for how long.
        folder: of this ablation.
        on_step: told how many steps of how many all runs together are done.
        on_run: told arm, seed, and how many runs of how many are done.

    Returns:
        Answers, arm by arm.

    Raises:
        AnalysisError: the folder holds another ablation.
    """
    _claim(folder, material, plan)
    # Seed by seed, so that whatever is finished compares all arms.
    runs = [(arm, seed) for seed in range(plan.seeds) for arm in plan.arms]
    found: dict[tuple[str, int], Answers] = {}
    for number, (arm, seed) in enumerate(runs):
        path = folder / f"{arm}-{seed}.npz"
        if not path.exists():
            before = number * plan.steps

            def stepped(done: int, before: int = before) -> None:
                if on_step:
                    on_step(before + done, len(runs) * plan.steps)

            _run(arm, seed, material, plan, folder, stepped)
        found[arm, seed] = load_answers(path, arm, seed)
        if on_run:
            on_run(arm, seed, number + 1, len(runs))
    return [found[arm, seed] for arm in plan.arms for seed in range(plan.seeds)]


def _run(
    arm: str,
    seed: int,
    material: Material,
    plan: Plan,
    folder: Path,
    on_step: Callable[[int], None],
) -> None:
    data = arm_data(arm, material.original, material.synthetic, seed)
    parts = -(-plan.steps // PART)
    recipe = replace(
        RECIPES[plan.network],
        size=plan.size,
        batch=plan.batch,
        epochs=parts,
        images=plan.batch * -(-plan.steps // parts),
        patience=None,  # as many steps for each arm, and no validation that one would lack
        augmentation=CLASSICAL if data.anew else None,
        balance=float(data.evenly),
        seed=seed,
    )
    checkpoint = folder / f"{arm}-{seed}"
    trained = train(
        data.train,
        material.entities,
        recipe,
        folder=checkpoint,
        on_epoch=lambda epoch: on_step(min(plan.steps, epoch.epoch * plan.steps // parts)),
    )
    partial = folder / "partial.npz"
    np.savez(
        partial,
        test=_probabilities(trained.network, material.test),
        test_labels=material.test.labels,
        held=_probabilities(trained.network, data.held),
        held_labels=data.held.labels,
        places=data.places,
        loss=[epoch.loss for epoch in trained.curve],
        counts=list(counts_of(data.train, material.entities).values()),
    )
    os.replace(partial, folder / f"{arm}-{seed}.npz")
    shutil.rmtree(checkpoint)


def load_answers(path: Path, arm: str, seed: int) -> Answers:
    """Return what a finished run answered."""
    with np.load(path) as kept:
        return Answers(arm, seed, **{name: kept[name] for name in kept.files})


def _probabilities(network: Network, data: Labelled) -> NDArray[np.float64]:
    return torch.softmax(logits_of(network, data).double(), dim=1).numpy()


def _claim(folder: Path, material: Material, plan: Plan) -> None:
    """Note what this ablation is, or refuse a folder of another one."""
    known = hashlib.sha256(json.dumps(material.entities).encode())
    for data in (material.original, material.synthetic, material.test):
        known.update(data.labels.tobytes())
        known.update(data.pixels.tobytes())
    # More seeds, or other arms, go on with what is there.
    own = {k: v for k, v in asdict(plan).items() if k not in ("seeds", "arms")}
    said = json.dumps({**own, "images": known.hexdigest()}, indent=1)
    path = folder / "plan.json"
    if path.exists() and path.read_text() != said:
        raise AnalysisError(
            f"{folder} holds an ablation of other images, or with another network, size, or number "
            "of steps; choose another --name, or remove it to begin anew"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(said)
