"""A cascade of the fewest layers, made here: paints noise, and is compiled in seconds."""

from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import UNet2DModel

from generation.engine.cascade.conditions import Conditions
from generation.engine.cascade.files import WeightsOrigin, save_cascade
from generation.engine.cascade.networks import (
    BASE_FOLD,
    BASE_SIZE,
    FINE_FOLD,
    FINE_SIZE,
    BaseNetwork,
)

WIDTH = 16


def save_tiny_cascade(
    folder: Path,
    entities: tuple[str, ...] = ("mel", "nv"),
    guidance: Mapping[str, float] | None = None,
) -> Path:
    """Write a whole cascade of `entities` into `folder`; random weights."""
    torch.manual_seed(0)
    common = {
        "layers_per_block": 1,
        "block_out_channels": (WIDTH,),
        "down_block_types": ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",),
        "add_attention": False,
        "norm_num_groups": 4,
        "resnet_time_scale_shift": "scale_shift",
    }
    unet = UNet2DModel(
        sample_size=BASE_SIZE // BASE_FOLD,
        in_channels=3 * BASE_FOLD**2,
        out_channels=3 * BASE_FOLD**2,
        class_embed_type="identity",
        **common,
    )
    upsampler = UNet2DModel(
        sample_size=FINE_SIZE // FINE_FOLD,
        in_channels=2 * 3 * FINE_FOLD**2,
        out_channels=3 * FINE_FOLD**2,
        class_embed_type="timestep",
        **common,
    )
    conditions = Conditions(
        entities, ("back",), ("sex", "age", "site"), width=4 * WIDTH, guidance=guidance
    )
    save_cascade(
        folder,
        BaseNetwork(unet, conditions),
        upsampler,
        "card",
        WeightsOrigin(("none",), "CC0-1.0"),
    )
    return folder
