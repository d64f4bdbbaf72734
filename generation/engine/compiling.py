"""Networks compiled by torch.compile: kernels made for the shapes that occur."""

import warnings

from torch import nn


def compile_network(network: nn.Module) -> None:
    """Have `network` compiled at its first call, anew for each of the few shapes.

    Without CUDA graphs: they are bound to a thread, and a batch is made in another than the one
    in which it was begun.
    """
    # What it warns of in diffusers' blocks asks for the version of torch.
    warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru_cache`")
    network.compile(dynamic=False)


def compile_blocks(network: nn.Module) -> None:
    """Have the blocks that repeat in a transformer of diffusers compiled: once for all of them.

    As fast as a whole that is compiled, and ready in a fraction of the time.
    """
    if getattr(network, "_repeated_blocks", None):
        network.compile_repeated_blocks(dynamic=False)  # type: ignore[operator]
    else:
        compile_network(network)


def compiler_failed(problem: Exception) -> bool:
    """Say whether an exception comes from compiling a network."""
    from torch._dynamo.exc import TorchDynamoException  # seconds, for the few who compile

    return isinstance(problem, TorchDynamoException)
