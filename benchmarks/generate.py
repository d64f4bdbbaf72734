"""How long an image takes to generate: `python -m benchmarks.generate [NAME] [IMAGES]`.

The limit is the twenty minutes an image on a CPU of the published system; the demonstration needs
far less. The time of loading the weights is given apart.
"""

import sys
import time

from benchmarks.product import ROOT, against_limit, machine
from generation.engine.generator import ImageRequest
from generation.engine.registry import load_generator


def main(name: str = "dermdiff", images: str = "32") -> int:
    """Generate, print, and fail if the limit is passed."""
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
    print(f"{len(requests)} images by {name} {generator.revision} on {machine()}")
    print(f"{'weights loaded':<44} {loaded:8.2f} s")
    return 0 if against_limit("an image", each, 20 * 60) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
