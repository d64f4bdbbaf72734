"""What runs in a Ray cluster: a process that holds a loaded generator, and nothing else."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.engine.generator import GenerationError, Generator, ImageRequest
from generation.engine.registry import BUILT_IN, load_generator


@dataclass(frozen=True)
class Loaded:
    """What a worker has loaded, and where it is."""

    revision: str
    settings: dict[str, object]
    licence: str
    compute_batch: int
    compiled: bool
    machine: str
    process: int


class Worker:
    """A generator in a process of its own. It knows neither Django nor database nor storage."""

    _generator: Generator

    def load(
        self,
        name: str,
        own: Path | None,
        device: str,
        threads: int | None,
        compute_batch: int | None,
        compiled: bool,
        fit: bool,
    ) -> Loaded:
        """Load the generator called `name`.

        Args:
            own: folder that holds its weights; None for a built-in one, which travels with the
                code.
            threads: of the processor; None leaves it as it is.
            compute_batch: images that it paints at once; None takes what suits the device.
            compiled: whether its networks are compiled.
            fit: halve the images at once until they fit into memory.

        Raises:
            GenerationError: it cannot be loaded here; the message names the machine.
        """
        machine = socket.gethostname()
        if own and not (own / name).is_dir():
            raise GenerationError(
                f"{machine}: has no {own / name}; the weights must be there under the same path as "
                "here, as on a shared file system"
            )
        try:
            import torch  # here, so that its absence is told as the others are

            if threads:
                torch.set_num_threads(threads)
            generator = load_generator(name, own or BUILT_IN, device, compute_batch, compiled)
            if fit:
                generator.fit()
            self._generator = generator
        except (GenerationError, ImportError) as problem:
            mend = (
                "" if isinstance(problem, GenerationError) else "; install requirements.txt there"
            )
            raise GenerationError(f"{machine}: {problem}{mend}") from problem
        return Loaded(
            revision=generator.revision,
            settings=generator.settings(),
            licence=generator.licence,
            compute_batch=generator.compute_batch,
            compiled=generator.compiled,
            machine=machine,
            process=os.getpid(),
        )

    def generate(self, requests: Sequence[ImageRequest]) -> Sequence[np.ndarray]:
        """Make one image a request; see `Generator`."""
        return self._generator.generate(requests)
