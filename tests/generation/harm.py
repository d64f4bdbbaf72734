"""What may happen to a directory of weights in diffusers' format."""

from pathlib import Path

import torch

WEIGHTS = Path("unet") / "diffusion_pytorch_model.safetensors"


def without_weights(copy: Path) -> None:
    """Remove all safetensors."""
    for path in copy.rglob("*.safetensors"):
        path.unlink()


def with_pickles(copy: Path) -> None:
    """Leave pickled weights only."""
    without_weights(copy)
    torch.save({}, (copy / WEIGHTS).with_suffix(".bin"))


def broken(copy: Path) -> None:
    """Cut a file of weights off."""
    weights = copy / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:5000])
