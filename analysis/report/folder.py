"""Folders that come into being whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from analysis.errors import FolderRefused


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn the system's failures to write `out` into a refusal that names it."""
    try:
        yield
    except OSError as problem:
        raise FolderRefused(
            f"{out} cannot be written: {problem.strerror or problem}; choose another folder"
        ) from problem


def files_of(folder: Path) -> set[str]:
    """Return the files in a folder by their path within it; none if it is missing."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refuse_foreign(out: Path, ours: Collection[str], what: str) -> None:
    """Refuse a folder with anything in it but the files of an earlier one of the same kind.

    Args:
        out: may be missing.
        ours: files that an earlier one left there; they will be replaced.
        what: is written, in words.

    Raises:
        FolderRefused: it is a file, or holds others.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise FolderRefused(f"{out} is a file; name a folder for the {what}")
    if foreign := sorted(files_of(out) - set(ours)):
        raise FolderRefused(
            f"{out} holds files that are no earlier {what} ({foreign[0]}); "
            "name an empty or a new folder"
        )


def write_folder(files: Mapping[str, bytes], out: Path) -> None:
    """Write all files, by their path within it, beside `out`, then rename them into its place."""
    out.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for name, content in files.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)
        new.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        if out.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
            os.replace(out, old)
            os.replace(new, out)
            shutil.rmtree(old)
        else:
            os.replace(new, out)
    finally:
        shutil.rmtree(new, ignore_errors=True)
