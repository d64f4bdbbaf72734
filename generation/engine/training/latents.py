"""Fine-tuning of latent diffusion: what the denoiser of a pipeline of diffusers learns from.

Text encoders and autoencoder stay as they are, so a prompt and a view of an image have to be
encoded only once. Each image has a few views, cut, turned and mirrored at random: an autoencoder
does not commute with turns, so its latents cannot be turned afterwards, and a new crop at each
step would have to be encoded at each step. A view is encoded when it is drawn first; a short run
encodes no more than it uses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    DiffusionPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.training_utils import compute_snr
from peft import LoraConfig

from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.prompts import prompt_of
from generation.engine.training.pixels import LabelledPixels, balanced_weights, crops
from generation.engine.vocabulary import OPEN

PREDICTIONS = ("epsilon", "v_prediction", "sample")
ADAPTED = ["to_q", "to_k", "to_v", "to_out.0"]  # projections of attention that LoRA adapts
MOST_SNR = 5.0  # Hang et al. 2023, "Efficient diffusion training via min-SNR weighting"
ACROSS, SAMPLE_STEPS = 3, 20  # of the sheets that show what is learnt

#: Rows of images, each with the number of its view.
Views = Sequence[tuple[int, int]]


def frame_of(size: int) -> tuple[int, int]:
    """Return width and height in px in which crops of `size` wander: those of the base stage."""
    return 3 * size // 2, 9 * size // 8


@dataclass(eq=False)
class DenoisingStage:
    """What the stages of a pipeline share: they learn to remove noise from latents of images.

    Attributes:
        pipeline: in float32; its denoiser is trained in place.
        data: images in the frame of `size`.
        requests: what is known of each image.
        template: of prompts.
        size: side of the crops, in px.
        lora: rank of the weights that are trained beside the denoiser's; 0 trains its own.
        hide: share of examples without a prompt, for guidance.
        bare: share of the others whose prompt names the entity alone, as most requests do.
    """

    kinds: ClassVar[tuple[Any, ...]]  # that it can train
    beside: ClassVar[int] = 0  # channels that the denoiser sees beside the latent image
    views: ClassVar[int] = 8  # of each image
    mend: ClassVar[str]  # what to do with a pipeline of another kind

    pipeline: DiffusionPipeline
    data: LabelledPixels
    requests: Sequence[ImageRequest]
    template: str
    size: int
    lora: int = 0
    hide: float = 0.1
    bare: float = 0.4
    name: str = ""
    _said: dict[str | None, dict[str, torch.Tensor]] = field(default_factory=dict, init=False)
    _views: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Take over the noise schedule that the pipeline was trained with."""
        self.check(self.pipeline, self.size)
        self._schedule = DDPMScheduler.from_config(self.pipeline.scheduler.config)
        self._chances = balanced_weights(self.data.labels, len(OPEN.entities))

    @classmethod
    def check(cls, pipeline: DiffusionPipeline, size: int) -> None:
        """Refuse a pipeline, or a size, that this stage cannot train.

        Raises:
            GenerationError: it is of another kind; the message says which kinds can be trained.
        """
        kind, scheduler = type(pipeline).__name__, pipeline.scheduler
        if not isinstance(pipeline, cls.kinds) or not isinstance(pipeline.vae, AutoencoderKL):
            raise GenerationError(
                f"a {kind} cannot be fine-tuned here, only a "
                f"{' or '.join(each.__name__ for each in cls.kinds)} with an AutoencoderKL; "
                f"{cls.mend}"
            )
        shown = pipeline.vae.config.latent_channels + cls.beside
        if pipeline.unet.config.in_channels != shown:
            raise GenerationError(
                f"the denoiser sees {pipeline.unet.config.in_channels} channels, not the {shown} "
                f"that a {kind} shows it, as one for inpainting does; {cls.mend}"
            )
        predicted = scheduler.config.get("prediction_type", "epsilon")
        if "beta_schedule" not in scheduler.config or predicted not in PREDICTIONS:
            raise GenerationError(
                f"{type(scheduler).__name__} (prediction '{predicted}') is no diffusion that can "
                f"be fine-tuned here; use a pipeline whose scheduler has betas and predicts "
                f"{', '.join(PREDICTIONS)}"
            )
        if size % pipeline.vae_scale_factor:
            raise GenerationError(
                f"size {size} is no multiple of {pipeline.vae_scale_factor}, as this pipeline "
                f"needs; use {size - size % pipeline.vae_scale_factor or pipeline.vae_scale_factor}"
            )

    def build(self) -> torch.nn.Module:
        """Return the denoiser, with new LoRA weights where they are wanted; once a stage."""
        unet = self.pipeline.unet
        unet.requires_grad_(not self.lora)
        if self.lora:
            unet.add_adapter(LoraConfig(r=self.lora, lora_alpha=self.lora, target_modules=ADAPTED))
        return unet

    def pace(self, parameter: str) -> float:
        """Return 1: all learn at one rate."""
        return 1.0

    def loss(
        self, network: torch.nn.Module, batch: int, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Squared error of what the pipeline's scheduler predicts, weighted by min-SNR."""
        schedule = self._schedule
        drawn = rng.choice(len(self.data), size=batch, p=self._chances)
        views = list(
            zip(drawn.tolist(), rng.integers(self.views, size=batch).tolist(), strict=True)
        )
        prompts = [self._prompt(row, *rng.random(2)) for row in drawn]
        clean = self._latents(views, rng, device)
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32)).to(device)
        times = torch.from_numpy(rng.integers(schedule.config.num_train_timesteps, size=batch))
        times = times.to(device)
        noisy = schedule.add_noise(clean, noise, times)
        shown, told = self._shown(noisy, views, rng)
        predicted = network(
            shown.to(memory_format=torch.channels_last),
            times,
            **told,
            **self._told(prompts, device),
            return_dict=False,
        )[0]
        error = (predicted.float() - self._wanted(clean, noise, times)).square()
        return (self._weight(times) * error.mean(dim=(1, 2, 3))).mean()

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return rows of images that show what is learnt."""
        raise NotImplementedError

    def _shown(
        self, noisy: torch.Tensor, views: Views, rng: np.random.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return what the denoiser sees of noisy latents of views, and what else it is told."""
        return noisy, {}

    def _cut(self, row: int, view: int) -> torch.Tensor:
        """Return a view of an image (1, 3, size, size), the same each time."""
        rng = np.random.default_rng((row, view))
        pixels = self.data.on(torch.device("cpu"))  # where a view is encoded once, and kept
        return crops(pixels, [row], self.size, self._wander(), rng)

    def _wander(self) -> int:
        """Return how far from an image's centre a view may lie, in px."""
        return self.size // 8

    def _prompt(self, row: int, lot: float, other: float) -> str | None:
        """Return the words that an example comes with; None for none."""
        if lot < self.hide:
            return None
        known = self.requests[row]
        told = ImageRequest(entity=known.entity, seed=0) if other < self.bare else known
        return prompt_of(told, self.template)

    @torch.no_grad()
    def _told(self, prompts: Sequence[str | None], device: torch.device) -> dict[str, Any]:
        """Return what tells the denoiser the prompts; each is encoded once, alone."""
        for prompt in set(prompts) - self._said.keys():
            self._said[prompt] = {k: v.cpu() for k, v in self._encoded(prompt, device).items()}
        said = [self._said[prompt] for prompt in prompts]
        joined = {key: torch.cat([each[key] for each in said]).to(device) for key in said[0]}
        told: dict[str, Any] = {"encoder_hidden_states": joined.pop("words")}
        return told | ({"added_cond_kwargs": joined} if joined else {})

    def _encoded(self, prompt: str | None, device: torch.device) -> dict[str, torch.Tensor]:
        """Encode one prompt as sampling does; None is what its guidance leads away from."""
        hidden = prompt is None
        said = self.pipeline.to(device).encode_prompt(
            prompt=[prompt or ""],
            device=device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
        )
        if not isinstance(self.pipeline, StableDiffusionXLPipeline):
            return {"words": said[hidden]}
        # Size wanted, corner of the crop, size given: what sampling says, since crops are views.
        sizes = [self.size, self.size, 0, 0, self.size, self.size]
        return {
            "words": said[hidden],
            "text_embeds": said[2 + hidden],
            "time_ids": torch.tensor([sizes], dtype=torch.float32),
        }

    @torch.no_grad()
    def _latents(
        self, views: Views, rng: np.random.Generator, device: torch.device
    ) -> torch.Tensor:
        """Draw latents (B, 4, h, w) of views of images from what the autoencoder makes of them."""
        vae = self.pipeline.vae
        for view in set(views) - self._views.keys():
            # One by one, so that a run that goes on gets the same bits whatever is left to encode.
            spread = vae.to(device).encode(self._cut(*view).to(device)).latent_dist
            self._views[view] = torch.stack([spread.mean[0], spread.std[0]]).half().cpu()
        mean, std = torch.stack([self._views[each] for each in views], dim=1).float().to(device)
        chance = torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32)).to(device)
        return (mean + std * chance) * vae.config.scaling_factor

    def _wanted(
        self, clean: torch.Tensor, noise: torch.Tensor, times: torch.Tensor
    ) -> torch.Tensor:
        """Return what the denoiser should predict."""
        predicted = self._schedule.config.prediction_type
        if predicted == "epsilon":
            return noise
        if predicted == "sample":
            return clean
        return self._schedule.get_velocity(clean, noise, times)

    def _weight(self, times: torch.Tensor) -> torch.Tensor:
        """Return min-SNR's weights (B,), relative to an error of the clean image."""
        snr = compute_snr(self._schedule, times).clamp(min=1e-8)  # 0 at a zero terminal signal
        least = snr.clamp(max=MOST_SNR)
        predicted = self._schedule.config.prediction_type
        return least / {"epsilon": snr, "sample": 1, "v_prediction": snr + 1}[predicted]


@dataclass(eq=False)
class LatentStage(DenoisingStage):
    """Learns to paint images from noise, told their prompts."""

    kinds: ClassVar = (StableDiffusionPipeline, StableDiffusionXLPipeline)
    mend: ClassVar = "fine-tune it elsewhere, then add it with add_generator, its LoRA with --lora"
    name: str = "denoiser"

    def samples(self, network: torch.nn.Module, device: torch.device) -> list[list[np.ndarray]]:
        """Return a row of images for each entity."""
        pipeline = self.pipeline.to(device)
        rows = []
        for entity in OPEN.entities:
            words = prompt_of(ImageRequest(entity=entity, seed=0), self.template)
            painted = pipeline(
                prompt=[words] * ACROSS,
                generator=[torch.Generator().manual_seed(seed) for seed in range(ACROSS)],
                num_inference_steps=SAMPLE_STEPS,
                height=self.size,
                width=self.size,
                output_type="np",
            ).images
            rows.append(as_bytes(painted))
        return rows


def as_bytes(painted: np.ndarray) -> list[np.ndarray]:
    """Return images (B, H, W, 3), dark 0 to bright 1, one by one as uint8."""
    return list((painted.clip(0, 1) * 255).round().astype(np.uint8))
