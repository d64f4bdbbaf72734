"""`PipelineGenerator`: whatever text-to-image pipeline of diffusers a researcher brings.

Stable Diffusion, SDXL, SD 3, Flux and others, as a directory or a hub id, with or without LoRA.
"""

import hashlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoPipelineForText2Image, DiffusionPipeline
from huggingface_hub import snapshot_download

from generation.engine.batched import BatchedGenerator
from generation.engine.compiling import compile_blocks, compile_network
from generation.engine.devices import compute_dtype
from generation.engine.embeddings import KNOWN, Embeddings
from generation.engine.files import pickles_in
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.prompts import check_template, prompt_of
from generation.engine.recipe import PipelineRecipe
from generation.engine.vocabulary import OPEN

#: Draw their noise apart from the images' own streams, so that a seed would not fix an image.
UNSEEDED = ("DPMSolverSDEScheduler",)


#: Images painted at once where the recipe does not say, by kind of device.
COMPUTE_BATCH = {"cpu": 4, "cuda": 16}


class PipelineGenerator(BatchedGenerator):
    """A pipeline behind the interface of all generators."""

    vocabulary = OPEN
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
        self.dtype = _dtype(recipe.dtype, self.device)
        folder = local_folder(recipe.source)
        self._pipeline = load_pipeline(folder, recipe, self.dtype).to(self.device)
        _speed_up(self._pipeline, compiled)
        self._takes = set(inspect.signature(type(self._pipeline).__call__).parameters)
        known = type(self._pipeline).__name__ in KNOWN
        self._embeddings = Embeddings(self._pipeline, recipe.negative) if known else None
        self._weights = _sha256([folder, *([Path(recipe.lora)] if recipe.lora else [])])

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
            **super().settings(),
        }

    def _check(self, requests: Sequence[ImageRequest]) -> None:
        super()._check(requests)
        if len({(request.steps, request.guidance) for request in requests}) > 1:
            raise GenerationError(
                "all requests of one call need the same steps and guidance; split the call"
            )

    def _paint(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        prompts = [prompt_of(request, self.recipe.template) for request in requests]
        # One stream an image, on the CPU: neither neighbours nor device decide its noise.
        streams = [torch.Generator().manual_seed(request.seed) for request in requests]
        asked: dict[str, Any] = {
            "generator": streams,
            "num_inference_steps": requests[0].steps,
            "guidance_scale": requests[0].guidance,
            "height": self.recipe.size,
            "width": self.recipe.size,
        }
        if self._embeddings:
            asked |= self._embeddings.of(prompts)
            painted = self._pipeline(**asked, latents=self._noise(streams), output_type="pt").images
            return painted.float()
        asked["prompt"] = prompts
        if self.recipe.negative and "negative_prompt" in self._takes:
            asked["negative_prompt"] = [self.recipe.negative] * len(requests)
        if "use_resolution_binning" in self._takes:
            asked["use_resolution_binning"] = False  # it paints at another size, then crops
        # Not "pt": some pipelines mean other units by it.
        painted = torch.from_numpy(self._pipeline(**asked, output_type="np").images)
        return painted.permute(0, 3, 1, 2).float()

    def _noise(self, streams: Sequence[torch.Generator]) -> torch.Tensor:
        """Draw (B, channels, side, side) in float32, so that no dtype changes the noise."""
        side = self.recipe.size // self._pipeline.vae_scale_factor
        shape = (self._pipeline.unet.config.in_channels, side, side)
        drawn = [torch.randn(shape, generator=stream) for stream in streams]
        return torch.stack(drawn).to(self.device, self.dtype)


def _speed_up(pipeline: DiffusionPipeline, compiled: bool) -> None:
    """Lay the convolutions' weights out as processors read them; compile what takes the time."""
    unet, vae = (getattr(pipeline, part, None) for part in ("unet", "vae"))
    for network in filter(None, (unet, vae)):
        network.to(memory_format=torch.channels_last)
    if compiled:
        if unet is not None:
            compile_network(unet)
        if (transformer := getattr(pipeline, "transformer", None)) is not None:
            compile_blocks(transformer)
        if vae is not None:
            compile_network(vae.decoder)


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
        raise GenerationError(
            f"{folder}: has "
            + ("pickled weights only, which can run code" if pickles_in(folder) else "no weights")
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
