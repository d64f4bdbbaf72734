"""How surely a copied photograph is found among all others, and how often another is suspected.

    python -m benchmarks.copies DATASET [IMAGES]

IMAGES photographs (150, unless said) of different lesions are cut to 95 % near the middle, or
squeezed to squares as a whole, turned or mirrored, brightened or darkened by up to 5 %, brought to
256 px and compressed as JPEG of quality 75, then looked for among all photographs of DATASET: once
with the original among them, as a copy would be, once without all photographs of the same lesion,
as a new image would be.
"""

import os
import sys
from io import BytesIO

import django
import numpy as np
from PIL import Image, ImageEnhance

from analysis.proportions import wilson
from benchmarks.product import machine
from evaluation.likeness import COPY, PhotographIndex, shrunk, turned


def disguised(
    photograph: Image.Image, rng: np.random.Generator, *, squeezed: bool = False
) -> Image.Image:
    """Return (256, 256) of a photograph as a copy would come: cut, or squeezed as a whole."""
    side = int(0.95 * min(photograph.size))
    left = (photograph.width - side) // 2 + int(rng.integers(-4, 5))
    top = (photograph.height - side) // 2
    cut = photograph.convert("RGB")
    if not squeezed:
        cut = cut.crop((left, top, left + side, top + side))
    cut = Image.fromarray(np.ascontiguousarray(turned(np.asarray(cut), int(rng.integers(8)))))
    cut = cut.resize((256, 256), Image.Resampling.BICUBIC)
    stored = BytesIO()
    lit = ImageEnhance.Brightness(cut).enhance(rng.uniform(0.95, 1.05))
    lit.save(stored, "JPEG", quality=75)
    return Image.open(stored).convert("RGB")


def main(dataset: str, images: int = 150) -> None:
    """Look for copies and for others, and print both shares."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from evaluation.catalogue import images_for_training, open_original

    known = list(images_for_training([dataset]))
    index = PhotographIndex()
    for each in known:
        index.add(shrunk(open_original(each.image)))
    lesions: dict[str, list[int]] = {}
    for place, each in enumerate(known):
        lesions.setdefault(each.lesion, []).append(place)
    print(f"{len(known)} photographs of {dataset}, on {machine()}")
    for squeezed in (False, True):
        rng = np.random.default_rng(0)
        drawn = rng.permutation(sorted(lesions))[:images].tolist()
        found = suspected = 0
        nearest: list[float] = []
        for k, lesion in enumerate(drawn):
            original = open_original(known[lesions[lesion][0]].image)
            image = disguised(original, rng, squeezed=squeezed)
            copied = index.nearest(image)
            found += copied.likeness >= COPY and copied.index in lesions[lesion]
            nearest.append(index.nearest(image, leave_out=lesions[lesion]).likeness)
            suspected += nearest[-1] >= COPY
            print(f"  {k + 1} of {len(drawn)}", end="\r", file=sys.stderr)
        print("squeezed:" if squeezed else "cut:")
        for what, count in (("copies found", found), ("others suspected", suspected)):
            share = wilson(count, len(drawn))
            print(
                f"  {what:<17} {count} of {len(drawn)}: {share.value:.3f} "
                f"({share.low:.3f} to {share.high:.3f})"
            )
        print(f"  highest likeness to another lesion {max(nearest):.2f}, bound {COPY}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
