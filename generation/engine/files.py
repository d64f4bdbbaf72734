"""Folders of weights: whole or not at all, and without pickles."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from generation.engine.generator import GenerationError

PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def pickles_in(folder: Path) -> list[Path]:
    """Return the files whose weights are pickles, which can run code when they are read."""
    return sorted(path for path in folder.rglob("*") if path.suffix in PICKLES)


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Yield a folder to write into; it takes the place of `directory` once all is written.

    What was there stays if the writing fails.

    Raises:
        GenerationError: the disk takes no more.
    """
    with room_asked_for(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}-"))
        try:
            yield partial
            partial.chmod(0o755)
            if directory.exists():
                shutil.rmtree(directory)
            os.replace(partial, directory)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def room_asked_for(place: Path) -> Iterator[None]:
    """Say what to do where `place` cannot be written.

    Raises:
        GenerationError: in place of what torch, safetensors or the system say of a full disk.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as problem:
        # torch says of a full disk only that it is elsewhere in a file than it should be.
        if isinstance(problem, RuntimeError) and "inline_container" not in str(problem):
            raise
        said = str(problem).strip().splitlines()[0]
        raise GenerationError(
            f"{place}: cannot be written ({said}); make room, then give the same command again"
        ) from problem
