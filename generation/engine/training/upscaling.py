"""Fine-tuning of a Stable Diffusion x4 upscaler: what its denoiser learns from.

It sees the noisy latents of a crop beside the crop shrunk to a quarter of its side, which is
noised at a level that it is told, as when it enlarges what a first stage painted. Both networks
learn from crops alone: they are convolutional, and run on whole images.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from diffusers import StableDiffusionUpscalePipeline

from generation.engine.training.latents import SAMPLE_STEPS, DenoisingStage, Views, as_bytes
from generation.engine.training.pixels import coarse_of
from generation.engine.upscaling import NOISE_LEVEL, SCALE

LARGEST_CROP = 256  # px: the denoiser computes as much as Stable Diffusion's does at 512 px
ACROSS = 6  # of the sheets that show what is learnt


def fine_frame(size: int) -> tuple[int, int]:
    """Return width and height in px of what a first stage's image of `size` px is enlarged to.

    Smaller images hold no texture that could be learnt from.
    """
    return 4 * SCALE * size // 3, SCALE * size


def crop_of(size: int) -> int:
    """Return the side in px of the crops that are learnt from, for a first stage of `size` px."""
    return min(LARGEST_CROP, SCALE * size)


@dataclass(eq=False)
class UpscalerStage(DenoisingStage):
    """Learns to paint crops of fine images whose coarse version it sees, more or less noisy."""

    kinds: ClassVar = (StableDiffusionUpscalePipeline,)
    beside: ClassVar = 3
    views: ClassVar = 32  # a crop is a small part of its image
    mend: ClassVar = "leave the upscaler as it is, with --fine-images 0"
    name: str = "upscaler"

    @property
    def most_noise(self) -> int:
        """Highest level of the noise on what is enlarged."""
        return self.pipeline.config.max_noise_level

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return rows of what it sees, what it paints over that, and what was there."""
        rng = np.random.default_rng(0)
        rows = rng.integers(len(self.data), size=ACROSS).tolist()
        fine = torch.cat([self._cut(row, view) for view, row in enumerate(rows)])
        coarse = coarse_of(fine, SCALE)
        pipeline = self.pipeline.to(device)
        painted = pipeline(
            prompt=[self._prompt(row, 1.0, 1.0) for row in rows],
            image=(coarse + 1) / 2,
            generator=[torch.Generator().manual_seed(seed) for seed in range(ACROSS)],
            num_inference_steps=SAMPLE_STEPS,
            noise_level=NOISE_LEVEL[type(pipeline).__name__],
            output_type="np",
        ).images
        seen = coarse.repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3)
        there = [(each.permute(0, 2, 3, 1).numpy() + 1) / 2 for each in (seen, fine)]
        return [as_bytes(each) for each in (there[0], painted, there[1])]

    def _shown(
        self, noisy: torch.Tensor, views: Views, rng: np.random.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return noisy latents beside coarse images, with the levels of the noise on these."""
        coarse = coarse_of(torch.cat([self._cut(*view) for view in views]), SCALE)
        noise = torch.from_numpy(rng.standard_normal(coarse.shape, dtype=np.float32))
        levels = torch.from_numpy(rng.integers(self.most_noise + 1, size=len(coarse)))
        veiled = self.pipeline.low_res_scheduler.add_noise(coarse, noise, levels)
        beside = veiled.to(noisy.device)
        return torch.cat([noisy, beside], dim=1), {"class_labels": levels.to(noisy.device)}

    def _wander(self) -> int:
        """Return more than any image allows: a view may lie anywhere."""
        return max(self.data.pixels.shape)
