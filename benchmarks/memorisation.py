"""How surely a quality report finds copies: `python -m benchmarks.memorisation LEARNT OTHER`.

LEARNT and OTHER are packs of photographs (.zip with a CSV). In place of synthetic images stand 400
photographs, a share of them copies of the 1,000 that were learnt from, the rest of other lesions;
all are disguised alike (`benchmarks.copies`). Held out are 500 photographs of LEARNT of yet other
lesions, or of OTHER. Told is in how many of 40 draws the report warns in the classifier's features:
because the set is nearer by its kernel distance, and because single images are.

Limit: without copies single images warn in 10 % of draws at most.
"""

import csv
import sys
from io import BytesIO, TextIOWrapper
from zipfile import ZipFile

import numpy as np
from PIL import Image

from analysis.quality.extractors import DomainExtractor
from analysis.quality.memorisation import memorisation
from analysis.quality.sets import Floats, ImageSet
from analysis.quality.treatment import treated
from benchmarks.copies import disguised
from benchmarks.product import machine

SYNTHETIC, LEARNT, HELD_OUT = 400, 1000, 500
SHARES = (0.0, 0.1, 0.2, 0.4, 1.0)
DRAWS, MOST_FALSE = 40, 0.10


def photographs(pack: str, most: int) -> list[Image.Image]:
    """Return photographs of a pack, of different lesions, at random."""
    with ZipFile(pack) as files:
        (table,) = (name for name in files.namelist() if name.endswith(".csv"))
        rows = list(csv.DictReader(TextIOWrapper(files.open(table), "utf-8")))
        first = {row["lesion_id"] or row["image_id"]: row["file"] for row in reversed(rows)}
        names = np.random.default_rng(0).permutation(sorted(first.values()))[:most]
        return [Image.open(BytesIO(files.read(name))) for name in names]


def features(images: list[Image.Image], extractor: DomainExtractor) -> Floats:
    """Return (n, d) of images as a quality report treats them."""
    parts = [
        extractor.rows(np.stack([treated(image) for image in images[at : at + 64]]))
        for at in range(0, len(images), 64)
    ]
    return np.concatenate(parts)[:, : extractor.about.features].astype(float)


def as_set(rows: Floats) -> ImageSet:
    """Return a set of one entity, of which nothing but features is known."""
    none = np.full(len(rows), "")
    entity, traits = np.full(len(rows), "nv"), np.empty((len(rows), 0))
    age, pixels = np.full(len(rows), np.nan), lambda _: np.empty(0, np.uint8)
    return ImageSet(none, entity, {"domain": rows}, {}, traits, age, none, none, pixels)


def main(learnt_pack: str, other_pack: str) -> int:
    """Measure, print, and fail if there are too many false warnings."""
    extractor, rng = DomainExtractor(), np.random.default_rng(0)
    own = photographs(learnt_pack, LEARNT + SYNTHETIC + HELD_OUT)
    plain = features(own, extractor)
    copies = features([disguised(image, rng) for image in own], extractor)
    other = features(photographs(other_pack, 2 * HELD_OUT), extractor)
    print(f"{DRAWS} draws a line, on {machine()}\n")
    print("| held out | copies | nearest learnt | floor | images warn | set warns |")
    print("|---|---|---|---|---|---|")
    false = 0.0
    for name in ("of the same source", "of another"):
        for share in SHARES:
            found = []
            for _ in range(DRAWS):
                places = rng.permutation(len(own))
                seen, rest = places[:LEARNT], places[LEARNT:]
                count = round(share * SYNTHETIC)
                made = np.concatenate([seen[:count], rest[: SYNTHETIC - count]])
                held = plain[rest[SYNTHETIC:]]
                if name == "of another":
                    held = other[rng.permutation(len(other))[:HELD_OUT]]
                sets = (as_set(copies[made]), as_set(plain[seen]), as_set(held))
                found.append(memorisation(*sets, (extractor.about,), ("nv",))[0])
            near, floor = (
                np.mean([getattr(one, key).value for one in found])
                for key in ("nearest", "nearest_floor")
            )
            images, whole = (
                float(np.mean([getattr(one, key) for one in found]))
                for key in ("image_warning", "set_warning")
            )
            cells = f"{share:.0%} | {near:.2f} | {floor:.2f} | {images:.0%} | {whole:.0%}"
            print(f"| {name} | {cells} |", flush=True)
            false = max(false, images) if not share else false
    print(f"\nfalse warnings of single images: {false:.0%} (limit {MOST_FALSE:.0%})")
    return 1 if false > MOST_FALSE else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
