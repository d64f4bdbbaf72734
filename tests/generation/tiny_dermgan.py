"""A dermgan of the fewest channels, made here: it paints its map, more or less."""

from pathlib import Path

import torch
from torch import nn

from generation.engine.dermgan.files import Colouring, Painting, save_painting
from generation.engine.dermgan.networks import Critic, Painter, Shape

SKIN = ([-0.3, -0.5, -0.55], [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 0.01]])
LESION = ([-0.4, -0.7, -0.7], [[0.02, 0, 0], [0, 0.02, 0], [0, 0, 0.02]])


def save_tiny_dermgan(
    folder: Path, entities: tuple[str, ...] = ("mel", "nv"), touch: float = 0.002
) -> Path:
    """Write a whole dermgan of `entities` into `folder`.

    Args:
        touch: how far its random weights lead away from the colours of the map.
    """
    torch.manual_seed(0)
    shape = Shape(len(entities), width=16, widest=16, critic=8)
    painter = Painter(shape)
    nn.init.normal_(painter.out.weight, std=touch)
    painting = Painting(
        painter,
        Critic(shape),
        shape,
        entities,
        Colouring(SKIN, dict.fromkeys(entities, LESION)),
        ("none",),
        "CC0-1.0",
    )
    save_painting(folder, painting, "card")
    return folder
