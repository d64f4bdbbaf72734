"""A cascade on disk: a directory in the manner of diffusers, with weights as safetensors."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from safetensors import SafetensorError

from generation.engine.cascade.conditions import Conditions
from generation.engine.cascade.networks import BaseNetwork
from generation.engine.files import pickles_in, replacing
from generation.engine.generator import GenerationError

FORMAT = 4
PARTS = {"base": UNet2DModel, "conditions": Conditions, "upsampler": UNet2DModel}


@dataclass(frozen=True)
class WeightsOrigin:
    """Where weights come from.

    Attributes:
        trained_on: names of the datasets.
        licence: of the images to come, as an SPDX expression.
    """

    trained_on: tuple[str, ...]
    licence: str


def save_cascade(
    directory: Path,
    base: BaseNetwork,
    upsampler: UNet2DModel,
    card: str,
    origin: WeightsOrigin,
) -> None:
    """Write the networks in half precision with their model card; replaces what is there.

    Half precision keeps three bits more of a weight than bfloat16 in the same space.

    Args:
        directory: of the generator.
        base: of the first stage.
        upsampler: of the second.
        card: the text of README.md.
        origin: what goes into the provenance of every image.
    """
    with replacing(directory) as partial:
        for part, network in zip(PARTS, (base.unet, base.conditions, upsampler), strict=True):
            # What begins with _ is the library's own, the folder it was loaded from among it.
            shape = {key: v for key, v in network.config.items() if not key.startswith("_")}
            half = type(network).from_config(shape)
            half.load_state_dict(network.state_dict())
            torch.nn.Module.to(half, torch.float16)  # diffusers' own would warn of what is meant
            half.save_pretrained(partial / part, safe_serialization=True)
        described = {"format": FORMAT, **asdict(origin)}
        (partial / "cascade.json").write_text(json.dumps(described, indent=1) + "\n")
        (partial / "README.md").write_text(card)


def load_cascade(directory: Path) -> tuple[BaseNetwork, UNet2DModel]:
    """Read what `save_cascade` wrote: both networks in float32.

    Raises:
        GenerationError: the directory holds no cascade of this format.
    """
    try:
        described = json.loads((directory / "cascade.json").read_text())
        if described["format"] != FORMAT:
            raise GenerationError(
                f"{directory}: is of format {described['format']}, this version reads {FORMAT}"
            )
        unet, conditions, upsampler = (
            _load_part(directory / part, kind) for part, kind in PARTS.items()
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
        if pickles := pickles_in(directory):
            raise GenerationError(
                f"{pickles[0]}: pickled weights can run code and are not read; save them with "
                "safe_serialization=True"
            ) from problem
        raise GenerationError(
            f"{directory}: holds no complete cascade ({problem}); train one with train_generator"
        ) from problem
    return BaseNetwork(unet, conditions), upsampler


def _load_part(folder: Path, kind: Any) -> Any:
    network, told = kind.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        low_cpu_mem_usage=False,
        torch_dtype=torch.float32,
        output_loading_info=True,
    )
    if told["missing_keys"]:  # diffusers would leave them to chance
        raise ValueError(f"{folder} lacks {told['missing_keys'][0]}")
    return network.eval()


def origin_of(directory: Path) -> WeightsOrigin:
    """Return where the weights come from of a cascade that was loaded."""
    described = json.loads((directory / "cascade.json").read_text())
    return WeightsOrigin(tuple(described["trained_on"]), described["licence"])


def weights_sha256(directory: Path) -> str:
    """Return one SHA-256 over all weight files of a directory, in hex."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*.safetensors")):
        total.update(path.relative_to(directory).as_posix().encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
