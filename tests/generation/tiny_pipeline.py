"""A Stable Diffusion pipeline of a few thousand weights, made here and saved as real ones are."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SIZE = 32


def save_tiny_words(words: Path) -> CLIPTokenizer:
    """Write a tokenizer of single letters into a new folder, and load it."""
    words.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + ["-", "0", "1", "6"]
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    (words / "vocab.json").write_text(json.dumps({word: k for k, word in enumerate(vocabulary)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=77)


def save_tiny_pipeline(folder: Path, seed: int = 0) -> Path:
    """Write a whole pipeline into `folder`; random weights, so that its images show nothing."""
    torch.manual_seed(seed)
    tokenizer = save_tiny_words(folder.parent / f"{folder.name}-words")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=len(tokenizer) - 2,
        eos_token_id=len(tokenizer) - 1,
    )
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(16, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=8,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(
            sample_size=SIZE // 2,
            block_out_channels=(16, 32),
            layers_per_block=1,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=8,
        ),
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def save_tiny_lora(pipeline: Path, folder: Path) -> Path:
    """Write LoRA weights for the denoiser of a tiny pipeline, random and strong enough to show."""
    unet = UNet2DConditionModel.from_pretrained(pipeline / "unet")
    unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(unet), safe_serialization=True
    )
    return folder
