"""Prompts as the numbers that a pipeline's text encoders make of them, computed once."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from diffusers import DiffusionPipeline

_TWO = ("prompt_embeds", "negative_prompt_embeds")
#: Pipelines that are known to take prompts as numbers, by the names under which they take what
#: their `encode_prompt` returns; if they take latents, then as (B, channels, height, width).
KNOWN = {
    "IFPipeline": _TWO,
    "StableDiffusionPipeline": _TWO,
    "StableDiffusionUpscalePipeline": _TWO,
    "StableDiffusionXLPipeline": (
        *_TWO,
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    ),
}
KEPT = 256  # prompts; one of SDXL takes a megabyte


class Embeddings:
    """What the text encoders of a known pipeline say to prompts."""

    def __init__(self, pipeline: DiffusionPipeline, negative: str) -> None:
        """Encode beside every prompt what is not wanted; empty for nothing."""
        self._pipeline, self._negative = pipeline, negative or None
        self.kind = type(pipeline).__name__
        self._names = KNOWN[self.kind]
        self._encode = lru_cache(KEPT)(self._encode_anew)

    def of(self, prompts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Return arguments for the pipeline's call, each (B, …)."""
        parts = zip(*(self._encode(prompt, len(prompts)) for prompt in prompts), strict=True)
        return {name: torch.cat(part) for name, part in zip(self._names, parts, strict=True)}

    def _encode_anew(self, prompt: str, copies: int) -> list[torch.Tensor]:
        """Encode one prompt in a full batch of itself: the same bits as in any company."""
        encoded = self._pipeline.encode_prompt(
            prompt=[prompt] * copies,
            device=self._pipeline.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=[self._negative] * copies if self._negative else None,
        )
        return [part[:1].clone() for part in encoded]
