"""Upscalers of a few thousand random weights, saved as real ones are."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    IFSuperResolutionPipeline,
    StableDiffusionUpscalePipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextModel

from tests.generation.tiny_kinds import floyd_unet
from tests.generation.tiny_pipeline import autoencoder, letters, text_config


def save_tiny_upscaler(folder: Path, seed: int = 0, blocks: int = 3, **scheduler: Any) -> Path:
    """Write a Stable Diffusion x4 upscaler into `folder`; x2 with an autoencoder of two blocks."""
    torch.manual_seed(seed)
    tokenizer = letters(folder.parent / f"{folder.name}-words")
    given = {"clip_sample": False, "prediction_type": "v_prediction", **scheduler}
    pipeline = StableDiffusionUpscalePipeline(
        vae=autoencoder(blocks=blocks, scaling_factor=0.08333),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            block_out_channels=(16, 32),
            layers_per_block=1,
            in_channels=7,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=4,
            norm_num_groups=8,
            cross_attention_dim=32,
            num_class_embeds=1000,
        ),
        low_res_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        scheduler=DDIMScheduler(**given),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_second_stage(folder: Path) -> Path:
    """Write the second stage of DeepFloyd IF into `folder`, to stand behind the tiny first one."""
    torch.manual_seed(0)
    pipeline = IFSuperResolutionPipeline(
        tokenizer=None,
        text_encoder=None,
        unet=floyd_unet(sample_size=128, in_channels=6, class_embed_type="timestep"),
        scheduler=DDPMScheduler(variance_type="learned_range"),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
