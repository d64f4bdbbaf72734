"""A generator at one glance: `python -m benchmarks.contact_sheet NAME OUT.jpg [DATASET]`.

Ten images of each entity, seeds 0 to 9, unselected, a row an entity; with a dataset of the
catalogue ten of its photographs stand beside them, the first by hash of lesions held out from
training, then of others. Photographs are as a rule not free to be published: the documentation
shows the generated half.
"""

import os
import sys
from pathlib import Path

import django
import numpy as np
from PIL import Image

ACROSS, SIZE = 10, 128


def small(pixels: np.ndarray) -> np.ndarray:
    """Return the middle square of an image, 128 px."""
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    square = Image.fromarray(pixels[top : top + side, left : left + side])
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def main(name: str, out: str, dataset: str = "") -> int:
    """Generate, lay out, save."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from evaluation.catalogue import images_for_training, open_original
    from generation.batches import OWN_WEIGHTS
    from generation.engine.contact_sheet import contact_sheet
    from generation.engine.generator import ImageRequest
    from generation.engine.registry import load_generator
    from generation.gathering import is_held_out

    generator = load_generator(name, OWN_WEIGHTS)
    rows = []
    for entity in generator.entities:
        requests = [ImageRequest(entity=entity, seed=seed) for seed in range(ACROSS)]
        row = [small(image) for image in generator.generate(requests)]
        if dataset:
            real = [each for each in images_for_training([dataset]) if each.entity == entity]
            real.sort(key=lambda each: not is_held_out(each.lesion))
            row += [small(np.asarray(open_original(e.image).convert("RGB"))) for e in real[:ACROSS]]
        rows.append(row)
    contact_sheet(rows).save(Path(out), quality=88)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
