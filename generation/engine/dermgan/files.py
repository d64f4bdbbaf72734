"""A painter on disk: `dermgan.json` says what it is, the weights lie beside it as safetensors."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from generation.engine.dermgan.networks import Critic, Painter, Shape
from generation.engine.files import pickles_in, replacing
from generation.engine.generator import GenerationError

FILE, FORMAT = "dermgan.json", 2


@dataclass(frozen=True)
class Colouring:
    """How skin and lesions are coloured, as normal distributions of logarithms of sRGB in 0 to 1.

    Attributes:
        skin: mean (3) and covariance (3, 3) of the skin.
        lesions: the same, by entity, of a lesion's colour over that of the skin around it.
    """

    skin: tuple[list[float], list[list[float]]]
    lesions: Mapping[str, tuple[list[float], list[list[float]]]]


@dataclass(frozen=True)
class Painting:
    """A trained painter with all that is needed to use it.

    Attributes:
        critic: of its training; None if it was not asked for.
        trained_on: names of the datasets.
        licence: of the images to come, as an SPDX expression.
    """

    painter: Painter
    critic: Critic | None
    shape: Shape
    entities: tuple[str, ...]
    colouring: Colouring
    trained_on: tuple[str, ...]
    licence: str


def save_painting(directory: Path, painting: Painting, card: str) -> None:
    """Write weights in half precision with their model card; replaces what is there."""
    with replacing(directory) as partial:
        for name in ("painter", "critic"):
            state = getattr(painting, name).state_dict()
            half = {key: each.half().contiguous() for key, each in state.items()}
            save_file(half, partial / f"{name}.safetensors")
        described = {
            "format": FORMAT,
            "entities": painting.entities,
            "shape": asdict(painting.shape),
            "colouring": asdict(painting.colouring),
            "trained_on": painting.trained_on,
            "licence": painting.licence,
        }
        (partial / FILE).write_text(json.dumps(described, indent=1) + "\n")
        (partial / "README.md").write_text(card)


def load_painting(directory: Path, *, critic: bool = False) -> Painting:
    """Read what `save_painting` wrote, in float32.

    Raises:
        GenerationError: the directory holds no painter of this format.
    """
    try:
        described = json.loads((directory / FILE).read_text())
        if described["format"] != FORMAT:
            raise GenerationError(
                f"{directory}: is of format {described['format']}, this version reads {FORMAT}"
            )
        shape = Shape(**described["shape"])
        painter = Painter(shape)
        painter.load_state_dict(_state(directory / "painter.safetensors"))
        against = Critic(shape) if critic else None
        if against:
            against.load_state_dict(_state(directory / "critic.safetensors"))
        return Painting(
            painter.eval(),
            against,
            shape,
            tuple(described["entities"]),
            Colouring(**described["colouring"]),
            tuple(described["trained_on"]),
            described["licence"],
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as problem:
        if pickles := pickles_in(directory):
            raise GenerationError(
                f"{pickles[0]}: pickled weights can run code and are not read; save them as "
                "safetensors"
            ) from problem
        raise GenerationError(
            f"{directory}: holds no complete dermgan ({problem}); train one with "
            "train_generator --kind dermgan"
        ) from problem


def _state(path: Path) -> dict[str, torch.Tensor]:
    return {key: each.float() for key, each in load_file(path).items()}
