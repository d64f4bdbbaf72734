"""`PipelineGenerator`: whatever text-to-image pipeline of diffusers a researcher brings.

Stable Diffusion, SDXL, SD 3, Flux and others, as a directory or a hub id, with or without LoRA.
"""

import hashlib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import AutoPipelineForText2Image, DiffusionPipeline
from huggingface_hub import snapshot_download
from PIL import Image

from generation.engine.devices import choose_device, compute_dtype
from generation.engine.generator import GenerationError, ImageRequest, OnStep
from generation.engine.prompts import check_template, prompt_of
from generation.engine.recipe import PipelineRecipe
from generation.engine.vocabulary import OPEN

#: Draw their noise apart from the images' own streams, so that a seed would not fix an image.
UNSEEDED = ("DPMSolverSDEScheduler",)
PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth")
BLACK = 0.02  # brightest value of an image that a safety checker or an overflow has blanked


class PipelineGenerator:
    """A pipeline behind the interface of all generators."""

    vocabulary = OPEN
    controls = vocabulary.controls
    entities = vocabulary.entities

    def __init__(self, name: str, recipe: PipelineRecipe, device: str = "auto") -> None:
        """Load the pipeline.

        Raises:
            GenerationError: it is not there, its weights are pickles or broken, or the recipe asks
                for what it cannot do.
        """
        check_template(recipe.template)
        self.name, self.recipe = name, recipe
        self.licence, self.compute_batch = recipe.licence, recipe.compute_batch
        self.device = choose_device(device)
        self.dtype = _dtype(recipe.dtype, self.device)
        folder = local_folder(recipe.source)
        self._pipeline = load_pipeline(folder, recipe, self.dtype).to(self.device)
        self._takes = set(inspect.signature(type(self._pipeline).__call__).parameters)
        self._weights = _sha256([folder, *([Path(recipe.lora)] if recipe.lora else [])])
        settings = json.dumps(self.settings(), sort_keys=True)
        self.revision = hashlib.sha256(settings.encode()).hexdigest()[:16]

    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels, what is left out among it."""
        scheduler = self._pipeline.scheduler
        return {
            "weights": self._weights,
            "pipeline": type(self._pipeline).__name__,
            "scheduler": type(scheduler).__name__,
            "template": self.recipe.template,
            "negative": self.recipe.negative,
            "size": self.recipe.size,
            "safety_checker": "none",
            "watermark": "none",
            "compute_batch": self.compute_batch,
            "device": self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "torch": torch.__version__.split("+")[0],
            "diffusers": diffusers.__version__,
        }

    @torch.inference_mode()
    def generate(
        self, requests: Sequence[ImageRequest], on_step: OnStep | None = None
    ) -> list[np.ndarray]:
        """Make one (size, size, 3) uint8 image a request; see `Generator`.

        Raises:
            GenerationError: an unknown entity, a control that is not honoured, requests whose
                steps or guidance differ, or an image that came out black or as no number.
        """
        for request in requests:
            self.vocabulary.check(request)
        if len({(request.steps, request.guidance) for request in requests}) > 1:
            raise GenerationError(
                "all requests of one call need the same steps and guidance; split the call"
            )
        images: list[np.ndarray] = []
        for first in range(0, len(requests), self.compute_batch):
            images += self._compute(requests[first : first + self.compute_batch])
            if on_step:
                on_step(len(images), len(requests))
        return images

    def _compute(self, requests: Sequence[ImageRequest]) -> list[np.ndarray]:
        padded = [*requests, *[requests[-1]] * (self.compute_batch - len(requests))]
        asked: dict[str, Any] = {
            "prompt": [prompt_of(request, self.recipe.template) for request in padded],
            # One stream an image, on the CPU: neither neighbours nor device decide its noise.
            "generator": [torch.Generator().manual_seed(request.seed) for request in padded],
            "num_inference_steps": requests[0].steps,
            "guidance_scale": requests[0].guidance,
            "height": self.recipe.size,
            "width": self.recipe.size,
            "output_type": "np",
        }
        if self.recipe.negative and "negative_prompt" in self._takes:
            asked["negative_prompt"] = [self.recipe.negative] * len(padded)
        painted = self._pipeline(**asked).images
        made = zip(painted, requests, strict=False)  # what was padded falls away
        return [self._finished(image, request) for image, request in made]

    def _finished(self, image: np.ndarray, request: ImageRequest) -> np.ndarray:
        """Return an image as bytes at the wanted size, if it is one."""
        if not np.isfinite(image).all() or image.max() < BLACK:
            raise GenerationError(
                f"'{self.name}' made no image of {request.entity} from seed {request.seed}: it is "
                "black or holds no numbers; use --dtype float32, or another scheduler"
            )
        pixels = (image.clip(0, 1) * 255).round().astype(np.uint8)
        if pixels.shape[0] == request.size:
            return pixels
        size = (request.size, request.size)
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _dtype(name: str, device: torch.device) -> torch.dtype:
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name and name not in known:
        raise GenerationError(f"dtype '{name}' is unknown; use one of {', '.join(known)}")
    return known[name] if name else compute_dtype(device)


def local_folder(source: str) -> Path:
    """Return the directory of a pipeline; one of the hub is downloaded, without pickles.

    Raises:
        GenerationError: it is not there, or holds no safetensors.
    """
    folder = Path(source)
    if not folder.is_dir():
        try:
            patterns = ["*.safetensors", "*.json", "*.txt", "*.model"]
            folder = Path(snapshot_download(source, allow_patterns=patterns))
        except Exception as problem:  # the hub fails in many ways
            raise GenerationError(
                f"'{source}' is neither a directory nor a pipeline of the hub that can be reached "
                f"({str(problem).splitlines()[0]}); name a directory in diffusers' format"
            ) from problem
    if not (folder / "model_index.json").exists():
        raise GenerationError(
            f"{folder}: has no model_index.json; name the directory of a whole pipeline in "
            "diffusers' format"
        )
    if not any(folder.rglob("*.safetensors")):
        pickled = any(next(folder.rglob(pattern), None) for pattern in PICKLES)
        raise GenerationError(
            f"{folder}: has "
            + ("pickled weights only, which can run code" if pickled else "no weights")
            + "; save the pipeline with safe_serialization=True"
        )
    return folder


def load_pipeline(folder: Path, recipe: PipelineRecipe, dtype: torch.dtype) -> DiffusionPipeline:
    """Load a pipeline without safety checker and watermark, which would tell or blank images.

    Raises:
        GenerationError: its files are broken, or the recipe asks for what it cannot do.
    """
    try:
        pipeline = AutoPipelineForText2Image.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
        if recipe.lora:
            pipeline.load_lora_weights(recipe.lora)
            pipeline.fuse_lora()
    except Exception as problem:  # files break in many ways
        raise GenerationError(
            f"{folder}: cannot be loaded ({type(problem).__name__}: {problem}); "
            "check that all of it is there"
        ) from problem
    for unwanted in ("safety_checker", "watermark"):
        if getattr(pipeline, unwanted, None) is not None:
            setattr(pipeline, unwanted, None)
    if recipe.scheduler:
        kind = getattr(diffusers, recipe.scheduler, None)
        if kind is None or not recipe.scheduler.endswith("Scheduler"):
            raise GenerationError(
                f"scheduler '{recipe.scheduler}' is unknown; name a class of diffusers, such as "
                "DPMSolverMultistepScheduler"
            )
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config)
    if (name := type(pipeline.scheduler).__name__) in UNSEEDED:
        raise GenerationError(
            f"{name} draws noise that no seed of an image decides; use another scheduler, such as "
            "DPMSolverMultistepScheduler"
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _sha256(places: Sequence[Path]) -> str:
    """Return one SHA-256 over all that decides pixels in some directories or files, in hex."""
    total = hashlib.sha256()
    for place in places:
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in files:
            if path.suffix in (".safetensors", ".json", ".txt", ".model"):
                total.update(path.name.encode())
                with path.open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
