"""Contact sheets: many images at one glance, a row an entity."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from generation.engine.generator import Generator, ImageRequest


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], gap: int = 4) -> Image.Image:
    """Lay images out in rows on a neutral ground.

    Args:
        rows: uint8 images (size, size, 3), all of one size.
        gap: px between images.
    """
    size = rows[0][0].shape[0]
    across = max(len(row) for row in rows)
    sheet = np.full((len(rows) * (size + gap) + gap, across * (size + gap) + gap, 3), 128, np.uint8)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            top, left = gap + y * (size + gap), gap + x * (size + gap)
            sheet[top : top + size, left : left + size] = image
    return Image.fromarray(sheet)


def sheet_of_entities(generator: Generator, across: int = 4) -> Image.Image:
    """Let `generator` make `across` images of each of its entities, and lay them out."""
    requests = [
        ImageRequest(entity=entity, seed=seed)
        for entity in generator.entities
        for seed in range(across)
    ]
    images = generator.generate(requests)
    return contact_sheet(
        [images[first : first + across] for first in range(0, len(images), across)]
    )
