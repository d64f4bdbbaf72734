"""Lesions on dark skin, darker than it? `python -m benchmarks.dark_skin PATCHES OUT.png [N]`.

The built-in generator paints N naevi (4) on flat skin of each of six tones, and N on patches of
real healthy skin of each tone class. PATCHES is a folder with `index.csv` (file, image_type,
skin_tone_class 0 dark to 5 light). Each is painted twice: on the skin as it is, as before the
generator was shown it brightened, and as it is done. Printed: the share of lesions whose middle
is darker than the skin around by 3 of L* or more, and the median difference. OUT shows the first
of each, as it was and as it is.
"""

import csv
import os
import sys
from pathlib import Path
from unittest.mock import patch

import django
import numpy as np
from PIL import Image
from scipy import ndimage

TONES = (-56, -6, 23, 46, 58, 73)  # degrees: means of the classes 0 to 5 in MILK10k
SIDE, RADIUS, DARKER = 128, 32, 3.0


def skins(folder: Path, count: int) -> list[tuple[str, np.ndarray]]:
    """Return a name and a square of skin, dark first: flat ones, then patches by class."""
    from generation.engine.colour import skin_of_tone

    noise = np.random.default_rng(0).normal(0, 0.01, (SIDE, SIDE, 1))
    found = []
    with (folder / "index.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["image_type"].startswith("clinical")]
    for kind, tone in enumerate(TONES):
        flat = ((skin_of_tone(tone) + noise).clip(0, 1) * 255).round().astype(np.uint8)
        found += [(f"flat, {tone} degrees", flat)] * count
        own = [row for row in rows if float(row["skin_tone_class"]) == kind]
        for row in own[:: max(1, len(own) // count)][:count]:
            shown = Image.open(folder / row["file"]).convert("RGB")
            found.append((f"patches, class {kind}", np.asarray(shown.resize((SIDE, SIDE)))))
    return found


def difference(image: np.ndarray, mask: np.ndarray) -> float:
    """Return L* of a lesion's middle less that of the skin around it."""
    from evaluation.skin.colour import lab_of_pixels

    light = lab_of_pixels(image)[..., 0]
    middle = ndimage.binary_erosion(mask, iterations=RADIUS // 3)
    near, wide = (ndimage.binary_dilation(mask, iterations=n) for n in (2, RADIUS // 3))
    return float(np.median(light[middle]) - np.median(light[wide & ~near]))


def main(folder: str, out: str, count: int = 4) -> int:
    """Paint, print, show."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from generation.engine.generator import ImageRequest
    from generation.engine.masked import Masked, colour_around, complete
    from generation.engine.registry import BUILT_IN, load_generator

    generator = load_generator("dermdiff", BUILT_IN, "cpu", compute_batch=count)
    rows, columns = np.indices((SIDE, SIDE))
    mask = np.hypot(rows - SIDE / 2, (columns - SIDE / 2) / 1.2) < RADIUS
    named, shown = skins(Path(folder), count), []
    for name in dict.fromkeys(name for name, _ in named):
        tasks = [
            Masked(skin, ~mask, colour_around(skin, mask), ImageRequest("nv", seed), skin=False)
            for seed, skin in enumerate(skin for each, skin in named if each == name)
        ]
        with patch("generation.engine.masked.brightening", lambda _: np.ones(3)):
            before = complete(generator, tasks)
        ways = [before, complete(generator, tasks)]
        told = []
        for made in ways:
            found = np.array([difference(image, mask) for image in made])
            told.append(f"{(found <= -DARKER).sum()} of {len(made)} ({np.median(found):+.1f})")
        print(f"{name:20} before {told[0]:18} now {told[1]}", flush=True)
        shown.append(np.hstack([made[0] for made in ways]))
        Image.fromarray(np.vstack(shown)).save(out)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
