"""What classifiers learn from, and how it is parted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from analysis.errors import AnalysisError

FOLDS = 7  # one for validation, one for the test, the rest to train on
FEWEST = 3  # parts, and so lesions of an entity


@dataclass(frozen=True)
class Labelled:
    """Images and their entities.

    Attributes:
        pixels: (n, size, size, 3) uint8.
        labels: (n,) int, places among the entities.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int_]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: NDArray) -> "Labelled":
        return Labelled(self.pixels[rows], self.labels[rows])

    def __add__(self, other: "Labelled") -> "Labelled":
        pixels = np.concatenate([self.pixels, other.pixels])
        return Labelled(pixels, np.concatenate([self.labels, other.labels]))


def labelled(
    pixels: NDArray[np.uint8], named: NDArray[np.str_], entities: Sequence[str]
) -> Labelled:
    """Return images with the places of their entities.

    Raises:
        AnalysisError: an image shows an entity that is none of them.
    """
    if unknown := sorted({*named.tolist()} - {*entities}):
        raise AnalysisError(
            f"images show {', '.join(unknown)}, which is none of {', '.join(entities)}; name a "
            "dataset without them, or train on one with them"
        )
    place = {entity: k for k, entity in enumerate(entities)}
    return Labelled(pixels, np.array([place[name] for name in named.tolist()], dtype=int))


@dataclass(frozen=True)
class Parts:
    """Rows to train on, to stop and calibrate by, and to test on; no lesion is in two of them."""

    train: NDArray[np.int_]
    validation: NDArray[np.int_]
    test: NDArray[np.int_]


def parted_by_lesion(labels: NDArray[np.int_], lesions: NDArray[np.str_], seed: int) -> Parts:
    """Part images by lesion, entities in like shares.

    By image, other views of a trained lesion would be in the test, and it would flatter.

    Where an entity has fewer lesions than there are folds, there are as many folds as those.

    Raises:
        AnalysisError: an entity has fewer lesions than there are parts.
    """
    least = min(len(np.unique(lesions[labels == label])) for label in np.unique(labels))
    if least < FEWEST:
        raise AnalysisError(
            f"an entity has images of {least} lesions, too few to be parted into {FEWEST}; import "
            "more of them, or leave those out"
        )
    folding = StratifiedGroupKFold(min(FOLDS, least), shuffle=True, random_state=seed)
    parts = [held for _, held in folding.split(labels, labels, lesions)]
    return Parts(np.sort(np.concatenate(parts[2:])), parts[0], parts[1])


def one_of_each(lesions: NDArray[np.str_]) -> NDArray[np.int_]:
    """Return the row of the first image of each lesion: images that are independent."""
    return np.sort(np.unique(lesions, return_index=True)[1])
