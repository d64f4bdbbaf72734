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


#: Instructions that multiply matrices of bfloat16; without them PyTorch emulates, slowly.
BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")


def compute_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 where `device` computes in it natively, else float32.

    An AVX2 processor takes 60 times as long for a convolution in bfloat16 as in float32.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        native = any(capabilities.get(name) for name in BFLOAT16)
    return torch.bfloat16 if native else torch.float32


def fast_math(device: torch.device) -> torch.autocast:
    """Return the context in which networks run on `device`."""
    dtype = compute_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32)
