"""Pipelines of other kinds than Stable Diffusion, of a few thousand random weights each."""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import (
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    IFPipeline,
    PixArtAlphaPipeline,
    PixArtTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from tests.generation.tiny_pipeline import autoencoder, letters, text_config

WIDTH = 32


def t5() -> tuple[T5EncoderModel, PreTrainedTokenizerFast]:
    words = [
        "<pad>",
        "</s>",
        "<unk>",
        "a",
        "dermoscopic",
        "image",
        "of",
        "melanoma",
        "nevus",
        "mole",
    ]
    plain = Tokenizer(WordLevel({word: k for k, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=64,
    )
    config = T5Config(
        vocab_size=len(words), d_model=WIDTH, d_kv=8, d_ff=37, num_layers=2, num_heads=4
    )
    return T5EncoderModel(config), tokenizer


def sd3(words: CLIPTokenizer) -> StableDiffusion3Pipeline:
    encoder, sentences = t5()
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            joint_attention_dim=WIDTH,
            caption_projection_dim=32,
            pooled_projection_dim=2 * WIDTH,
            out_channels=4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=autoencoder(shift_factor=0.06, scaling_factor=1.5),
        text_encoder=CLIPTextModelWithProjection(text_config(words)),
        tokenizer=words,
        text_encoder_2=CLIPTextModelWithProjection(text_config(words)),
        tokenizer_2=words,
        text_encoder_3=encoder,
        tokenizer_3=sentences,
    )


def flux(words: CLIPTokenizer) -> FluxPipeline:
    encoder, sentences = t5()
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=autoencoder(1, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=CLIPTextModel(text_config(words)),
        tokenizer=words,
        text_encoder_2=encoder,
        tokenizer_2=sentences,
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
        ),
    )


def pixart(words: CLIPTokenizer) -> PixArtAlphaPipeline:
    encoder, sentences = t5()
    return PixArtAlphaPipeline(
        tokenizer=sentences,
        text_encoder=encoder,
        vae=autoencoder(),
        transformer=PixArtTransformer2DModel(
            sample_size=16,
            num_layers=1,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_channels=WIDTH,
            in_channels=4,
            out_channels=8,
            cross_attention_dim=32,
        ),
        scheduler=DDPMScheduler(),
    )


def floyd_unet(**more: object) -> UNet2DConditionModel:
    """Return the network of a stage of DeepFloyd IF."""
    return UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        out_channels=6,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        cross_attention_dim=WIDTH,
        encoder_hid_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        **more,
    )


def deep_floyd(words: CLIPTokenizer) -> IFPipeline:
    encoder, sentences = t5()
    return IFPipeline(
        tokenizer=sentences,
        text_encoder=encoder,
        unet=floyd_unet(sample_size=32, in_channels=3),
        scheduler=DDPMScheduler(variance_type="learned_range"),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


KINDS: dict[str, Callable[[CLIPTokenizer], torch.nn.Module]] = {
    "StableDiffusion3Pipeline": sd3,
    "FluxPipeline": flux,
    "PixArtAlphaPipeline": pixart,
    "IFPipeline": deep_floyd,
}


def save_tiny_kind(name: str, folder: Path) -> Path:
    """Write a whole pipeline of the class `name` into `folder`."""
    torch.manual_seed(0)
    pipeline = KINDS[name](letters(folder.parent / f"{folder.name}-words"))
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
