"""How fast images are made: `python -m benchmarks.generate [NAME] [IMAGES]`.

Three questions: how long an image takes in full batches and alone (limits of the built-in generator
on two cores; the published system took twenty minutes), how much of the work lies outside the
networks when a thousand images are planned, encoded and recorded, and whether memory stays flat.
The second is asked with a generator that costs nothing.
"""

import sys
import time

from benchmarks.product import ROOT, empty_product, machine

LIMIT_BATCH_S, LIMIT_ALONE_S, LIMIT_OUTSIDE_MS, PUBLISHED_S = 1.2, 2.5, 5.0, 20 * 60

#: Runs in a product of its own: plans, and records images that cost nothing to make.
OUTSIDE = """
import os, resource, time
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
import numpy as np
from generation.batches import plan_batch, run_batch

class Instant:
    name, revision, licence = "dermdiff", "instant", "CC0-1.0"
    compute_batch, calls_at_once, compiled = 8, 1, False
    def settings(self):
        return {}
    def generate(self, requests, on_step=None):
        return [self.image(request.seed) for request in requests]
    def image(self, seed):
        rough = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
        return np.repeat(np.repeat(rough, 4, 0), 4, 1)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

run_batch(plan_batch(generator="dermdiff", per_entity=15, seed=1), Instant())
early = peak()
batch = plan_batch(generator="dermdiff", per_entity=143, seed=2)
begun = time.perf_counter()
for planned in batch.planned.all()[:200]:
    Instant().image(planned.seed)
drawing = (time.perf_counter() - begun) / 200
begun = time.perf_counter()
made = run_batch(batch, Instant())
print((time.perf_counter() - begun) / made - drawing, early, peak())
"""


def main(name: str = "dermdiff", images: str = "32") -> int:
    """Generate, print, and fail if a limit is passed."""
    with empty_product() as manage:
        manage("migrate", "--verbosity", "0")
        said = manage.output("-c", OUTSIDE).split()
    outside, early, late = (float(word) for word in said)
    # Imported here: the part above is measured without torch in memory.
    from generation.engine.generator import ImageRequest
    from generation.engine.registry import load_generator

    begun = time.perf_counter()
    generator = load_generator(name, ROOT / "var" / "weights")
    loaded = time.perf_counter() - begun
    entities = generator.entities
    requests = [
        ImageRequest(entity=entities[k % len(entities)], seed=k) for k in range(int(images))
    ]
    generator.generate(requests[: generator.compute_batch])  # warm up
    begun = time.perf_counter()
    generator.generate(requests)
    each = (time.perf_counter() - begun) / len(requests)
    generator.compute_batch = 1  # another setting, so other pixels; the time is what is asked
    generator.generate(requests[:1])
    begun = time.perf_counter()
    generator.generate(requests[:4])
    alone = (time.perf_counter() - begun) / 4

    print(f"{len(requests)} images by {name} {generator.revision} on {machine()}")
    print(f"{'weights loaded':<40} {loaded:8.2f} s")
    rows = (
        ("an image in full batches", each, LIMIT_BATCH_S, "s"),
        ("an image alone", alone, LIMIT_ALONE_S, "s"),
        ("outside the networks, of 1,001 images", 1000 * outside, LIMIT_OUTSIDE_MS, "ms"),
    )
    for what, value, limit, unit in rows:
        print(f"{what:<40} {value:8.2f} {unit}   limit {limit} {unit}   ratio {value / limit:.2f}")
    print(f"{'published system over ours':<40} {PUBLISHED_S / each:8.0f} times")
    print(f"{'memory after 105 and after 1,106 images':<40} {early:.0f} MB, {late:.0f} MB")
    return 0 if all(value <= limit for _, value, limit, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
