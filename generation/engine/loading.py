"""Pipelines of diffusers, loaded from directories or the hub, without pickles, checks and marks."""

import hashlib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoPipelineForInpainting,
    AutoPipelineForText2Image,
    DiffusionPipeline,
    IFSuperResolutionPipeline,
    StableDiffusionUpscalePipeline,
)
from diffusers.loaders.lora_base import LORA_WEIGHT_NAME_SAFE
from huggingface_hub import snapshot_download

from generation.engine.compiling import compile_blocks, compile_network
from generation.engine.files import pickles_in
from generation.engine.generator import GenerationError
from generation.engine.recipe import PipelineRecipe
from generation.engine.vocabulary import LEAST_GUIDANCE

#: Draw their noise apart from the images' own streams, so that a seed would not fix an image.
UNSEEDED = ("DPMSolverSDEScheduler",)
UPSCALERS = (StableDiffusionUpscalePipeline, IFSuperResolutionPipeline)


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


def lora_file(place: str) -> Path:
    """Return the safetensors file of LoRA weights at `place`, a file or a directory.

    Raises:
        GenerationError: there is none, or there are several, or they are pickles, which can run
            code and of which no revision would tell.
    """
    path = Path(place)
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    usual = [file for file in files if file.name == LORA_WEIGHT_NAME_SAFE]
    if len(usual or files) == 1 and files[0].suffix == ".safetensors":
        return (usual or files)[0]
    if not path.exists():
        what = "is not there"
    elif len(files) > 1:
        what = f"holds {len(files)} files of weights"
    elif files or pickles_in(path):
        what = "is no safetensors, and pickles, which can run code, are not read"
    else:
        what = "holds no safetensors"
    raise GenerationError(f"LoRA weights '{place}': {what}; name one safetensors file")


def load_pipeline(folder: Path, recipe: PipelineRecipe, dtype: torch.dtype) -> DiffusionPipeline:
    """Load a pipeline without safety checker and watermark, which would tell or blank images.

    Raises:
        GenerationError: its files are broken, or the recipe asks for what it cannot do.
    """
    kind = AutoPipelineForInpainting if only_inpaints(folder) else AutoPipelineForText2Image
    pipeline = _loaded(kind, folder, recipe.lora, dtype)
    for unwanted in ("safety_checker", "watermark", "watermarker"):
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
    _check_seeded(pipeline)
    return pipeline


def usual_of(folder: Path) -> tuple[float, int]:
    """Return the guidance and the steps that the class of a pipeline takes where none are given.

    Raises:
        GenerationError: it is of no class that diffusers has, or takes neither.
    """
    name = _class_in(folder)
    known = getattr(diffusers, name, None)
    takes = inspect.signature(known.__call__).parameters if known else {}
    guidance, steps = (
        takes[each].default if each in takes else None
        for each in ("guidance_scale", "num_inference_steps")
    )
    if not (isinstance(guidance, int | float) and isinstance(steps, int)):
        raise GenerationError(
            f"{folder}: nothing says how a {name} is sampled; give --guidance and --steps"
        )
    return max(LEAST_GUIDANCE, float(guidance)), steps


def only_inpaints(folder: Path) -> bool:
    """Tell whether a pipeline was made to paint into photographs, and can do nothing else."""
    return "Inpaint" in _class_in(folder)


def inpainting_of(pipeline: DiffusionPipeline) -> DiffusionPipeline:
    """Return the pipeline of the same networks that paints into photographs.

    Raises:
        GenerationError: diffusers has none of its kind.
    """
    try:
        painter = AutoPipelineForInpainting.from_pipe(pipeline)
    except ValueError as problem:
        raise GenerationError(
            f"a {type(pipeline).__name__} cannot paint into photographs; use a pipeline that "
            "diffusers' AutoPipelineForInpainting knows, or the built-in generator"
        ) from problem
    painter.set_progress_bar_config(disable=True)
    return painter


def load_upscaler(folder: Path, lora: str, dtype: torch.dtype) -> DiffusionPipeline:
    """Load one of `UPSCALERS`, as `load_pipeline` does; of DeepFloyd IF without its text encoder.

    Args:
        folder: in diffusers' format.
        lora: directory or file of LoRA weights; empty for none.
        dtype: to compute in.

    Raises:
        GenerationError: it is of another class, or its files are broken.
    """
    name = _class_in(folder)
    kind = next((each for each in UPSCALERS if each.__name__ == name), None)
    if kind is None:
        raise GenerationError(
            f"{folder}: is a {name}, which does not enlarge what another pipeline painted; name a "
            f"{' or '.join(each.__name__ for each in UPSCALERS)}"
        )
    left_out: dict[str, Any] = {"safety_checker": None, "watermarker": None}
    if kind is IFSuperResolutionPipeline:  # takes what the first stage's encoder says
        left_out |= {"text_encoder": None, "tokenizer": None, "requires_safety_checker": False}
    pipeline = _loaded(kind, folder, lora, dtype, **left_out)
    _check_seeded(pipeline)
    return pipeline


def _class_in(folder: Path) -> str:
    index = folder / "model_index.json"
    try:
        return str(json.loads(index.read_text())["_class_name"])
    except (ValueError, KeyError, TypeError) as problem:
        raise GenerationError(
            f"{index}: does not say of which class it is ({problem})"
        ) from problem


def _loaded(
    kind: Any, folder: Path, lora: str, dtype: torch.dtype, **parts: Any
) -> DiffusionPipeline:
    try:
        pipeline = kind.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, **parts
        )
    except Exception as problem:  # files break in many ways
        pickled = [each for each in pickles_in(folder) if not _has_safetensors(each.parent)]
        raise GenerationError(
            f"{folder}: cannot be loaded ({type(problem).__name__}: {first_line(problem)}); "
            + (
                f"{pickled[0].relative_to(folder)} is a pickle, which can run code and is not "
                "read: save the pipeline with safe_serialization=True"
                if pickled
                else "check that all of it is there"
            )
        ) from problem
    if lora:
        _fuse(pipeline, lora)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _fuse(pipeline: DiffusionPipeline, lora: str) -> None:
    """Add LoRA weights to those of a pipeline."""
    file, kind = lora_file(lora), type(pipeline).__name__
    try:
        pipeline.load_lora_weights(file.parent, weight_name=file.name, use_safetensors=True)
        pipeline.fuse_lora()
        fitting = pipeline.get_active_adapters()  # none is what diffusers only warns of
    except Exception as problem:
        raise GenerationError(
            f"{file}: cannot be added to this {kind} ({first_line(problem)}); take LoRA weights "
            "that were trained for it"
        ) from problem
    if not fitting:
        raise GenerationError(
            f"{file}: holds nothing for a layer of this {kind}; take LoRA weights that were "
            "trained for it"
        )


def _has_safetensors(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def first_line(problem: Exception) -> str:
    """Return what an exception says, without what it lists below, or else its name."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)


def _check_seeded(pipeline: DiffusionPipeline) -> None:
    if (name := type(pipeline.scheduler).__name__) in UNSEEDED:
        raise GenerationError(
            f"{name} draws noise that no seed of an image decides; use another scheduler, such as "
            "DPMSolverMultistepScheduler"
        )


def speed_up(pipeline: DiffusionPipeline, compiled: bool) -> None:
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


def files_sha256(places: Sequence[Path]) -> str:
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
