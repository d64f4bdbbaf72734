"""`PipelineGenerator`: whatever text-to-image pipeline of diffusers a researcher brings.

Stable Diffusion, SDXL, SD 3, Flux and others, as a directory or a hub id, with or without LoRA,
with or without an upscaler behind.
"""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from generation.engine.batched import TRIAL_STEPS, BatchedGenerator
from generation.engine.compiling import compiler_failed
from generation.engine.devices import compute_dtype, out_of_memory
from generation.engine.embeddings import KNOWN, Embeddings, check_length
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.loading import (
    files_sha256,
    first_line,
    inpainting_of,
    load_pipeline,
    local_folder,
    only_inpaints,
    speed_up,
)
from generation.engine.prompts import check_template, prompt_of
from generation.engine.recipe import PipelineRecipe
from generation.engine.upscaling import Upscaler

#: Images painted at once where the recipe does not say, by kind of device.
COMPUTE_BATCH = {"cpu": 4, "cuda": 16}


class PipelineGenerator(BatchedGenerator):
    """A pipeline behind the interface of all generators."""

    mend = "use --dtype float32, or another scheduler"

    def __init__(
        self,
        name: str,
        recipe: PipelineRecipe,
        device: str = "auto",
        compute_batch: int | None = None,
        compiled: bool = False,
    ) -> None:
        """Load the pipeline; `compute_batch` goes before the recipe's.

        Raises:
            GenerationError: it is not there, its weights are pickles or broken, or the recipe asks
                for what it cannot do.
        """
        check_template(recipe.template)
        super().__init__(
            name,
            device=device,
            compute_batch=recipe.compute_batch if compute_batch is None else compute_batch,
            usual=COMPUTE_BATCH,
            compiled=compiled,
        )
        self.recipe, self.licence = recipe, recipe.licence
        self.vocabulary = recipe.vocabulary
        self.dtype = _dtype(recipe.dtype, self.device)
        folder = local_folder(recipe.source)
        self._pipeline = load_pipeline(folder, recipe, self.dtype).to(self.device)
        self._only_inpaints = only_inpaints(folder)
        speed_up(self._pipeline, compiled)
        self._takes = _taken_by(self._pipeline)
        known = type(self._pipeline).__name__ in KNOWN
        self._embeddings = Embeddings(self._pipeline, recipe.negative) if known else None
        self._weights = files_sha256([folder, *([Path(recipe.lora)] if recipe.lora else [])])
        self._upscaler = None
        if recipe.upscaler:
            self._upscaler = Upscaler(
                recipe, self._embeddings, dtype=self.dtype, device=self.device, compiled=compiled
            )

    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels, what is left out among it."""
        return {
            "weights": self._weights,
            "trained_on": list(self.recipe.trained_on),
            "pipeline": type(self._pipeline).__name__,
            "scheduler": type(self._pipeline.scheduler).__name__,
            "template": self.recipe.template,
            "negative": self.recipe.negative,
            "size": self.recipe.size,
            "safety_checker": "none",
            "watermark": "none",
            "dtype": str(self.dtype).removeprefix("torch."),
            "diffusers": diffusers.__version__,
            **({"upscaler": self._upscaler.settings()} if self._upscaler else {}),
            **super().settings(),
        }

    def _check(self, requests: Sequence[ImageRequest]) -> None:
        super()._check(requests)
        if len({(request.steps, request.guidance) for request in requests}) > 1:
            raise GenerationError(
                "all requests of one call need the same steps and guidance; split the call"
            )
        if len(masked := {request.canvas is not None for request in requests}) > 1:
            raise GenerationError("some requests of one call have a canvas; split the call")
        if self._only_inpaints and masked == {False}:
            raise GenerationError(
                f"'{self.name}' paints into photographs only; use it with deidentify or "
                "transfer_lesion"
            )
        prompts = {prompt_of(request, self.recipe.template) for request in requests}
        for prompt in sorted(prompts | {self.recipe.negative}):
            self._check_length(prompt)

    def _check_length(self, prompt: str) -> None:
        check_length(self._pipeline, prompt)
        if self._upscaler:
            self._upscaler.check_length(prompt)

    @torch.inference_mode()
    def try_out(self) -> None:
        """Paint one image in a few steps, since parts that load need not go together.

        Raises:
            GenerationError: they do not, no image comes out, or memory runs out.
        """
        one = self._trial()[:1]
        self._check(one)
        with self._failures_told():
            self._finished(self._sent(self._paint(one, upscaler_steps=TRIAL_STEPS)), one)

    def _probe(self) -> None:
        self._paint(self._trial(), upscaler_steps=TRIAL_STEPS)

    def _paint(
        self,
        requests: Sequence[ImageRequest],
        drawn: Sequence[torch.Tensor] = (),
        upscaler_steps: int | None = None,
    ) -> torch.Tensor:
        try:
            return self._paint_both(requests, upscaler_steps)
        except Exception as problem:  # pipelines refuse in many ways
            told = isinstance(problem, GenerationError) or out_of_memory(problem)
            if told or (self.compiled and compiler_failed(problem)):
                raise
            raise GenerationError(
                f"'{self.name}' cannot paint with {requests[0].steps} steps, guidance "
                f"{requests[0].guidance}, size {self.recipe.size} and its "
                f"{type(self._pipeline.scheduler).__name__} ({first_line(problem)})"
            ) from problem

    def _paint_both(
        self, requests: Sequence[ImageRequest], upscaler_steps: int | None
    ) -> torch.Tensor:
        prompts = [prompt_of(request, self.recipe.template) for request in requests]
        painted = self._paint_first(requests, prompts)
        if self._upscaler is None:
            return painted
        seeds = [request.seed for request in requests]
        guidance = requests[0].guidance  # of both stages: a request has one
        assert guidance is not None  # it is settled
        return self._upscaler.enlarge(painted, prompts, seeds, guidance, upscaler_steps)

    def _paint_first(
        self, requests: Sequence[ImageRequest], prompts: Sequence[str]
    ) -> torch.Tensor:
        """Paint (B, 3, size, size), float32, dark 0 to bright 1."""
        # One stream an image, on the CPU: neither neighbours nor device decide its noise.
        streams = [torch.Generator().manual_seed(request.seed) for request in requests]
        pipeline, takes = self._pipeline, self._takes
        asked: dict[str, Any] = {}
        if requests[0].canvas is not None:
            pipeline, takes = self._inpainting, _taken_by(self._inpainting)
            asked |= self._photographs(requests)
            asked |= {"strength": 1.0} if "strength" in takes else {}
        asked |= {
            "generator": streams,
            "num_inference_steps": requests[0].steps,
            "guidance_scale": requests[0].guidance,
            "height": self.recipe.size,
            "width": self.recipe.size,
        }
        if self._embeddings:
            asked |= self._embeddings.of(prompts)
            if "latents" in takes and requests[0].canvas is None:
                asked["latents"] = self._noise(streams)
                return self._pipeline(**asked, output_type="pt").images.float()
        else:
            asked["prompt"] = list(prompts)
            if self.recipe.negative and "negative_prompt" in takes:
                asked["negative_prompt"] = [self.recipe.negative] * len(requests)
        if "use_resolution_binning" in takes:
            asked["use_resolution_binning"] = False  # it paints at another size, then crops
        # Not "pt": some pipelines mean other units by it.
        painted = torch.from_numpy(pipeline(**asked, output_type="np").images)
        return painted.permute(0, 3, 1, 2).float().to(self.device)

    @cached_property
    def _inpainting(self) -> DiffusionPipeline:
        """The pipeline of the same networks that paints into photographs."""
        return self._pipeline if self._only_inpaints else inpainting_of(self._pipeline)

    def _photographs(self, requests: Sequence[ImageRequest]) -> dict[str, list[Image.Image]]:
        """Return canvases and what is to be painted of them, at the size of the pipeline.

        A mask's pixel is white, to be painted, unless all of it is kept.
        """
        side = (self.recipe.size, self.recipe.size)
        canvases, masks = [], []
        for request in requests:
            assert request.canvas is not None
            assert request.keep is not None
            canvases.append(Image.fromarray(request.canvas).resize(side, Image.Resampling.BICUBIC))
            kept = Image.fromarray(request.keep.astype(np.uint8) * 255)
            small = np.asarray(kept.resize(side, Image.Resampling.BILINEAR))
            masks.append(Image.fromarray(np.where(small == 255, 0, 255).astype(np.uint8)))
        return {"image": canvases, "mask_image": masks}

    def _trial(self) -> list[ImageRequest]:
        trial = super()._trial()
        if not self._only_inpaints:
            return trial
        size = trial[0].size
        canvas = np.full((size, size, 3), 128, np.uint8)
        return [replace(each, canvas=canvas, keep=np.zeros((size, size), bool)) for each in trial]

    def _noise(self, streams: Sequence[torch.Generator]) -> torch.Tensor:
        """Draw (B, channels, side, side) in float32, so that no dtype changes the noise."""
        side = self.recipe.size // self._pipeline.vae_scale_factor
        shape = (self._pipeline.unet.config.in_channels, side, side)
        drawn = [torch.randn(shape, generator=stream) for stream in streams]
        return torch.stack(drawn).to(self.device, self.dtype)


def _taken_by(pipeline: DiffusionPipeline) -> set[str]:
    """Return the names of what a pipeline can be called with."""
    return set(inspect.signature(type(pipeline).__call__).parameters)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name and name not in known:
        raise GenerationError(f"dtype '{name}' is unknown; use one of {', '.join(known)}")
    return known[name] if name else compute_dtype(device)
