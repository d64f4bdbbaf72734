"""The recipe of a pipeline that a researcher brings, as it stands in a generator's directory."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from generation.engine.generator import GenerationError
from generation.engine.prompts import TEMPLATE
from generation.engine.vocabulary import OPEN, Vocabulary, check_solving

FILE = "pipeline.json"
#: Fields that say where weights lie.
PLACES = ("source", "lora", "upscaler", "upscaler_lora")


@dataclass(frozen=True)
class PipelineRecipe:
    """What a pipeline is loaded from and how it is asked, as `pipeline.json` holds it.

    Attributes:
        source: directory of a pipeline in diffusers' format, or an id of the hub; like `lora` and
            the upscaler's, it may lie in the generator's own directory, which can then be moved.
        licence: of the images that it makes, as an SPDX identifier.
        lora: directory or safetensors file of LoRA weights; empty for none.
        upscaler: directory or id of a pipeline that enlarges what the first one painted to four
            times its side, see upscaling.py; empty for none.
        upscaler_lora: of the upscaler, as `lora`.
        template: of the prompt, see prompts.py.
        negative: prompt of what is not wanted.
        size: side in pixels at which the pipeline paints.
        guidance, steps: where a request does not say; those of Stable Diffusion unless they are
            given.
        scheduler: class of diffusers; empty keeps the pipeline's own.
        dtype: float32, bfloat16 or float16; empty takes what the device computes in natively.
        compute_batch: images painted at once; null takes what suits the device.
        trained_on: names of the datasets that it was fine-tuned on here.
    """

    source: str
    licence: str
    lora: str = ""
    upscaler: str = ""
    upscaler_lora: str = ""
    template: str = TEMPLATE
    negative: str = ""
    size: int = 512
    guidance: float = 7.5
    steps: int = 50
    scheduler: str = ""
    dtype: str = ""
    compute_batch: int | None = None
    trained_on: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            GenerationError: guidance, steps or size do not, or no licence is named.
        """
        check_solving(self.guidance, self.steps)
        if self.size < 1:
            raise GenerationError(f"size is {self.size} px; use the side at which it paints")
        if not self.licence.strip():
            raise GenerationError("no licence is named; give that of the images, such as CC0-1.0")

    @property
    def vocabulary(self) -> Vocabulary:
        """What the pipeline can be asked for."""
        guidance = dict.fromkeys(OPEN.entities, self.guidance)
        return replace(OPEN, guidance=guidance, steps=self.steps)

    @classmethod
    def read(cls, directory: Path) -> "PipelineRecipe":
        """Read it from a generator's directory.

        Raises:
            GenerationError: the file is no recipe.
        """
        try:
            told = cls(**json.loads((directory / FILE).read_text()))
            places: dict[str, Any] = {
                name: _within(directory, getattr(told, name)) for name in PLACES
            }
        except (OSError, ValueError, TypeError) as problem:
            raise GenerationError(
                f"{directory / FILE}: is no recipe of a pipeline ({problem}); "
                "write it anew with add_generator"
            ) from problem
        return replace(told, **places)

    def write(self, directory: Path) -> None:
        """Write it into a generator's directory."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")


def _within(directory: Path, place: str) -> str:
    """Return the path of what lies in a generator's own directory; else `place` as it is."""
    return str(directory / place) if place and (directory / place).exists() else place
