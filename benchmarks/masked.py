"""What is kept, and what has no influence: `python -m benchmarks.masked DATASET OUT.jpg [N]`.

N photographs (20) of lesions held out from training, each with its mask from the catalogue, are
de-identified by the built-in generator; then again with noise in place of all that is not kept. The
two must be the same byte for byte, and equal to the photograph where it is kept. Printed beside
it: how far the copies differ from the photographs elsewhere, and the same of photographs of other
lesions, as what chance gives. OUT shows photographs, what the generator saw, and the copies.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import django
import numpy as np
from PIL import Image

SEED, SIZE = 7, 150


def square(pixels: np.ndarray) -> np.ndarray:
    """Return a photograph in the middle of a grey square of 150 px."""
    shown = Image.fromarray(pixels)
    shown.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (SIZE, SIZE), (128, 128, 128))
    ground.paste(shown, ((SIZE - shown.width) // 2, (SIZE - shown.height) // 2))
    return np.asarray(ground)


def main(dataset: str, out: str, count: int = 20) -> int:
    """Make, compare, print; returns 1 if anything leaked or was not kept."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from evaluation.catalogue import images_for_training, open_mask, open_original
    from generation.batches import OWN_WEIGHTS
    from generation.engine.comparing import compare
    from generation.engine.contact_sheet import contact_sheet
    from generation.engine.generator import ImageRequest
    from generation.engine.masked import Masked, colour_around, complete
    from generation.engine.registry import load_generator
    from generation.gathering import is_held_out

    generator = load_generator("dermdiff", OWN_WEIGHTS)
    unseen = [each for each in images_for_training([dataset]) if is_held_out(each.lesion)]
    tasks: list[Masked] = []
    for each in sorted(unseen, key=lambda each: each.image.sha256)[:count]:
        photograph = np.asarray(open_original(each.image))
        keep = np.asarray(open_mask(each.image).convert("L")) > 127
        request = ImageRequest(entity=each.entity, seed=len(tasks), guidance=1.0)
        tasks.append(Masked(photograph, keep, colour_around(photograph, keep), request))
    rng = np.random.default_rng(SEED)
    hidden = [
        replace(
            task,
            photograph=np.where(
                task.keep[..., None],
                task.photograph,
                rng.integers(0, 256, task.photograph.shape, np.uint8),
            ),
        )
        for task in tasks
    ]
    made, others = complete(generator, tasks), complete(generator, hidden)
    leaking = sum(not np.array_equal(a, b) for a, b in zip(made, others, strict=True))
    differences = [
        compare(task.photograph, image, task.keep) for task, image in zip(tasks, made, strict=True)
    ]
    chance = [
        compare(one.photograph, other.photograph, one.keep | other.keep).alike
        for one in tasks
        for other in tasks
        if one is not other and one.photograph.shape == other.photograph.shape
    ]
    altered = sum(each.altered for each in differences)
    print(f"{len(tasks)} photographs; copies that noise around the lesion changes: {leaking}")
    print(f"kept pixels that differ: {altered} of {sum(each.kept for each in differences)}")
    print(
        f"least share of the others that differ: {min(d.changed for d in differences):.3f}; least "
        f"of what would by chance: {min(d.changed / d.by_chance for d in differences):.3f}"
    )
    print(
        f"correlation with the original's texture: {min(d.alike for d in differences):.3f} to "
        f"{max(d.alike for d in differences):.3f}; of other lesions' photographs, 1st and 99th "
        f"percentile: {np.percentile(chance, 1):.3f} to {np.percentile(chance, 99):.3f}"
    )
    seen = [
        np.where(task.keep[..., None], task.photograph, np.array(task.ground, np.uint8))
        for task in tasks
    ]
    rows = [[task.photograph for task in tasks], seen, made]
    across = 10
    contact_sheet(
        [
            [square(image) for image in row[first : first + across]]
            for first in range(0, len(tasks), across)
            for row in rows
        ]
    ).save(Path(out), quality=88)
    return int(leaking > 0 or altered > 0)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
