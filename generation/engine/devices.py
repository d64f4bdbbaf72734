"""Which device computes."""

import torch

from generation.engine.generator import GenerationError


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; `auto` takes a GPU where there is one.

    Raises:
        GenerationError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise GenerationError(
            "no CUDA device found; run with --device cpu (about 1 s an image) "
            "or on a machine with a GPU"
        )
    try:
        return torch.device(name)
    except RuntimeError:
        raise GenerationError(f"device '{name}' is unknown; use auto, cpu or cuda") from None
