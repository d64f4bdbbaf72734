"""How light is the skin in sets of images, measured as an import measures it?

    python -m benchmarks.skin_tones FOLDER [FOLDER …] [--rated INDEX.csv]

FOLDER is a folder or `archive.zip/folder`; the table is that of `manage.py measure_tones`, which
does it for the catalogue. INDEX.csv (in the archive, too) has the columns `image_id` and
`skin_tone_class`, a class that people gave, 0 dark to 5 light: what was measured is then set beside
it, with the rank correlation.
"""

import argparse
import csv
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import PurePath

import numpy as np
from scipy.stats import spearmanr

from evaluation.decoding import LARGEST_FILE, decode
from evaluation.skin.finding import measured_tone
from evaluation.skin.tones import spread, table
from evaluation.sources import Source, read_text


def tones_of(folder: str) -> dict[str, float | None]:
    """Return the measured tone of each image in a folder, by the name of its file."""
    source = Source(folder)
    names = [name for name in source.names() if name.lower().endswith((".jpg", ".png"))]
    with ThreadPoolExecutor() as pool:
        tones = pool.map(lambda name: measured_tone(decode(source.read(name, LARGEST_FILE))), names)
        return {PurePath(name).stem: tone for name, tone in zip(names, tones, strict=True)}


def print_rated(tones: dict[str, float | None], index: str) -> None:
    """Print how measured tones go with the classes that people gave."""
    rows = csv.DictReader(StringIO(read_text(index)))
    classes = {row["image_id"]: float(row["skin_tone_class"] or "nan") for row in rows}
    groups: dict[float, list[float]] = defaultdict(list)
    for name, tone in tones.items():
        if tone is not None and np.isfinite(rated := classes.get(name, np.nan)):
            groups[rated].append(tone)
    for rated, of in sorted(groups.items()):
        low, middle, high = np.percentile(of, (5, 50, 95))
        print(f"  class {rated:.0f}: {len(of)} images, {middle:.0f}° ({low:.0f}° to {high:.0f}°)")
    pairs = [(rated, tone) for rated, of in groups.items() for tone in of]
    if len(groups) > 1:
        print(f"  rank correlation {spearmanr(*zip(*pairs, strict=True)).statistic:.2f}")


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--rated", metavar="INDEX.csv")
    given = parser.parse_args()
    tones = {folder: tones_of(folder) for folder in given.folders}
    print("\n".join(table({folder: spread([*of.values()]) for folder, of in tones.items()})))
    for folder, of in tones.items():
        if given.rated:
            print(folder)
            print_rated(of, given.rated)


if __name__ == "__main__":
    main()
