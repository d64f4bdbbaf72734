"""`DermGanGenerator`: from requests to maps, and from maps to images, in one pass."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from generation.engine.batched import BatchedGenerator
from generation.engine.cascade.files import weights_sha256
from generation.engine.colour import skin_of_tone
from generation.engine.compiling import compile_network
from generation.engine.dermgan.files import load_painting
from generation.engine.dermgan.networks import COARSE_NOISE, SIZE, map_of, noise_of
from generation.engine.devices import compute_dtype, fast_math
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.lesions import any_mask, check_mask
from generation.engine.vocabulary import Vocabulary

#: Images painted at once, by kind of device.
COMPUTE_BATCH = {"cpu": 16, "cuda": 256}
UNUSUAL = 1.5  # standard deviations at most that a colour drawn lies from the mean


class DermGanGenerator(BatchedGenerator):
    """Paints a lesion of a wanted shape, size and place on skin of a wanted tone.

    What is not asked for follows from the seed; each thing has a stream of chance of its own, so
    that another tone leaves the lesion as it is, and another lesion the skin. Into a photograph it
    paints skin of the one colour that the canvas has where nothing is kept.
    """

    mend = "its weights are broken: train it anew, or from an earlier checkpoint"

    def __init__(
        self,
        name: str,
        directory: Path,
        device: str = "auto",
        compute_batch: int | None = None,
        compiled: bool = False,
    ) -> None:
        """Load the weights in `directory`.

        Raises:
            GenerationError: there is no painter, or no such device.
        """
        super().__init__(
            name, device=device, compute_batch=compute_batch, usual=COMPUTE_BATCH, compiled=compiled
        )
        loaded = load_painting(directory)
        self._painter = loaded.painter.to(self.device)
        self._painter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled:
            compile_network(self._painter)
        self._colouring, self._trained_on = loaded.colouring, loaded.trained_on
        self.vocabulary = Vocabulary.of_shapes(loaded.entities)
        self.licence = loaded.licence
        self._weights = weights_sha256(directory)

    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels, and where the weights come from."""
        return {
            "weights": self._weights,
            "trained_on": list(self._trained_on),
            "painted": SIZE,
            "dtype": str(compute_dtype(self.device)).removeprefix("torch."),
            **super().settings(),
        }

    def _check(self, requests: Sequence[ImageRequest]) -> None:
        super()._check(requests)
        for request in requests:
            if request.lesion is None:
                continue
            if request.lesion.shape != (request.size, request.size):
                raise GenerationError(
                    f"the lesion's mask has {request.lesion.shape[1]} x {request.lesion.shape[0]} "
                    f"pixels, the image {request.size} x {request.size}; make them equal"
                )
            check_mask(request.lesion, "lesion")

    def _draw(self, requests: Sequence[ImageRequest]) -> list[torch.Tensor]:
        return [
            torch.stack(part).to(self.device, memory_format=torch.channels_last)
            for part in zip(*map(self._asked, requests), strict=True)
        ]

    def _paint(
        self, requests: Sequence[ImageRequest], drawn: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        mapped, noise = drawn
        with fast_math(self.device):
            painted = self._painter(mapped, noise).float()
        known, kept = (
            torch.stack(part).to(self.device) for part in zip(*map(_known, requests), strict=True)
        )
        return torch.lerp(painted, known, kept)

    def _asked(self, request: ImageRequest) -> tuple[torch.Tensor, torch.Tensor]:
        """Return map and noise of one request: drawn on the CPU, so that no device changes them."""
        skin = self._drawn(self._colouring.skin, request.seed, 2)
        if request.tone is not None:
            skin = skin_of_tone(request.tone)
        elif request.canvas is not None and request.keep is not None:
            skin = request.canvas[~request.keep][0] / 255
        ratio = self._drawn(self._colouring.lesions[request.entity], request.seed, 3)
        mask = request.lesion
        if mask is None:
            mask = any_mask(request.seed, SIZE)
        soft = Image.fromarray(mask.astype(np.uint8) * 255).resize(
            (SIZE, SIZE), Image.Resampling.BOX
        )
        stream = torch.Generator().manual_seed(request.seed)
        noise = noise_of(
            torch.randn(1, SIZE, SIZE, generator=stream),
            torch.randn(1, COARSE_NOISE, COARSE_NOISE, generator=stream),
        )
        mapped = map_of(
            torch.from_numpy(skin)[None].float(),
            torch.from_numpy((skin * ratio).clip(0, 1))[None].float(),
            torch.from_numpy(np.asarray(soft) / 255)[None, None].float(),
            torch.tensor([self.vocabulary.entities.index(request.entity)]),
            len(self.vocabulary.entities),
        )
        return mapped[0], noise[0]

    @staticmethod
    def _drawn(told: tuple[list[float], list[list[float]]], seed: int, stream: int) -> np.ndarray:
        """Draw a colour (3,) whose logarithm has the mean and covariance that are told."""
        mean, spread = map(np.array, told)
        root = np.linalg.cholesky(spread + 1e-8 * np.eye(3))  # unlike an eigenvector, one sign only
        normal = np.random.default_rng((seed, stream)).standard_normal(3).clip(-UNUSUAL, UNUSUAL)
        return np.exp(mean + root @ normal)


def _known(request: ImageRequest) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is known of an image (3, SIZE, SIZE) and what share of each pixel is kept."""
    if request.canvas is None or request.keep is None:
        return torch.zeros(3, SIZE, SIZE), torch.zeros(1, SIZE, SIZE)
    canvas, keep = (
        Image.fromarray(each).resize((SIZE, SIZE), Image.Resampling.BOX)
        for each in (request.canvas, request.keep.astype(np.uint8) * 255)
    )
    known = torch.from_numpy(np.asarray(canvas) / 255).permute(2, 0, 1).float()
    return known, torch.from_numpy(np.asarray(keep) / 255)[None].float()
