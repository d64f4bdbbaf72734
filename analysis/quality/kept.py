"""Features that were computed once: kept on disk by image and extractor, whole files or none."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

PART = 512  # images a file


class KeptFeatures:
    """Rows of one extractor under one treatment, by the images' SHA-256."""

    def __init__(self, folder: Path) -> None:
        """Read what the folder holds; a file that cannot be read is as if it were not there."""
        self.folder = folder
        self._rows: dict[str, Rows] = {}
        self._new: dict[str, Rows] = {}
        for path in sorted(folder.glob("*.npz")):
            try:
                with np.load(path) as part:
                    self._rows |= dict(zip(part["images"].tolist(), part["rows"], strict=True))
            except (OSError, ValueError, KeyError, BadZipFile):
                continue

    def __contains__(self, image: str) -> bool:
        return image in self._rows

    def add(self, found: Mapping[str, Rows]) -> None:
        """Keep rows; they are written when there are enough for a file."""
        self._rows |= found
        self._new |= found
        if len(self._new) >= PART:
            self.write()

    def write(self) -> None:
        """Write what is new."""
        if not self._new:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            np.savez(file, images=np.array(list(self._new)), rows=np.stack([*self._new.values()]))
        os.replace(file.name, self.folder / f"{next(iter(self._new))[:32]}.npz")
        self._new = {}

    def of(self, images: Iterable[str]) -> Rows:
        """Return the rows of images that are all there, (n, width)."""
        return np.stack([self._rows[image] for image in images])
