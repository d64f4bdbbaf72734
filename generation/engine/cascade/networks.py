"""The two networks of the cascade, made of diffusers modules, and their noise schedules.

Both work on pixels folded into channels (`pixel_unshuffle`) and paint the clean image: with so
large a fold a network hardly carries the noise through, but it can paint what is under it (Li and
He 2025, "Back to basics: let denoising generative models denoise"). Where there is little noise,
what they see counts, too (`clean_of`).
"""

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle

from generation.engine.cascade.conditions import Conditions
from generation.engine.vocabulary import Vocabulary

BASE_SIZE = 64
FINE_SIZE = 256
SCALE = FINE_SIZE // BASE_SIZE
FOLD = 4
FOLDED = 3 * FOLD**2
CHANNELS = (192, 256)  # of the base network
SPACING = 1.5  # of the solver's steps; 1 is even
KEPT = 0.01  # about the variance of what a network cannot tell from a noisy image


class BaseNetwork(nn.Module):
    """The base network with what conditions it; called as its parts of diffusers are."""

    def __init__(self, unet: UNet2DModel, conditions: Conditions) -> None:
        """Join both."""
        super().__init__()
        self.unet, self.conditions = unet, conditions

    def forward(
        self,
        sample: torch.Tensor,
        time: torch.Tensor,
        class_labels: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """Paint the clean image (B, 48, 16, 16); `class_labels` are attributes' rows (B, 5)."""
        said = self.conditions(class_labels)
        return self.unet(sample, time, class_labels=said, return_dict=return_dict)


def build_base(vocabulary: Vocabulary) -> BaseNetwork:
    """Return the untrained base network and its conditions."""
    unet = UNet2DModel(
        sample_size=BASE_SIZE // FOLD,
        in_channels=FOLDED,
        out_channels=FOLDED,
        layers_per_block=1,
        block_out_channels=CHANNELS,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=32,
        resnet_time_scale_shift="scale_shift",
        class_embed_type="identity",
    )
    conditions = Conditions(
        vocabulary.entities, vocabulary.sites, vocabulary.attributes, width=4 * CHANNELS[0]
    )
    return BaseNetwork(unet, conditions)


def build_upsampler() -> UNet2DModel:
    """Return the untrained upsampler: sees the noisy image and the coarse one, enlarged.

    It has no attention, so it can be trained on crops and run on whole images. The "class" is
    the level of noise laid on the coarse image (Ho et al. 2022, "Cascaded diffusion models").
    """
    return UNet2DModel(
        sample_size=FINE_SIZE // FOLD,
        in_channels=2 * FOLDED,
        out_channels=FOLDED,
        layers_per_block=1,
        block_out_channels=(96, 128),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        add_attention=False,
        resnet_time_scale_shift="scale_shift",
        class_embed_type="timestep",
    )


def training_schedule() -> DDPMScheduler:
    """Return the cosine schedule with zero terminal signal (Lin et al. 2024) of both stages."""
    return DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def clean_of(output: torch.Tensor, noisy: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
    """Return the clean image (B, 48, h, w): what is seen where little is noise, else `output`.

    A network that paints all of it blurs what it could have kept. As in EDM's preconditioning
    (Karras et al. 2022, eq. 7) the noisy image, brought to scale, counts the more the higher the
    ratio of signal to noise, and is worth as much as `output` where that is 1 / KEPT.

    Args:
        output: (B, 48, h, w), of the network.
        noisy: (B, 48, h, w), what it saw.
        signal: (B,) or scalar, share of the variance: the schedule's `alphas_cumprod`.
    """
    signal = signal.to(noisy.device).view(-1, 1, 1, 1)
    return (KEPT * signal.sqrt() * noisy + (1 - signal) * output) / (1 - signal + KEPT * signal)


def solver(steps: int) -> DPMSolverMultistepScheduler:
    """Return DPM-Solver++ (Lu et al. 2022), second order and deterministic, set to `steps`.

    The steps lie closer together where there is little noise left: fine details are decided there,
    and evenly spaced steps would end before they are.
    """
    scheduler = DPMSolverMultistepScheduler.from_config(
        training_schedule().config,
        algorithm_type="dpmsolver++",
        thresholding=True,  # guidance pushes colours out of range; clipping them alone saturates
        sample_max_value=1.0,
    )
    last = scheduler.config.num_train_timesteps - 1
    times = (last * np.linspace(1, 0, steps, endpoint=False) ** SPACING).round().astype(int)
    scheduler.set_timesteps(timesteps=list(dict.fromkeys(times.tolist())))
    return scheduler


def fold(pixels: torch.Tensor) -> torch.Tensor:
    """Fold (B, 3, H, W) into (B, 48, H / 4, W / 4)."""
    return pixel_unshuffle(pixels, FOLD)


def unfold(folded: torch.Tensor) -> torch.Tensor:
    """Undo `fold`."""
    return pixel_shuffle(folded, FOLD)


def enlarge(coarse: torch.Tensor) -> torch.Tensor:
    """Enlarge (B, 3, H, W) four times, smoothly: what the upsampler starts from."""
    return interpolate(coarse, scale_factor=SCALE, mode="bicubic", align_corners=False)


def add_noise_level(coarse: torch.Tensor, noise: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Lay noise of `level` (B,) in [0, 1] on the coarse image, keeping its variance."""
    level = level.view(-1, 1, 1, 1)
    return (1 - level**2).sqrt() * coarse + level * noise
