"""How light is the skin in sets of images: `python -m benchmarks.skin_tones FOLDER [FOLDER …]`.

FOLDER is a folder or `archive.zip/folder`. The images are measured as an import measures them, and
the table is that of `manage.py measure_tones`, which does it for the catalogue.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from evaluation.decoding import LARGEST_FILE, decode
from evaluation.sources import Source
from skin.finding import measured_tone
from skin.tones import Spread, spread, table


def spread_of(folder: str) -> Spread:
    """Return how the tones of the images in a folder lie."""
    source = Source(folder)
    names = [name for name in source.names() if name.lower().endswith((".jpg", ".png"))]
    with ThreadPoolExecutor() as pool:
        tones = pool.map(lambda name: measured_tone(decode(source.read(name, LARGEST_FILE))), names)
        return spread(list(tones))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print("\n".join(table({folder: spread_of(folder) for folder in sys.argv[1:]})))
