"""The curve of a training run: loss and learning rate by step, as a table and a figure."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

HEADER = ("step", "images", "loss", "learning_rate")
SMOOTHED = 50  # points of the figure's mean


class Curve:
    """Collects points and writes them as `loss.csv` and `loss.png`."""

    def __init__(self, folder: Path, step: int) -> None:
        """Go on with the curve in `folder`, up to the `step` that the checkpoint stands at."""
        self.folder = folder
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

    def write(self) -> None:
        """Write table and figure; replaces what is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "loss.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(self.points)
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
