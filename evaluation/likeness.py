"""How alike two images are, whatever was turned, cut, brightened or compressed in between.

Numbers only: neither the catalogue nor a study is known here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Values = TypeVar("Values", Pixels, Floats)

TURNS = range(8)
SHORT, LONG = 64, 86  # px of a photograph's sides when it is compared, 3 : 4
#: Shares of a photograph's short side that an image may cover: training and stimuli crop.
COVERS = (1.0, 0.975, 0.95, 0.925, 0.9, 0.87, 0.84)
#: px; finer details do not survive a new size, and dermoscopic images are alike in wider shades.
FINE, WIDE = 0.8, 3.0
STRONGEST = 2.0  # times the median: a dark corner or a hair must not count for the whole image
COARSE = 10  # px of the side of what chooses the photographs to compare closely
#: From here an image is suspected to copy. Of 150 photographs of HAM10000, cut to 84-100 %, turned,
#: brightened and compressed, 148 reach it; of 150 others none, compared with other lesions.
COPY = 0.72
BLOCK = 2048  # photographs at a time
CHOSEN, CLOSE = 150, 12  # photographs of which details are compared, at half the size and at full


def turned(image: Values, turn: int) -> Values:
    """Return one of the eight orientations: quarter turns, then the same of the mirror image."""
    return np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4)


def shrunk(photograph: Image.Image) -> Image.Image:
    """Return the middle of a photograph, 86 x 64 px; an upright one is turned."""
    frame = photograph.convert("RGB")
    if frame.height > frame.width:
        frame = frame.transpose(Image.Transpose.ROTATE_90)
    scale = min(frame.width / LONG, frame.height / SHORT)
    left, top = (frame.width - LONG * scale) / 2, (frame.height - SHORT * scale) / 2
    box = (left, top, left + LONG * scale, top + SHORT * scale)
    return frame.resize((LONG, SHORT), Image.Resampling.BOX, box=box)


@dataclass(frozen=True)
class Nearest:
    """The photograph that an image resembles most: its place in the index, and how much (-1..1)."""

    index: int
    likeness: float


class PhotographIndex:
    """Photographs made small, so that the one that an image resembles most is found quickly."""

    def __init__(self) -> None:
        """Begin with none."""
        self._frames: list[Pixels] = []  # luma (64, 86)
        self._coarse: list[Floats] = []  # (crops, values)

    def __len__(self) -> int:
        return len(self._frames)

    def save(self, path: Path, key: str) -> None:
        """Write it, with what tells `load` that it is the right one; replaces what is there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, key=key, frames=np.stack(self._frames), coarse=np.stack(self._coarse))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, key: str) -> "PhotographIndex | None":
        """Read what `save` wrote, if it is there, whole, and under `key`."""
        try:
            with np.load(path) as stored:
                if str(stored["key"]) != key:
                    return None
                if stored["coarse"].shape[1] != len(_boxes()):
                    return None  # an earlier version chose by less
                index = cls()
                index._frames, index._coarse = list(stored["frames"]), list(stored["coarse"])
                return index
        except (OSError, ValueError, KeyError, BadZipFile):
            return None

    def add(self, small: Image.Image) -> None:
        """Add a photograph that `shrunk` made small; its place is the number of those before it."""
        self._frames.append(np.asarray(small.convert("L")))
        self._coarse.append(
            np.stack([_coarse(small.crop(box)) for box in _boxes()]).astype(np.float16)
        )

    def nearest(self, image: Image.Image, leave_out: Iterable[int] = ()) -> Nearest:
        """Return the photograph that an image resembles most, in any orientation.

        The likeness is the highest normalised correlation of the details over orientations,
        shares of the photograph and places in it, once as a square was cut from it, once as all
        of it was squeezed into one. Colours and wide shades choose which
        photographs are compared closely.

        Args:
            image: square; of others the middle, as raters see them.
            leave_out: places of photographs that do not count.

        Raises:
            ValueError: there are no photographs.
        """
        frame = image.convert("RGB")
        cut, squeezed = (_turns(frame, width, SHORT) for width in (SHORT, LONG))
        asked = np.stack([_coarse(way) for way in cut])
        within = np.setdiff1d(np.arange(len(self)), list(leave_out))
        if not len(within):
            raise ValueError("there are no photographs to compare with")
        alike = np.concatenate([self._alike(asked, k) for k in range(0, len(self), BLOCK)])
        chosen = within[np.argsort(-alike[within])[:CHOSEN]]
        rough = self._correlation((cut, squeezed), chosen, 2)
        close = chosen[np.argsort(-rough)[:CLOSE]]
        fine = self._correlation((cut, squeezed), close, 1)
        return Nearest(int(close[fine.argmax()]), float(fine.max()))

    def _alike(self, asked: Floats, first: int) -> Floats:
        """Return how alike a block of photographs is by colours and wide shades."""
        known = np.stack(self._coarse[first : first + BLOCK]).astype(np.float32)
        return (known @ asked.T).max(axis=(1, 2))

    def _correlation(
        self, read: Sequence[Sequence[Image.Image]], chosen: NDArray[np.int64], by: int
    ) -> Floats:
        """Return (chosen,): the highest correlation of details, `by` times smaller.

        Args:
            read: the image as it may have come from a photograph, each in eight orientations.
            chosen: places of the photographs.
        """
        size = (LONG // by, SHORT // by)
        frames = np.stack(
            [
                _details(Image.fromarray(self._frames[k]).resize(size, Image.Resampling.BOX))
                for k in chosen
            ]
        )
        best = np.full(len(chosen), -1.0, np.float32)
        for ways, cover in product(read, COVERS[::by]):
            width, height = (round(cover * side / by) for side in ways[0].size)
            wanted = np.stack(
                [
                    _unit(
                        _details(
                            way.convert("L").resize((width, height), Image.Resampling.BOX)
                        ).ravel()
                    )
                    for way in ways
                ]
            )
            windows = sliding_window_view(frames, (height, width), axis=(1, 2))
            flat = windows.reshape(len(chosen), -1, height * width)
            norms = np.sqrt(np.einsum("cwp,cwp->cw", flat, flat)).clip(1e-6)
            found = (flat @ wanted.T) / norms[..., None]
            best = np.maximum(best, found.max(axis=(1, 2)))
        return best


def _turns(frame: Image.Image, width: int, height: int) -> list[Image.Image]:
    """Return the middle of an image in eight orientations, each stretched to the same size."""
    side = min(frame.size)
    left, top = (frame.width - side) / 2, (frame.height - side) / 2
    box = (left, top, left + side, top + side)
    upright, lying = (
        np.asarray(frame.resize(size, Image.Resampling.BOX, box=box))
        for size in ((width, height), (height, width))
    )
    return [
        Image.fromarray(np.ascontiguousarray(turned(lying if turn % 2 else upright, turn)))
        for turn in TURNS
    ]


def _boxes() -> list[tuple[int, int, int, int]]:
    """Return what of a small photograph it may be chosen by: squares, and all of it, squeezed."""
    boxes = [(0, 0, LONG, SHORT)]
    for side in (SHORT, round(0.9 * SHORT)):
        top, middle = (SHORT - side) // 2, (LONG - side) // 2
        for down in sorted({0, top}):
            for left in (middle - 7, middle, middle + 7):
                boxes.append((left, 2 * down, left + side, 2 * down + side))
    return boxes


def _details(luma: Image.Image) -> Floats:
    """Return the luma less its wide shades."""
    fine, wide = (luma.filter(ImageFilter.GaussianBlur(radius)) for radius in (FINE, WIDE))
    details = np.asarray(fine, np.float32) - np.asarray(wide, np.float32)
    most = STRONGEST * float(np.median(np.abs(details))) + 0.5
    return details.clip(-most, most)


def _coarse(square: Image.Image) -> Floats:
    """Return colours and wide shades as a vector of length 1."""
    values = np.asarray(square.resize((COARSE, COARSE), Image.Resampling.BOX), np.float32)
    return _unit((values - values.mean(axis=(0, 1))).ravel())


def _unit(values: NDArray[np.float32]) -> Floats:
    centred = values - values.mean()
    return centred / max(float(np.linalg.norm(centred)), 1e-6)
