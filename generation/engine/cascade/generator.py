"""`CascadeGenerator`: from requests to images, base stage first, then the upsampler."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DModel
from torch.nn.functional import avg_pool2d

from generation.engine.batched import TRIAL_STEPS, BatchedGenerator
from generation.engine.cascade.files import load_cascade, origin_of, weights_sha256
from generation.engine.cascade.networks import (
    BASE_FOLD,
    BASE_SIZE,
    BEND,
    COLOUR,
    DETAIL,
    FINE_FOLD,
    FINE_SIZE,
    LEAST_NOISE,
    MOST_NOISE,
    SCALE,
    add_noise_level,
    clean_of,
    enlarge,
    fold,
    soften,
    solver,
    times_of,
    unfold,
)
from generation.engine.compiling import compile_network
from generation.engine.devices import compute_dtype, fast_math, hold_weights
from generation.engine.generator import GenerationError, ImageRequest

#: From a noisy image and a time to the clean image.
Paint = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: Clean images (B, C, h, w), folded, and where they are known.
Known = tuple[torch.Tensor, torch.Tensor]

# What is wide, the coarse image tells already. The last is near the image: what a step paints from
# noise is the mean of all that may be under it, and has no texture that the noise drowned.
FINE_TIMES = (999, 774, 566, 379, 215, 81, 30, 8)
TILE_STEP = 48  # px of the coarse image between tiles of 64
COARSE_NOISE = 0.05  # hides the base stage's flaws from the upsampler (Ho et al. 2022)
# Times of the diffusion, of 1000, at which guidance counts: at the highest noise it harms, at low
# noise it is hardly needed (Kynkäänniemi et al. 2024, "Applying guidance in a limited interval"),
# and a step without it costs half.
GUIDED = (300, 985)

#: Rows and columns of an image.
Tile = tuple[slice, slice]
_ramp = (torch.arange(FINE_SIZE) + 1).minimum(FINE_SIZE - torch.arange(FINE_SIZE))
_ramp = (_ramp / (SCALE * (BASE_SIZE - TILE_STEP))).clamp(max=1)
TILE_WEIGHT = _ramp[:, None] * _ramp  # of a tile's pixels, falling where it overlaps others

#: Images painted at once, by kind of device. With 64 an H200 does 3 % of what it could.
COMPUTE_BATCH = {"cpu": 8, "cuda": 256}


class CascadeGenerator(BatchedGenerator):
    """The built-in kind of generator: attributes or a prompt in, images of 256 px out."""

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
            GenerationError: there is no cascade, or no such device.
        """
        super().__init__(
            name, device=device, compute_batch=compute_batch, usual=COMPUTE_BATCH, compiled=compiled
        )
        base, upsampler = load_cascade(directory)
        self._base, self._upsampler = (
            network.to(self.device, memory_format=torch.channels_last)
            for network in (base.unet, upsampler)
        )
        for network in (self._base, self._upsampler):
            hold_weights(network, self.device)
        if compiled:
            compile_network(self._base)
            compile_network(self._upsampler)
        self._conditions = base.conditions.to(self.device)
        self.vocabulary = base.conditions.vocabulary
        self._weights, self._origin = weights_sha256(directory), origin_of(directory)
        self.licence = self._origin.licence
        self._drawers = ThreadPoolExecutor(os.cpu_count())  # or a GPU waits for its noise
        self._said: dict[ImageRequest, torch.Tensor] = {}

    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels, and where the weights come from."""
        return {
            "weights": self._weights,
            "trained_on": list(self._origin.trained_on),
            "solver": "dpmsolver++ 2M",
            "noise": (MOST_NOISE, LEAST_NOISE, BEND),
            "fine_times": FINE_TIMES,
            "coarse_noise": COARSE_NOISE,
            "softened": (DETAIL, COLOUR),
            "guided": GUIDED,
            "dtype": str(compute_dtype(self.device)).removeprefix("torch."),
            **super().settings(),
        }

    def _check(self, requests: Sequence[ImageRequest]) -> None:
        super()._check(requests)
        if odd := {request.size for request in requests} - {FINE_SIZE}:
            raise GenerationError(f"'{self.name}' makes images of {FINE_SIZE} px, not {odd.pop()}")
        if len({request.steps for request in requests}) > 1:
            raise GenerationError("all requests of one call need the same steps; split the call")

    def _probe(self) -> None:
        trial = self._trial()
        self._paint(trial, self._draw(trial), FINE_TIMES[:TRIAL_STEPS])

    def _paint(
        self,
        requests: Sequence[ImageRequest],
        drawn: Sequence[torch.Tensor],
        fine_times: Sequence[int] = FINE_TIMES,
    ) -> torch.Tensor:
        noise, veil, fine_noise = drawn
        coarse_known, fine_known = self._known(requests)
        coarse = self._paint_coarse(requests, noise, coarse_known)
        return (self._paint_fine(coarse, veil, fine_noise, fine_times, fine_known) + 1) / 2

    def _draw(self, requests: Sequence[ImageRequest]) -> list[torch.Tensor]:
        """Draw the noise of both stages and of the veil between: on the CPU in float32.

        So no device or dtype changes it. Each image's is drawn where it is copied from.
        """
        pinned = self.device.type == "cuda"
        drawn = [
            torch.empty(len(requests), 3, side, side, pin_memory=pinned)
            for side in (BASE_SIZE, BASE_SIZE, FINE_SIZE)
        ]

        @torch.inference_mode()
        def draw(k: int) -> None:
            stream = torch.Generator().manual_seed(requests[k].seed)
            for each in drawn:
                each[k].normal_(generator=stream)

        list(self._drawers.map(draw, range(len(requests))))
        return [each.to(self.device, non_blocking=True) for each in drawn]

    def _known(self, requests: Sequence[ImageRequest]) -> tuple[Known | None, Known | None]:
        """Return what both stages know of the images: of the coarse one, what is kept wholly."""
        if all(request.canvas is None for request in requests):
            return None, None
        canvases = np.zeros((len(requests), FINE_SIZE, FINE_SIZE, 3), np.uint8)
        keeps = np.zeros((len(requests), 1, FINE_SIZE, FINE_SIZE), bool)
        for k, request in enumerate(requests):
            if request.canvas is not None and request.keep is not None:
                canvases[k], keeps[k, 0] = request.canvas, request.keep
        canvas = torch.from_numpy(canvases).permute(0, 3, 1, 2).float() / 127.5 - 1
        keep = torch.from_numpy(keeps).expand_as(canvas)
        coarse, kept = (avg_pool2d(each, SCALE) for each in (canvas, keep.float()))
        return tuple(
            (fold(clean, side).to(self.device), fold(where, side).to(self.device))
            for clean, where, side in (
                (coarse, kept == 1, BASE_FOLD),
                (canvas, keep, FINE_FOLD),
            )
        )  # type: ignore[return-value]

    def _paint_coarse(
        self, requests: Sequence[ImageRequest], noise: torch.Tensor, known: Known | None
    ) -> torch.Tensor:
        """Paint (B, 3, 64, 64) with classifier-free guidance (Ho and Salimans 2022, eq. 6)."""
        given = torch.stack([self._condition(request) for request in requests])
        nothing = self._nothing().repeat(len(given), 1)  # laid out as `given`, or compiled twice
        guidance = torch.tensor([request.guidance for request in requests])
        guidance = guidance.to(self.device, non_blocking=True).view(-1, 1, 1, 1)
        unguided = all(request.guidance == 1 for request in requests)

        def paint(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            asked = self._run(self._base, noisy, time, given)
            if unguided or not GUIDED[0] <= time <= GUIDED[1]:
                return asked
            # Not in one call: an image without guidance is to come out the same beside others.
            free = self._run(self._base, noisy, time, nothing)
            return torch.where(guidance == 1, asked, free + guidance * (asked - free))

        sample = fold(noise, BASE_FOLD)
        assert requests[0].steps is not None  # it is settled
        scheduler = solver(times_of(requests[0].steps))
        return unfold(self._solve(scheduler, sample, paint, known), BASE_FOLD)

    def _condition(self, request: ImageRequest) -> torch.Tensor:
        """Return what a request conditions the base network by (width,): its words, or attributes.

        Each is computed alone, so that it does not depend on its company, and once.
        """
        said = replace(request, seed=0, canvas=None, keep=None, guidance=None)
        if said not in self._said:
            if request.prompt is None:
                rows = torch.tensor([self.vocabulary.rows(request)], device=self.device)
                self._said[said] = self._conditions(rows)[0]
            else:
                tokens = torch.tensor([self.vocabulary.tokens(request.prompt)], device=self.device)
                self._said[said] = self._conditions.read(tokens)[0]
        return self._said[said]

    def _nothing(self) -> torch.Tensor:
        """Return what conditions an image of which nothing is asked (1, width)."""
        sizes = self.vocabulary.sizes()
        return self._conditions(torch.zeros(1, len(sizes), dtype=torch.long, device=self.device))

    def _paint_fine(
        self,
        coarse: torch.Tensor,
        veil: torch.Tensor,
        noise: torch.Tensor,
        times: Sequence[int],
        known: Known | None,
    ) -> torch.Tensor:
        """Paint (B, 3, 256, 256) over the coarse image, which is veiled by a little noise."""
        level = torch.full((len(coarse),), COARSE_NOISE, device=self.device)
        seen = fold(enlarge(add_noise_level(coarse.clamp(-1, 1), veil, level)), FINE_FOLD)

        def paint(noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            return self._run(self._upsampler, torch.cat([noisy, seen], dim=1), time, 1000 * level)

        sample = fold(noise, FINE_FOLD)
        painted = soften(unfold(self._solve(solver(times), sample, paint, known), FINE_FOLD))
        if known:
            clean, where = (unfold(each, FINE_FOLD) for each in known)
            painted = torch.where(where, clean, painted)
        return painted

    @torch.inference_mode()
    def magnify(self, image: np.ndarray, where: np.ndarray, seed: int) -> np.ndarray:
        """Paint an image four times as large by the upsampler alone, tile by tile; see `Magnifier`.

        The tiles overlap and share one field of noise, so that they agree where they meet. The
        image they were painted from is what they are when made small again.

        Raises:
            GenerationError: memory ran out.
        """
        coarse = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
        fine, weights = (torch.zeros(1, n, *(SCALE * len(image),) * 2) for n in (3, 1))
        stream = torch.Generator().manual_seed(seed)
        veil, noise = (torch.randn(each.shape, generator=stream) for each in (coarse, fine))
        firsts = sorted({min(k, len(image) - BASE_SIZE) for k in range(0, len(image), TILE_STEP)})
        tiles = [
            (slice(top, top + BASE_SIZE), slice(left, left + BASE_SIZE))
            for top in firsts
            for left in firsts
            if where[top : top + BASE_SIZE, left : left + BASE_SIZE].any()
        ]
        for first in range(0, len(tiles), self.compute_batch):
            part = tiles[first : first + self.compute_batch]
            padded = [*part, *[part[-1]] * (self.compute_batch - len(part))]
            seen, veils = (_cut(each, padded).to(self.device) for each in (coarse, veil))
            drawn = _cut(noise, [_enlarged(tile) for tile in padded]).to(self.device)
            with self._failures_told():
                painted = self._paint_fine(seen, veils, drawn, FINE_TIMES, None).cpu()
            for tile, each in zip(map(_enlarged, part), painted, strict=False):
                fine[(..., *tile)] += each * TILE_WEIGHT
                weights[(..., *tile)] += TILE_WEIGHT
        fine /= weights.clamp(min=1e-9)
        fine += enlarge(coarse - avg_pool2d(fine, SCALE))
        pixels = ((fine[0] + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
        return pixels.permute(1, 2, 0).contiguous().numpy()

    def _run(
        self, network: UNet2DModel, sample: torch.Tensor, time: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        with fast_math(self.device):
            output = network(
                sample.to(memory_format=torch.channels_last),
                torch.full((), int(time), device=self.device),  # a copy would wait for a GPU
                class_labels=labels,
                return_dict=False,
            )[0]
        return output.float()

    @staticmethod
    def _solve(
        scheduler: DPMSolverMultistepScheduler,
        sample: torch.Tensor,
        paint: Paint,
        known: Known | None,
    ) -> torch.Tensor:
        """Go from noise to the clean image, whose known part is set anew at each step.

        So the rest is painted to go with it (as `denoised_fn` of GLIDE, Nichol et al. 2022).
        """
        sample = sample * scheduler.init_noise_sigma
        for time in scheduler.timesteps:
            painted = clean_of(paint(sample, time), sample, scheduler.alphas_cumprod[time])
            painted = painted.clamp(-1, 1)  # which guidance leaves
            if known:
                painted = torch.where(known[1], known[0], painted)
            sample = scheduler.step(painted, time, sample, return_dict=False)[0]
        return sample


def _enlarged(tile: Tile) -> Tile:
    """Return where a tile of the coarse image lies in the fine one."""
    rows, columns = (slice(SCALE * part.start, SCALE * part.stop) for part in tile)
    return rows, columns


def _cut(image: torch.Tensor, tiles: Sequence[Tile]) -> torch.Tensor:
    """Return tiles (n, 3, h, w) of an image (1, 3, H, W)."""
    return torch.cat([image[(..., *tile)] for tile in tiles])
