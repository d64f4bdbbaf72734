"""The two networks of the cascade, made of diffusers modules, and their noise schedules.

Both work on pixels folded into channels (`pixel_unshuffle`) and paint the clean image: with so
large a fold a network hardly carries the noise through, but it can paint what is under it (Li and
He 2025, "Back to basics: let denoising generative models denoise"). Where there is little noise,
what they see counts, too (`clean_of`).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from torch import nn
from torch.nn.functional import conv2d, interpolate, pad, pixel_shuffle, pixel_unshuffle

from generation.engine.cascade.conditions import Conditions
from generation.engine.vocabulary import Vocabulary

BASE_SIZE = 64
FINE_SIZE = 256
SCALE = FINE_SIZE // BASE_SIZE
BASE_FOLD, FINE_FOLD = 2, 4  # sides in px of the squares that become channels
CHANNELS = (128, 192, 224)  # of the base network
DROPOUT = 0.1  # of it: a rare entity is a hundred images
MOST_NOISE, LEAST_NOISE, BEND = 200.0, 0.02, 5.0  # of the base network's steps
KEPT = 0.01  # about the variance of what a network cannot tell from a noisy image
BRIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue, as JPEG tells them apart
DETAIL, COLOUR = 0.5, 1.0  # px, standard deviations of `soften`


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
        """Paint the clean image (B, 12, 32, 32); `class_labels` are attributes' rows (B, 5)."""
        said = self.conditions(class_labels)
        return self.unet(sample, time, class_labels=said, return_dict=return_dict)


def build_base(vocabulary: Vocabulary) -> BaseNetwork:
    """Return the untrained base network and its conditions."""
    unet = UNet2DModel(
        sample_size=BASE_SIZE // BASE_FOLD,
        in_channels=3 * BASE_FOLD**2,
        out_channels=3 * BASE_FOLD**2,
        layers_per_block=1,
        block_out_channels=CHANNELS,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        dropout=DROPOUT,
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
        sample_size=FINE_SIZE // FINE_FOLD,
        in_channels=2 * 3 * FINE_FOLD**2,
        out_channels=3 * FINE_FOLD**2,
        layers_per_block=1,
        block_out_channels=(96, 128),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        add_attention=False,
        resnet_time_scale_shift="scale_shift",
        class_embed_type="timestep",
    )


@cache
def training_schedule() -> DDPMScheduler:
    """Return the cosine schedule with zero terminal signal (Lin et al. 2024) of both stages."""
    return DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def clean_of(output: torch.Tensor, noisy: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
    """Return the clean image (B, C, h, w): what is seen where little is noise, else `output`.

    A network that paints all of it blurs what it could have kept. As in EDM's preconditioning
    (Karras et al. 2022, eq. 7) the noisy image, brought to scale, counts the more the higher the
    ratio of signal to noise, and is worth as much as `output` where that is 1 / KEPT.

    Args:
        output: (B, C, h, w), of the network.
        noisy: (B, C, h, w), what it saw.
        signal: (B,) or scalar, share of the variance: the schedule's `alphas_cumprod`. A scalar
            may be on the CPU: a GPU takes it without being waited for.
    """
    if signal.ndim:
        signal = signal.view(-1, 1, 1, 1)
    return (KEPT * signal.sqrt() * noisy + (1 - signal) * output) / (1 - signal + KEPT * signal)


def times_of(steps: int) -> list[int]:
    """Return the times of `steps` steps from noise to the image, from 999 down.

    Their noise, over the signal, falls from 200 to 0.02 as Karras et al. (2022, eq. 5) let it. What
    is wide, as the colour of all skin, is decided where noise outweighs the signal a hundred times:
    evenly spaced steps pass there once, and make all images alike and pale.
    """
    low, high = (level ** (1 / BEND) for level in (LEAST_NOISE, MOST_NOISE))
    wanted = np.linspace(high, low, steps) ** BEND
    signal = training_schedule().alphas_cumprod.numpy()[:-1]  # the last holds none
    noise = np.sqrt((1 - signal) / signal)
    times = np.abs(np.log(noise) - np.log(wanted)[:, None]).argmin(axis=1)
    return list(dict.fromkeys([len(signal), *times[1:].tolist()]))


def solver(times: Sequence[int]) -> DPMSolverMultistepScheduler:
    """Return DPM-Solver++ (Lu et al. 2022), second order and deterministic, set to `times`."""
    scheduler = DPMSolverMultistepScheduler.from_config(
        training_schedule().config,
        algorithm_type="dpmsolver++",
    )
    scheduler.set_timesteps(timesteps=list(times))
    return scheduler


def fold(pixels: torch.Tensor, side: int) -> torch.Tensor:
    """Fold squares of pixels into channels: (B, 3, H, W) into (B, 3 side², H / side, W / side)."""
    return pixel_unshuffle(pixels, side)


def unfold(folded: torch.Tensor, side: int) -> torch.Tensor:
    """Undo `fold`."""
    return pixel_shuffle(folded, side)


def enlarge(coarse: torch.Tensor) -> torch.Tensor:
    """Enlarge (B, 3, H, W) four times, smoothly: what the upsampler starts from."""
    return interpolate(coarse, scale_factor=SCALE, mode="bicubic", align_corners=False)


def soften(image: torch.Tensor) -> torch.Tensor:
    """Take from (B, 3, H, W) the grain that the last step leaves: noise of each colour's own.

    What is finest is kept of the brightness alone, a little blurred. A photograph, through the mask
    of a sensor's colours and JPEG, holds hardly more.
    """
    detail, wide = (_blurred(image, width) for width in (DETAIL, COLOUR))
    parts = zip(BRIGHTNESS, (detail - wide).split(1, dim=1), strict=True)
    return wide + sum(weight * part for weight, part in parts)


def _blurred(image: torch.Tensor, width: float) -> torch.Tensor:
    """Blur each channel by a Gaussian of so many px."""
    reach = 3
    bell = torch.exp(-((torch.arange(-reach, reach + 1, device=image.device) / width) ** 2) / 2)
    bell = (bell / bell.sum()).repeat(3, 1, 1, 1)
    padded = pad(image, (reach,) * 4, mode="reflect")
    down = conv2d(padded, bell.transpose(2, 3), groups=3)
    return conv2d(down, bell, groups=3)


def add_noise_level(coarse: torch.Tensor, noise: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Lay noise of `level` (B,) in [0, 1] on the coarse image, keeping its variance."""
    level = level.view(-1, 1, 1, 1)
    return (1 - level**2).sqrt() * coarse + level * noise
