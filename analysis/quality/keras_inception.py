"""Inception-v3 as Keras has it, without its top: what the published Table 1 was computed with.

It differs from the graph of 2015 in its weights and in its last block, which averages. Keras is not
needed here: its weights are read from a file that `SAVE` writes where Keras is.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from analysis.errors import AnalysisError
from analysis.quality.inception import SIDE, BlockE, Conv, Inception

SAVE = (
    'python -c "import keras, numpy; m = keras.applications.InceptionV3(include_top=False); '
    "numpy.savez('keras_inception.npz', **{w.path: w.numpy() for w in m.weights})\""
)


class KerasInception(Inception):
    """The network from pixels to averaged features."""

    def __init__(self) -> None:
        """Make it untrained."""
        super().__init__()
        self.Mixed_7c = BlockE(2048, last=False)
        del self.fc

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return features (B, 2048) of (B, 3, H, W) in [0, 255], interpolated linearly to 299."""
        x = functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return self.pooled(x / 127.5 - 1)


def load_keras_inception(weights: Path) -> KerasInception:
    """Load what `SAVE` writes.

    Layers are matched in the order in which Keras makes them, by the numbers in their names.

    Raises:
        AnalysisError: the file does not hold them.
    """
    network = KerasInception()
    layers = [each for each in network.modules() if isinstance(each, Conv)]
    try:
        with np.load(weights) as file:
            found = {name: file[name] for name in file.files}
        kernels = _in_order(found, "kernel")
        norms = [_in_order(found, what) for what in ("beta", "moving_mean", "moving_variance")]
        for layer, kernel, beta, mean, variance in zip(layers, kernels, *norms, strict=True):
            state = {
                "conv.weight": kernel.transpose(3, 2, 0, 1),  # Keras: height, width, in, out
                "bn.weight": np.ones_like(beta),  # it learns no scale
                "bn.bias": beta,
                "bn.running_mean": mean,
                "bn.running_var": variance,
                "bn.num_batches_tracked": np.array(0),
            }
            layer.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()})
    except Exception as problem:  # files break in many ways
        said = str(problem).strip().splitlines()[0]
        raise AnalysisError(
            f"{weights}: holds no Inception-v3 of Keras ({said}); write it where Keras is: {SAVE}"
        ) from problem
    return network.eval()


def _in_order(found: dict[str, NDArray], what: str) -> Iterable[NDArray]:
    """Return the arrays called `what`, by the number of their layer; the first has none."""

    def number(name: str) -> int:
        digits = re.search(r"_(\d+)/", name)
        return int(digits[1]) if digits else 0

    return [found[name] for name in sorted(found, key=number) if name.endswith(f"/{what}")]
