"""`CascadeGenerator`: from requests to images, base stage first, then the upsampler."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DModel

from generation.engine.cascade.files import load_cascade, weights_sha256
from generation.engine.cascade.networks import (
    BASE_SIZE,
    FINE_SIZE,
    add_noise_level,
    enlarge,
    fold,
    solver,
    unfold,
)
from generation.engine.devices import choose_device, compute_dtype, fast_math
from generation.engine.generator import GenerationError, ImageRequest, OnStep

#: From a noisy image and a time to the clean image.
Paint = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

FINE_STEPS = 4
COARSE_NOISE = 0.1  # hides the base stage's flaws from the upsampler (Ho et al. 2022)
# Times of the diffusion, of 1000, at which guidance counts: at high noise it harms, at low noise
# it is hardly needed (Kynkäänniemi et al. 2024, "Applying guidance in a limited interval"), and
# a step without it costs half. These bounds were chosen by eye; see the model card.
GUIDED = (200, 700)


class CascadeGenerator:
    """The built-in kind of generator: attributes or a prompt in, images of 256 px out."""

    licence = "CC-BY-NC-4.0"  # the built-in weights were trained on images under it
    # Every call is padded to it: otherwise the same seed gives other pixels in other company.
    compute_batch = 8

    def __init__(self, name: str, directory: Path, device: str = "auto") -> None:
        """Load the weights in `directory`.

        Raises:
            GenerationError: there is no cascade, or no such device.
        """
        self.name = name
        self.device = choose_device(device)
        base, upsampler = load_cascade(directory)
        self._base, self._upsampler = (
            network.to(self.device, memory_format=torch.channels_last)
            for network in (base.unet, upsampler)
        )
        self._conditions = base.conditions.to(self.device)
        self.vocabulary = base.conditions.vocabulary
        self.entities = self.vocabulary.entities
        self.controls = self.vocabulary.controls
        self._weights = weights_sha256(directory)
        settings = json.dumps(self.settings(), sort_keys=True)
        self.revision = hashlib.sha256(settings.encode()).hexdigest()[:16]

    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels."""
        return {
            "weights": self._weights,
            "solver": "dpmsolver++ 2M",
            "fine_steps": FINE_STEPS,
            "coarse_noise": COARSE_NOISE,
            "guided": GUIDED,
            "compute_batch": self.compute_batch,
            "device": self.device.type,
            "dtype": str(compute_dtype(self.device)).removeprefix("torch."),
            "torch": torch.__version__.split("+")[0],
        }

    @torch.inference_mode()
    def generate(
        self, requests: Sequence[ImageRequest], on_step: OnStep | None = None
    ) -> list[np.ndarray]:
        """Make one (256, 256, 3) uint8 image a request; see `Generator`.

        Raises:
            GenerationError: an unknown entity, a control or a size that is not honoured, a
                prompt that says something else than the request, or requests whose steps differ.
        """
        for request in requests:
            self.vocabulary.check(request)
        if odd := {request.size for request in requests} - {FINE_SIZE}:
            raise GenerationError(f"'{self.name}' makes images of {FINE_SIZE} px, not {odd.pop()}")
        if len({request.steps for request in requests}) > 1:
            raise GenerationError("all requests of one call need the same steps; split the call")
        images: list[np.ndarray] = []
        for first in range(0, len(requests), self.compute_batch):
            images += self._compute(requests[first : first + self.compute_batch])
            if on_step:
                on_step(len(images), len(requests))
        return images

    def _compute(self, requests: Sequence[ImageRequest]) -> list[np.ndarray]:
        padded = [*requests, *[requests[-1]] * (self.compute_batch - len(requests))]
        streams = [torch.Generator().manual_seed(request.seed) for request in padded]
        coarse = self._paint_coarse(padded, self._noise(streams, BASE_SIZE))
        veil = self._noise(streams, BASE_SIZE)
        fine = self._paint_fine(coarse, veil, self._noise(streams, FINE_SIZE))
        pixels = ((fine.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return list(pixels.permute(0, 2, 3, 1).cpu().numpy()[: len(requests)])

    def _noise(self, streams: Sequence[torch.Generator], size: int) -> torch.Tensor:
        """Draw on the CPU in float32, so that no device or dtype changes the noise."""
        drawn = [torch.randn(3, size, size, generator=stream) for stream in streams]
        return torch.stack(drawn).to(self.device)

    def _paint_coarse(self, requests: Sequence[ImageRequest], noise: torch.Tensor) -> torch.Tensor:
        """Paint (B, 3, 64, 64) with classifier-free guidance (Ho and Salimans 2022, eq. 6)."""
        given = torch.stack([self._condition(request) for request in requests])
        both = torch.cat([given, self._nothing().expand_as(given)])
        guidance = torch.tensor([request.guidance for request in requests], device=self.device)
        guidance = guidance.view(-1, 1, 1, 1)

        def paint(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            if not GUIDED[0] <= time <= GUIDED[1]:
                return self._run(self._base, noisy, time, given)
            asked, free = self._run(self._base, torch.cat([noisy, noisy]), time, both).chunk(2)
            return free + guidance * (asked - free)

        return unfold(self._solve(solver(requests[0].steps), fold(noise), paint))

    def _condition(self, request: ImageRequest) -> torch.Tensor:
        """Return what a request conditions the base network by (width,): its words, or attributes.

        Each is computed alone, so that it does not depend on its company.
        """
        if request.prompt is None:
            rows = torch.tensor([self.vocabulary.rows(request)], device=self.device)
            return self._conditions(rows)[0]
        tokens = self.vocabulary.tokens(request.prompt)
        return self._conditions.read(torch.tensor([tokens], device=self.device))[0]

    def _nothing(self) -> torch.Tensor:
        """Return what conditions an image of which nothing is asked (1, width)."""
        sizes = self.vocabulary.sizes()
        return self._conditions(torch.zeros(1, len(sizes), dtype=torch.long, device=self.device))

    def _paint_fine(
        self, coarse: torch.Tensor, veil: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Paint (B, 3, 256, 256) over the coarse image, which is veiled by a little noise."""
        level = torch.full((len(coarse),), COARSE_NOISE, device=self.device)
        seen = fold(enlarge(add_noise_level(coarse.clamp(-1, 1), veil, level)))

        def paint(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            return self._run(self._upsampler, torch.cat([noisy, seen], dim=1), time, 1000 * level)

        return unfold(self._solve(solver(FINE_STEPS), fold(noise), paint))

    def _run(
        self, network: UNet2DModel, sample: torch.Tensor, time: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        with fast_math(self.device):
            painted = network(
                sample.to(memory_format=torch.channels_last),
                time.to(self.device),
                class_labels=labels,
                return_dict=False,
            )[0]
        return painted.float()

    @staticmethod
    def _solve(
        scheduler: DPMSolverMultistepScheduler, sample: torch.Tensor, paint: Paint
    ) -> torch.Tensor:
        sample = sample * scheduler.init_noise_sigma
        for time in scheduler.timesteps:
            sample = scheduler.step(paint(sample, time), time, sample, return_dict=False)[0]
        return sample
