"""Stable Diffusion pipelines of a few thousand weights, made here and saved as real ones are."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

SIZE = 32


def letters(folder: Path) -> CLIPTokenizer:
    """Return a tokenizer that reads letter by letter; its files are written into `folder`."""
    folder.mkdir(parents=True)
    signs = [chr(code) for code in range(ord("a"), ord("z") + 1)] + ["-", "0", "1", "6"]
    vocabulary = [*signs, *(f"{sign}</w>" for sign in signs)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: k for k, word in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )


def save_tiny_pipeline(folder: Path, seed: int = 0, blocks: int = 2, **scheduler: Any) -> Path:
    """Write a whole pipeline into `folder`; random weights, so that its images show nothing.

    With one block it has the fewest layers, to be compiled in seconds.
    """
    torch.manual_seed(seed)
    tokenizer = letters(folder.parent / f"{folder.name}-words")
    pipeline = StableDiffusionPipeline(
        vae=autoencoder(blocks=blocks),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(**_denoiser(blocks), cross_attention_dim=32),
        scheduler=_scheduler(**scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_inpainting(folder: Path) -> Path:
    """Write a Stable Diffusion pipeline into `folder` that sees what is kept in five channels."""
    torch.manual_seed(0)
    tokenizer = letters(folder.parent / f"{folder.name}-words")
    pipeline = StableDiffusionInpaintPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(**{**_denoiser(), "in_channels": 9}, cross_attention_dim=32),
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_xl(folder: Path) -> Path:
    """Write a Stable Diffusion XL pipeline into `folder`: two text encoders, one of them pooled."""
    torch.manual_seed(0)
    tokenizer = letters(folder.parent / f"{folder.name}-words")
    pipeline = StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=UNet2DConditionModel(
            **_denoiser(),
            cross_attention_dim=64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8,
            use_linear_projection=True,
        ),
        scheduler=_scheduler(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _denoiser(blocks: int = 2) -> dict[str, Any]:
    return {
        "sample_size": SIZE // 2 ** (blocks - 1),
        "block_out_channels": (16, 32)[-blocks:],
        "layers_per_block": 1,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D")[-blocks:],
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")[:blocks],
        "attention_head_dim": 4,
        "norm_num_groups": 8,
    }


def autoencoder(channels: int = 4, blocks: int = 2, **more: object) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(16, 32, 32)[:blocks],
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=channels,
        norm_num_groups=8,
        **more,
    )


def text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def _scheduler(**changes: Any) -> DDIMScheduler:
    given = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    return DDIMScheduler(**given, **changes)


def save_tiny_lora(pipeline: Path, folder: Path) -> Path:
    """Write LoRA weights for the denoiser of a tiny pipeline, random and strong enough to show."""
    unet = UNet2DConditionModel.from_pretrained(pipeline / "unet")
    unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(unet), safe_serialization=True
    )
    return folder
