"""Which device computes."""

import torch
from torch import nn

from generation.engine.generator import GenerationError


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; `auto` takes a GPU where there is one.

    Raises:
        GenerationError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise GenerationError(f"device '{name}' is unknown; use auto, cpu or cuda")
    there = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= there:
        raise GenerationError(
            f"no CUDA device {device.index} found, there are {there}, counted from 0"
            if there
            else "no CUDA device found; run with --device cpu (about 1 s an image) "
            "or on a machine with a GPU"
        )
    return device


#: What PyTorch says where memory runs out, beside its own exception.
NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
#: All that oneDNN says there; more words mean that it cannot do what is asked.
NO_MEMORY_ONEDNN = ("could not create a primitive", "could not execute a primitive")


def out_of_memory(problem: Exception) -> bool:
    """Say whether an exception means that memory ran out, on a GPU or here."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(problem).strip()
    return isinstance(problem, RuntimeError) and (
        said in NO_MEMORY_ONEDNN or any(word in said for word in NO_MEMORY)
    )


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


def hold_weights(network: nn.Module, device: torch.device) -> None:
    """Hold the weights that are multiplied in `device`'s number format.

    Otherwise `fast_math` casts them at each call. The first layer stays as it is: from its weights
    networks of diffusers read the format of what they are given.
    """
    for part in list(network.modules()):
        if isinstance(part, nn.Conv2d | nn.Linear) and part is not getattr(
            network, "conv_in", None
        ):
            part.to(compute_dtype(device))


def fast_math(device: torch.device) -> torch.autocast:
    """Return the context in which networks run on `device`."""
    dtype = compute_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32)
