"""How long the quality report of many images takes: `python -m benchmarks.quality [IMAGES]`.

Half of the images are photographs as HAM10000 is stored here, half are squares of 256 px, all drawn
by the program of phantoms and stored as a camera or a generator would. They are compared in the
classifier's features, nothing kept from before, and then again with all of them kept. Limit: 10,000
images in 10 minutes on two cores. From fewer images the time of 10,000 is extrapolated: what the
second run takes, and the rest by their number. Processor time tells what other work on the machine
did not take.
"""

import csv
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.product import against_limit, empty_product, machine
from evaluation.phantoms import draw_phantom

ENTITIES = ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc")
IMAGES, LIMIT_S = 10_000, 600
DRAWN = 70  # different phantoms; each image is one of them, turned and lightened


def write_images(folder: Path, count: int, *, square: bool) -> Path:
    """Write images and the CSV that names them, and return the CSV."""
    rng = np.random.default_rng(int(square))
    drawn = [draw_phantom(ENTITIES[k % 7], k) for k in range(DRAWN)]
    (folder / "images").mkdir(parents=True)
    rows = []
    for k in range(count):
        pixels = drawn[k % DRAWN] * rng.uniform(0.8, 1.1) + rng.normal(0, 4, 3)
        turned = pixels.clip(0, 255).astype(np.uint8)[:: 1 - 2 * int(rng.integers(2))]
        image = Image.fromarray(np.ascontiguousarray(turned))
        if square:
            side = min(image.size)
            name = f"made-{k:05}.png"
            image.crop((0, 0, side, side)).resize((256, 256)).save(
                folder / "images" / name, compress_level=1
            )
        else:
            name = f"photograph-{k:05}.jpg"
            image.resize((200, 150)).save(folder / "images" / name, quality=75)
        rows.append({"image_id": Path(name).stem, "dx": ENTITIES[k % 7]})
    table = folder / "metadata.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return table


def main(images: int = IMAGES) -> int:
    """Measure, print, and fail if it takes too long."""
    with TemporaryDirectory(prefix="dermturing-quality-") as name, empty_product() as product:
        folder = Path(name)
        product("migrate", "--verbosity", "0")
        for source, square in (("photographs", False), ("ours", True)):
            table = write_images(folder / source, images // 2, square=square)
            owner = ("--generator" if square else "--dataset", source)
            product(
                *("import_images", str(folder / source / "images"), "--metadata", str(table)),
                *(*owner, "--licence", "CC0-1.0", "--skip-problems", "--verbosity", "0"),
            )
        words = ("evaluate_images", "--generator", "ours", "--reference", "photographs", "--out")
        first, again = (timed(product, *words, str(folder / to)) for to in ("first", "again"))
    print(f"\non {machine()}; {images:,} images")
    print(f"first run {first[0]:.0f} s, {first[1]:.0f} s of a processor")
    print(f"features kept {again[0]:.0f} s, {again[1]:.0f} s of a processor")
    whole, busy = (k + (f - k) * IMAGES / images for f, k in zip(first, again, strict=True))
    print(f"{IMAGES:,} images by ratio: {busy:.0f} s of a processor")
    return 0 if against_limit(f"{IMAGES:,} images compared", whole, LIMIT_S) else 1


def timed(do: Callable[..., object], *words: str) -> tuple[float, float]:
    """Return the seconds that something took, and those of a processor in its processes."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    do(*words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, busy


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
