"""How long the report of a large study takes: `OMP_NUM_THREADS=1 python -m benchmarks.report`.

Each study is drawn, read, and reported with all its files in a process of its own. Limits: 20
raters of 280 images in 20 s; 200 raters of 1,000 images in 60 s and 2 GiB of memory; report.json
in 15 MB.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.product import against_limit, machine

STUDIES = ((20, 280, 20.0), (200, 1000, 60.0))
MEMORY_GIB = 2.0
NUMBERS_MB = 15.0
ENTITIES = ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc")


def answers(raters: int, images: int) -> list[dict[str, object]]:
    """Return the answers of raters of different skill to two generators' and real images."""
    rng = np.random.default_rng(0)
    synthetic = np.arange(images) % 2 == 0
    latent = (
        synthetic * (0.7 + 0.3 * rng.normal(size=(raters, 1)))
        + 0.5 * rng.normal(size=images)
        + rng.normal(size=(raters, images))
    )
    ratings = np.digitize(latent, [-1, -0.3, 0.4, 1.1, 1.8]) + 1
    right = rng.random((raters, images)) < 0.7
    other = rng.integers(0, len(ENTITIES), (raters, images))
    order = np.argsort(rng.random((raters, images)), axis=1) + 1
    times = np.exp(rng.normal(8.3, 0.5, (raters, images))).astype(int)
    sure = np.round(rng.uniform(0.2, 1, (raters, images)), 2)
    return [
        {
            "rater": f"r{rater:03}",
            "rater_kind": "human",
            "rater_role": ("dermatologist", "resident")[rater % 2],
            "rater_experience": rater % 12,
            "image": f"i{image:04}",
            "origin": "synthetic" if synthetic[image] else "real",
            "generator": f"g{image % 4 // 2}" if synthetic[image] else "",
            "entity": (truth := ENTITIES[image // 2 % 7]),
            "answered_entity": truth if right[rater, image] else ENTITIES[other[rater, image]],
            "answered_origin": "synthetic" if ratings[rater, image] > 3 else "real",
            "rating": int(ratings[rater, image]),
            "entity_confidence": float(sure[rater, image]),
            "response_ms": int(times[rater, image]),
            "hidden_ms": 0,
            "trial": int(order[rater, image]),
        }
        for rater in range(raters)
        for image in range(images)
    ]


def report(raters: int, images: int) -> None:
    """Report one study, and print the seconds and the memory as JSON."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from analysis.report.build import write_report
    from analysis.table import table_from_rows

    rows = answers(raters, images)
    begun = time.perf_counter()
    table = table_from_rows(rows, "benchmark")
    read = time.perf_counter() - begun
    del rows
    with tempfile.TemporaryDirectory() as folder:
        paths = write_report(table, Path(folder) / "report")
        files = len(json.loads(paths.numbers.read_text(encoding="utf-8"))["files"])
        numbers = paths.numbers.stat().st_size
        size = sum(path.stat().st_size for path in paths.folder.rglob("*") if path.is_file())
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - begun,
                "read": read,
                "files": files,
                "megabytes": size / 1e6,
                "numbers": numbers / 1e6,
                "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            }
        )
    )


def main() -> int:
    """Measure each study in a process of its own, and fail if a limit is missed."""
    if len(sys.argv) == 3:
        report(int(sys.argv[1]), int(sys.argv[2]))
        return 0
    print(machine())
    held = []
    for raters, images, limit in STUDIES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.report", str(raters), str(images)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found = json.loads(done.stdout)
        held.append(against_limit(f"{raters} x {images:,}", found["seconds"], limit))
        print(
            f"  {found['read']:.1f} s of it to check the table; {found['files']} files, "
            f"{found['megabytes']:.1f} MB, {found['numbers']:.1f} of them report.json; "
            f"{found['gib']:.2f} GiB of memory at most"
        )
        held += [found["gib"] <= MEMORY_GIB, found["numbers"] <= NUMBERS_MB]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
