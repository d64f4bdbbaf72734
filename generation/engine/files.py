"""Files of weights."""

from pathlib import Path

PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def pickles_in(folder: Path) -> list[Path]:
    """Return the files whose weights are pickles, which can run code when they are read."""
    return sorted(path for path in folder.rglob("*") if path.suffix in PICKLES)
