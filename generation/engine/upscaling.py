"""`Upscaler`: the second stage of a pipeline, which paints four times as large what the first did.

It is a Stable Diffusion x4 upscaler, or the second stage of DeepFloyd IF behind the first.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, StableDiffusionUpscalePipeline

from generation.engine.embeddings import Embeddings, check_length
from generation.engine.generator import GenerationError
from generation.engine.loading import files_sha256, load_upscaler, local_folder, speed_up
from generation.engine.recipe import PipelineRecipe

SCALE = 4
# What diffusers takes unless it is told otherwise, but for the 75 steps of Stable Diffusion's: its
# solver draws no noise, and does with fewer. The level is of the noise that hides the first
# stage's flaws (Ho et al. 2022, "Cascaded diffusion models", section 4.2).
STEPS = {"StableDiffusionUpscalePipeline": 20, "IFSuperResolutionPipeline": 50}
NOISE_LEVEL = {"StableDiffusionUpscalePipeline": 20, "IFSuperResolutionPipeline": 250}


class DrawnNoise(DDPMScheduler):
    """Noises images in float32 with what was drawn for them, instead of what it is given.

    That a pipeline draws in its number format: the same noise, rounded, in most shapes only.
    """

    drawn: torch.Tensor

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """See `DDPMScheduler`."""
        return super().add_noise(original_samples.float(), self.drawn, timesteps).to(noise)


class Upscaler:
    """Enlarges images to four times their side, told the prompts by which they were painted."""

    def __init__(
        self,
        recipe: PipelineRecipe,
        first: Embeddings | None,
        *,
        dtype: torch.dtype,
        device: torch.device,
        compiled: bool,
    ) -> None:
        """Load the upscaler of `recipe`.

        Args:
            recipe: of the whole generator.
            first: prompts as the first stage's text encoder reads them.
            dtype: to compute in.
            device: to compute on.
            compiled: whether its networks are compiled.

        Raises:
            GenerationError: it is not there, of another kind, broken, or does not go with the
                first stage.
        """
        folder, lora = local_folder(recipe.upscaler), recipe.upscaler_lora
        self._pipeline = load_upscaler(folder, lora, dtype).to(device)
        self._kind, self._dtype = type(self._pipeline).__name__, dtype
        if isinstance(self._pipeline, StableDiffusionUpscalePipeline):
            _check_fit(self._pipeline.vae_scale_factor, recipe.size)
            self._embeddings = Embeddings(self._pipeline, recipe.negative)
            self._veil = DrawnNoise.from_config(self._pipeline.low_res_scheduler.config)
            self._pipeline.low_res_scheduler = self._veil
        else:
            if first is None or first.kind != "IFPipeline":
                raise GenerationError(
                    f"{folder}: is the second stage of DeepFloyd IF and reads prompts as the first "
                    "one's text encoder does; put it behind an IFPipeline"
                )
            self._embeddings = first
            self._veil = DrawnNoise.from_config(self._pipeline.image_noising_scheduler.config)
            self._pipeline.image_noising_scheduler = self._veil
        speed_up(self._pipeline, compiled)
        self._weights = files_sha256([folder, *([Path(lora)] if lora else [])])

    def settings(self) -> dict[str, object]:
        """Everything that decides pixels beside what it is given, what is left out among it."""
        return {
            "pipeline": self._kind,
            "weights": self._weights,
            "scheduler": type(self._pipeline.scheduler).__name__,
            "steps": STEPS[self._kind],
            "noise_level": NOISE_LEVEL[self._kind],
            "safety_checker": "none",
            "watermark": "none",
        }

    def check_length(self, prompt: str) -> None:
        """Refuse a prompt of which the upscaler would cut the end off; see `embeddings`."""
        check_length(self._pipeline, prompt)

    def enlarge(
        self,
        coarse: torch.Tensor,
        prompts: Sequence[str],
        seeds: Sequence[int],
        guidance: float,
        most_steps: int | None = None,
    ) -> torch.Tensor:
        """Paint (B, 3, 4 h, 4 w) over `coarse` (B, 3, h, w); dark 0 to bright 1, float32.

        Args:
            coarse: what the first stage painted.
            prompts: of each image.
            seeds: of each image; they alone decide its noise.
            guidance: scale of classifier-free guidance.
            most_steps: fewer than usual, for a trial.
        """
        # Apart from the first stage's streams, of which its number format decides what is left.
        streams = [torch.Generator().manual_seed(_own(seed)) for seed in seeds]
        steps = STEPS[self._kind]
        asked: dict[str, Any] = {
            **self._embeddings.of(prompts),
            "generator": streams,
            "num_inference_steps": min(steps, most_steps or steps),
            "guidance_scale": guidance,
            "noise_level": NOISE_LEVEL[self._kind],
        }
        height, width = coarse.shape[2:]
        if isinstance(self._pipeline, StableDiffusionUpscalePipeline):
            self._veil.drawn = self._noise(streams, 3, height, width)
            channels = self._pipeline.vae.config.latent_channels
            latents = self._noise(streams, channels, height, width).to(self._dtype)
            painted = self._pipeline(**asked, image=coarse, latents=latents, output_type="pt")
            return painted.images.float()
        size = {"height": SCALE * height, "width": SCALE * width}
        self._veil.drawn = self._noise(streams, 3, **size)
        begun = self._noise(streams, 3, **size) * self._pipeline.scheduler.init_noise_sigma
        # It takes no latents, but begins from what this method of its own returns.
        self._pipeline.prepare_intermediate_images = lambda *_: begun.to(self._dtype)
        painted = self._pipeline(**asked, **size, image=2 * coarse - 1, output_type="pt").images
        return (painted.float() + 1) / 2

    def _noise(
        self, streams: Sequence[torch.Generator], channels: int, height: int, width: int
    ) -> torch.Tensor:
        """Draw (B, channels, height, width) in float32, so that no dtype changes the noise."""
        drawn = [torch.randn(channels, height, width, generator=stream) for stream in streams]
        return torch.stack(drawn).to(self._pipeline.device)


def _check_fit(factor: int, size: int) -> None:
    """Refuse an autoencoder that enlarges by another number, and a size that it would cut."""
    if factor != SCALE:
        raise GenerationError(
            f"the upscaler's autoencoder enlarges {factor} times, not {SCALE}; use one for x{SCALE}"
        )
    if size % factor:
        raise GenerationError(
            f"size {size} is no multiple of {factor}, as the upscaler needs; use "
            f"{size - size % factor or factor}"
        )


def _own(seed: int) -> int:
    """Return the seed of the second stage's noise: another than the first one's."""
    return int.from_bytes(hashlib.sha256(f"upscaler|{seed}".encode()).digest()[:8], "big") >> 1
