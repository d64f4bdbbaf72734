"""Prompts as the numbers that a pipeline's text encoders make of them, computed once."""

import inspect
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch
from diffusers import DiffusionPipeline, IFPipeline
from transformers import CLIPTokenizer

from generation.engine.generator import GenerationError

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
READ_BY_FLOYD = 77  # tokens, as its `encode_prompt` has it, whatever its tokenizer says
SHOWN = 60  # characters of a prompt that is refused


def check_length(pipeline: DiffusionPipeline, prompt: str) -> None:
    """Refuse a prompt of which a pipeline would cut the end off.

    Where several text encoders read it, one that reads all of it is enough. What a kind of
    pipeline reads that does not say it is not known, and not checked.

    Raises:
        GenerationError: it has more tokens than are read.
    """
    counts = []
    for read, most in _readers(pipeline):
        # Not verbose: it would warn of what is refused here.
        count = len(read(prompt, verbose=False).input_ids)
        if most is None or count <= most:
            return
        counts.append((count, most))
    if counts:
        count, most = min(counts, key=lambda each: each[0] - each[1])
        start = prompt if len(prompt) <= SHOWN else f"{prompt[:SHOWN]}…"
        raise GenerationError(
            f"the prompt '{start}' has {count} tokens, its start and end among them; "
            f"{type(pipeline).__name__} reads {most} and would cut the rest: shorten it"
        )


def _readers(pipeline: DiffusionPipeline) -> Iterator[tuple[Any, int | None]]:
    """Give the tokenizers of a pipeline, and how many tokens of each are read, if it is known."""
    takes = inspect.signature(type(pipeline).__call__).parameters
    for name, part in pipeline.components.items():
        encoder = name.replace("tokenizer", "text_encoder")
        if not name.startswith("tokenizer") or None in (part, getattr(pipeline, encoder, None)):
            continue
        if isinstance(part, CLIPTokenizer):
            yield part, part.model_max_length
        elif isinstance(pipeline, IFPipeline):
            yield part, READ_BY_FLOYD
        else:
            said = takes.get("max_sequence_length")
            yield part, said.default if said else None


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
