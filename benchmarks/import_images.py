"""How long an import takes: `python -m benchmarks.import_images SOURCE METADATA.csv [MASKS]`.

For HAM10000's 10,015 images the limit is two minutes on two cores; for other numbers it is that
share of it. Beside it stands the peer: decoding the same files one by one with Pillow.
"""

import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.product import against_limit, empty_product, machine

LIMIT_S_AN_IMAGE = 120 / 10_015


def decode_one_by_one(source: str) -> tuple[int, float]:
    """Return how many images there are in a folder or `archive.zip/folder`, and the seconds."""
    archive, _, folder = source.partition(".zip")
    begun = time.perf_counter()
    if folder or source.endswith(".zip"):
        with zipfile.ZipFile(f"{archive}.zip") as packed:
            names = [n for n in packed.namelist() if n.startswith(folder.strip("/"))]
            contents = [packed.read(n) for n in names if n.lower().endswith((".jpg", ".png"))]
    else:
        paths = (p for p in Path(source).iterdir() if p.suffix.lower() in (".jpg", ".png"))
        contents = [path.read_bytes() for path in paths]
    for content in contents:
        Image.open(BytesIO(content)).load()
    return len(contents), time.perf_counter() - begun


def main(source: str, metadata: str, masks: str = "") -> int:
    """Import, print, and fail if the limit is passed."""
    count, alone = decode_one_by_one(source)
    options = ["--metadata", metadata, "--dataset", "benchmark", "--licence", "CC-BY-NC-4.0"]
    options += ["--skip-problems", *(["--masks", masks] if masks else [])]
    with empty_product() as manage:
        manage("migrate", "--verbosity", "0")
        checked = manage("import_images", source, *options, "--dry-run")
        imported = manage("import_images", source, *options)
    print(f"\n{count} images on {machine()}")
    print(f"{'decoded one by one by Pillow':<44} {alone:8.2f} s")
    print(f"{'dry run':<44} {checked:8.2f} s   ratio to Pillow {checked / alone:.2f}")
    held = against_limit("import", imported, count * LIMIT_S_AN_IMAGE)
    return 0 if held else 1


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
