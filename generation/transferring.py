"""Lesions on healthy skin: painted by a generator inside a mask, or taken from a photograph."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from django.conf import settings

from evaluation.entities import known_entities
from evaluation.seal import canonical
from generation.batches import OWN_WEIGHTS
from generation.deidentification import keep_of
from generation.engine import blending, masked
from generation.engine.comparing import Difference
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.masked import Mask, Masked, check_keep, colour_around, finish, sketch
from generation.engine.registry import BUILT_IN, load_generator
from generation.engine.segmenter.finding import find_segmenter
from generation.photographs import (
    Photograph,
    Pixels,
    read_mask,
    read_photograph,
    write_checked,
)

CANDIDATES = 4


@dataclass(frozen=True)
class Painted:
    """A lesion that a generator is asked for.

    Attributes:
        mask: a file, as large as the skin's photograph, white where the lesion shall be.
        request: what is asked.
        candidates: lesions that are painted; the one is taken of which the segmenter sees most.
    """

    generator: str
    mask: Path
    request: ImageRequest
    candidates: int = CANDIDATES
    device: str = "auto"


@dataclass(frozen=True)
class Taken:
    """A lesion of a photograph.

    Attributes:
        mask: a file, white where it is; None to have it found.
        licence: of that photograph, as an SPDX expression.
        at: of its centre in the skin, as shares of width and height.
        width: as a share of the skin's width.
    """

    photograph: Path
    mask: Path | None
    entity: str
    licence: str
    at: tuple[float, float] = (0.5, 0.5)
    width: float = 0.4


def transfer_lesion(skin: Path, lesion: Painted | Taken, target: Path) -> Difference:
    """Set a lesion into a photograph of skin; outside of it nothing changes, byte for byte.

    The result says in its own file that it was made by AI, so that it never counts as real.

    Args:
        skin: photograph of healthy skin.
        lesion: which.
        target: the PNG to come; its report stands beside it.

    Raises:
        GenerationError: something cannot be used or asked for, a check fails, or the target exists.
    """
    if target.suffix.lower() != ".png":
        raise GenerationError(f"{target}: is no name of a PNG; end it in .png")
    for place in (target, target.with_suffix(".json")):
        if place.exists():
            raise GenerationError(f"{place}: exists already; choose another --out")
    ground = read_photograph(skin)
    if isinstance(lesion, Painted):
        how, (made, changed, told) = "by AI, but for the skin", _paint(ground, lesion)
    else:
        how, (made, changed, told) = "by AI, from photographs", _take(ground, lesion)
    provenance = {
        "made": how,
        "software": f"DermTuring {settings.VERSION}",
        "skin": ground.sha256,
        **told,
    }
    report = {
        "skin": {"name": skin.name, "sha256": ground.sha256},
        "changed": round(float(changed.mean()), 4),
        **{key: value for key, value in provenance.items() if key != "skin"},
    }
    said = canonical(provenance).decode()
    return write_checked(
        made, ground.pixels, ~changed, report, target, hiding=False, provenance=said
    ).difference


def _paint(skin: Photograph, lesion: Painted) -> tuple[Pixels, Mask, Mapping[str, object]]:
    """Let a generator paint several lesions, and take one."""
    if lesion.candidates < 1:
        raise GenerationError(f"{lesion.candidates} candidates; use at least 1")
    mask = read_mask(lesion.mask)
    try:
        check_keep(skin.pixels, mask)
    except GenerationError as problem:
        raise GenerationError(f"{lesion.mask}: {problem}") from None
    segmenter = find_segmenter(OWN_WEIGHTS, BUILT_IN)
    generator = load_generator(
        lesion.generator, OWN_WEIGHTS, lesion.device, compute_batch=lesion.candidates
    )
    generator.fit()
    colour = colour_around(skin.pixels, mask)
    seeds = [lesion.request.seed + k for k in range(lesion.candidates)]
    made = sketch(
        generator,
        [
            Masked(skin.pixels, ~mask, colour, replace(lesion.request, seed=seed), skin=False)
            for seed in seeds
        ],
    )
    seen = [float(segmenter.shares(each.image)[~each.keep].mean()) for each in made]
    best = int(np.argmax(seen))
    asked = ("entity", "sex", "age", "site", "tone", "prompt", "guidance", "steps")
    return (
        finish(generator, made[best]),
        mask,
        {
            "method": masked.METHOD,
            "entity": lesion.request.entity,
            "mask": hashlib.sha256(np.packbits(mask).tobytes()).hexdigest(),
            "recipe": {
                "seed": seeds[best],
                "candidates": lesion.candidates,
                **{
                    key: value
                    for key in asked
                    if (value := getattr(lesion.request, key)) is not None
                },
            },
            "generator": generator.name,
            "revision": generator.revision,
            "made_with": generator.settings(),
            "licence": generator.licence,
        },
    )


def _take(skin: Photograph, lesion: Taken) -> tuple[Pixels, Mask, Mapping[str, object]]:
    """Cut a lesion out of its photograph and set it in."""
    if lesion.entity not in known_entities():
        raise GenerationError(
            f"entity '{lesion.entity}' is unknown; use one of {', '.join(known_entities())}"
        )
    source = read_photograph(lesion.photograph)
    mask = keep_of(source, lesion.mask, 0.0, find_segmenter(OWN_WEIGHTS, BUILT_IN))
    made, changed = blending.set_in(skin.pixels, source.pixels, mask, lesion.at, lesion.width)
    return (
        made,
        changed,
        {
            "method": blending.METHOD,
            "entity": lesion.entity,
            "lesion": source.sha256,
            "mask": hashlib.sha256(np.packbits(mask).tobytes()).hexdigest(),
            "at": list(lesion.at),
            "width": lesion.width,
            "licence": lesion.licence,
        },
    )
