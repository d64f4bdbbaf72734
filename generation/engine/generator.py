"""The one interface of everything that makes synthetic images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

#: What a request may ask for beyond entity and seed; a generator names those that it honours.
CONTROLS = ("prompt", "sex", "age", "site", "tone", "lesion", "canvas", "keep")

OnStep = Callable[[int, int], None]


class GenerationError(Exception):
    """Something that the person who asked for images can mend; the message says how."""


@dataclass(frozen=True)
class ImageRequest:
    """What one image should be; everything that decides its pixels.

    Masks are (size, size) bool, `canvas` is (size, size, 3) uint8 in sRGB, `tone` is the
    individual typology angle in degrees, `age` is in years. Of `canvas` the image shows what lies
    where `keep` is true, about as it is; what lies elsewhere must be of one colour, so that nothing
    can be seen of what was there (see masked.py). `guidance` is the scale of
    classifier-free guidance (1 is none; Ho and Salimans 2022, eq. 6) and `steps` the number
    of steps of the base stage's solver; None takes what suits the generator.
    """

    entity: str
    seed: int
    prompt: str | None = None
    sex: str | None = None
    age: float | None = None
    site: str | None = None
    tone: float | None = None
    lesion: np.ndarray | None = None
    canvas: np.ndarray | None = None
    keep: np.ndarray | None = None
    size: int = 256
    guidance: float | None = None
    steps: int | None = None


class Generator(Protocol):
    """What makes images: the same request gives the same pixels, whatever the batch around it."""

    name: str
    licence: str  # of the images, as an SPDX identifier
    compute_batch: int  # images painted at once; every call is padded to it
    compiled: bool

    @property
    def calls_at_once(self) -> int:
        """How many threads may ask at once."""
        ...

    @property
    def revision(self) -> str:
        """Hash of the settings, the weights among them."""
        ...

    @property
    def controls(self) -> frozenset[str]:
        """Which fields of a request it honours."""
        ...

    @property
    def entities(self) -> tuple[str, ...]:
        """Codes that it can be asked for."""
        ...

    def fit(self) -> None:
        """Halve `compute_batch` until it fits into memory; to be called before the first image."""
        ...

    def settings(self) -> dict[str, object]:
        """Everything beside the weights and the request that decides pixels, as JSON values."""
        ...

    def generate(
        self, requests: Sequence[ImageRequest], on_step: OnStep | None = None
    ) -> Sequence[np.ndarray]:
        """Make one image a request, in order.

        Returns:
            uint8 arrays (size, size, 3), sRGB.

        Raises:
            GenerationError: a request asks for what this generator does not honour.
        """
        ...


@runtime_checkable
class Magnifier(Protocol):
    """A generator that can paint an image larger, with what is finer than its pixels."""

    def magnify(self, image: np.ndarray, where: np.ndarray, seed: int) -> np.ndarray:
        """Paint an image anew, larger by a factor of the generator's.

        Args:
            image: (size, size, 3) uint8, sRGB.
            where: (size, size) bool, what is wanted; elsewhere it may come out smooth.
            seed: same image, same seed, same pixels.

        Returns:
            (factor * size, factor * size, 3) uint8; made small again it is about `image`.
        """
        ...
