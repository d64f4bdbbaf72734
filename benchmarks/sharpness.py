"""How sharp is skin beside a kept lesion: `python -m benchmarks.sharpness FOLDER OUT.png [N]`.

N photographs (6) of the folder, masks proposed, are de-identified by the built-in generator in two
ways. *Enlarged*: the photograph is made 3,072 px long, with a camera's noise of 4 levels; so it has
the size and the noise of a large photograph, but nothing between. *As it is*: the photograph keeps
its size and all that is in it, and what was painted is made as small as 64 px first, so that it
must be enlarged as much as for a large photograph; the upsampler then works at the scale at which
it was trained. Printed, octave by octave from 1 px: contrast just outside of what is kept over that
just inside, as median of the photographs; of the photographs themselves, of copies that are only
enlarged, and of copies as they are made. OUT shows the three beside each other around the seam.
"""

import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import django
import numpy as np
from PIL import Image
from scipy import ndimage

LONG, NOISE, SMALL, OCTAVES, SHOWN = 3072, 4.0, 64, 5, 360


def large(photograph: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Enlarge both, with noise as a camera's, a little correlated between pixels."""
    height, width = mask.shape
    size = (round(width * LONG / max(mask.shape)), round(height * LONG / max(mask.shape)))
    enlarged = np.asarray(Image.fromarray(photograph).resize(size, Image.Resampling.LANCZOS))
    noise = np.random.default_rng(0).standard_normal(enlarged.shape, np.float32)
    noise = ndimage.gaussian_filter(noise, (0.7, 0.7, 0))
    noisy = (enlarged + NOISE / noise.std() * noise).clip(0, 255).round().astype(np.uint8)
    return noisy, np.asarray(Image.fromarray(mask).resize(size))


def contrasts(image: np.ndarray, keep: np.ndarray) -> list[float]:
    """Return contrast outside over contrast inside, in rings beside the seam, by octaves."""
    diameter = 2 * np.sqrt(keep.sum() / np.pi)
    far = [np.asarray(ndimage.distance_transform_edt(each)) for each in (~keep, keep)]
    grey, found = image.mean(axis=2, dtype=np.float32), []
    last = grey
    for octave in range(OCTAVES):
        smooth = ndimage.gaussian_filter(grey, 0.7 * 2**octave)
        clear = max(0.01 * diameter, 2.0 * 2**octave)
        outer, inner = ((last - smooth)[(d > clear) & (d < clear + 0.1 * diameter)] for d in far)
        found.append(float(np.sqrt((outer**2).mean() / (inner**2).mean())))
        last = smooth
    return found


def shown(image: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Return a square of pixels around the rightmost point of what is kept."""
    row, column = max(np.argwhere(keep), key=lambda at: at[1])
    top, left = (
        int(np.clip(at - SHOWN // 2, 0, length - SHOWN))
        for at, length in zip((row, column), keep.shape, strict=True)
    )
    return image[top : top + SHOWN, left : left + SHOWN]


def main(folder: str, out: str, count: int = 6) -> int:
    """Make both kinds of copies, print, and show."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from generation.deidentification import GUIDANCE, MARGIN, MUCH, keep_of
    from generation.engine.generator import GenerationError, ImageRequest
    from generation.engine.masked import Masked, colour_around, finish, sketch
    from generation.engine.registry import BUILT_IN, load_generator
    from generation.engine.segmenter.finding import find_segmenter
    from generation.photographs import photographs_in, read_photograph

    generator = load_generator("dermdiff", BUILT_IN, "cpu", compute_batch=4)
    segmenter = find_segmenter(BUILT_IN, BUILT_IN)
    tasks: list[Masked] = []
    paths = list(photographs_in(Path(folder)).values())
    for path in paths[:: max(1, len(paths) // (20 * count))]:
        original = read_photograph(path)
        try:
            keep = keep_of(original, None, MARGIN, segmenter)
        except GenerationError:
            continue
        if len(tasks) < count and keep.mean() < MUCH / 2:
            request = ImageRequest(entity="nv", seed=len(tasks), guidance=GUIDANCE)
            colour = colour_around(original.pixels, keep)
            tasks.append(Masked(original.pixels, keep, colour, request))
    rows = []
    for kind in ("enlarged", "as it is"):
        found, seconds = [], 0.0
        for task in tasks:
            if kind == "enlarged":
                photograph, keep = large(task.photograph, task.keep)
                (drawn,) = sketch(generator, [replace(task, photograph=photograph, keep=keep)])
            else:
                (drawn,) = sketch(generator, [task])
                small = Image.fromarray(drawn.image).resize((SMALL,) * 2, Image.Resampling.BOX)
                whole = np.asarray(Image.fromarray(drawn.keep).resize((SMALL,) * 2))
                drawn = replace(drawn, image=np.asarray(small), keep=whole)
            with (
                patch("generation.engine.masked.match_grain"),
                patch("generation.engine.masked.ENOUGH", np.inf),
            ):
                plain = finish(generator, drawn)
            began = time.perf_counter()
            made = finish(generator, drawn)
            seconds += time.perf_counter() - began
            images = (drawn.task.photograph, plain, made)
            found.append([contrasts(image, drawn.task.keep) for image in images])
            if min(drawn.task.keep.shape) >= SHOWN:
                rows.append(np.hstack([shown(image, drawn.task.keep) for image in images]))
        high, wide = drawn.task.keep.shape
        print(f"{kind}, {len(tasks)} photographs, the last of {wide} x {high} px")
        names = ("photographs", "copies, enlarged only", "copies")
        for name, each in zip(names, np.median(found, axis=0), strict=True):
            print(f"  {name:22}" + "".join(f"{ratio:6.2f}" for ratio in each))
        print(f"  {seconds / len(tasks):.1f} s for each after the sketch")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")
    Image.fromarray(np.vstack(rows)).save(out)
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
