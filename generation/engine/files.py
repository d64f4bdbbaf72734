"""Folders of weights: whole or not at all, and without pickles."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def pickles_in(folder: Path) -> list[Path]:
    """Return the files whose weights are pickles, which can run code when they are read."""
    return sorted(path for path in folder.rglob("*") if path.suffix in PICKLES)


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Yield a folder to write into; it takes the place of `directory` once all is written.

    What was there stays if the writing fails.
    """
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
