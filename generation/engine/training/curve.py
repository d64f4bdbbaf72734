"""The curve of a training run: loss and learning rate by step, as a table and a figure."""

import csv
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from generation.engine.generator import GenerationError

HEADER = ("step", "images", "loss", "learning_rate")
SMOOTHED = 50  # points of the figure's mean


def check_tensorboard() -> None:
    """Refuse to write events of TensorBoard where it is not installed.

    Raises:
        GenerationError: it is not.
    """
    if find_spec("tensorboard") is None:
        raise GenerationError(
            "the package tensorboard is not installed; install it with "
            "pip install tensorboard==2.21.0, or leave --tensorboard out"
        )


class Curve:
    """Collects points and writes them as `loss.csv` and `loss.png`, and as TensorBoard's events."""

    def __init__(self, folder: Path, step: int, *, tensorboard: bool = False) -> None:
        """Go on with the curve in `folder`, up to the `step` that the checkpoint stands at.

        Raises:
            GenerationError: TensorBoard is wanted and not installed.
        """
        self.folder = folder
        self.events = _events(folder / "tensorboard", step) if tensorboard else None
        self.points: list[tuple[int, int, float, float]] = []
        if step and (folder / "loss.csv").exists():
            with (folder / "loss.csv").open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
            self.points = [
                (int(r["step"]), int(r["images"]), float(r["loss"]), float(r["learning_rate"]))
                for r in rows
            ]

    def add(self, step: int, images: int, loss: float, rate: float) -> None:
        """Note one step."""
        self.points.append((step, images, loss, rate))
        if self.events:
            self.events.add_scalar("loss", loss, step)
            self.events.add_scalar("learning_rate", rate, step)

    def write(self) -> None:
        """Write table and figure; replaces what is there."""
        if self.events:
            self.events.flush()
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "loss.partial"  # a stop never leaves half of a row
        with partial.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(self.points)
        os.replace(partial, self.folder / "loss.csv")
        if not self.points:
            return
        images, loss = (np.array([point[k] for point in self.points]) for k in (1, 2))
        figure = Figure(figsize=(7, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.plot(images, loss, color="#bcd0d0", linewidth=0.8)
        width = min(SMOOTHED, len(loss))
        mean = np.convolve(loss, np.ones(width) / width, mode="valid")
        axes.plot(images[width - 1 :], mean, color="#1f5f63")
        axes.set(xlabel="images seen", ylabel="loss", yscale="log")
        figure.savefig(self.folder / "loss.png", dpi=110)


def _events(folder: Path, step: int) -> Any:
    """Return a writer of events that takes back what was written after `step`."""
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1)
