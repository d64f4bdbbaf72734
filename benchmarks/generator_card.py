"""Figures of a generator's model card: `python -m benchmarks.generator_card NAME DATASET [IMAGES]`.

Needs the training images in the catalogue (`import_images`). Three questions are asked of `IMAGES`
generated images of each entity, the first two with the real images of held-out lesions as the
yardstick: does a simple classifier, trained on the training images, see the entity that was asked
for; do generated images lie nearer to a training image than held-out real images do (copies
would); and what does each control change, with the seed kept?
"""

import os
import sys
from dataclasses import replace
from typing import Any

import django
import numpy as np
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import recall_score
from sklearn.neighbors import NearestNeighbors

from benchmarks.product import machine
from generation.engine.generator import Generator, ImageRequest
from generation.engine.prompts import prompt_of

SIZE = 16  # px; coarse on purpose: colour, shape and place of the lesion


def features(images: np.ndarray) -> np.ndarray:
    """Return (N, 3 * 16 * 16) floats in [0, 1] of (N, H, W, 3) uint8, the central square shrunk."""
    side = min(images.shape[1:3]) * 8 // 9  # what the generator learns of a frame
    top, left = ((length - side) // 2 for length in images.shape[1:3])
    squares = images[:, top : top + side, left : left + side]
    small = [Image.fromarray(s).resize((SIZE, SIZE), Image.Resampling.BOX) for s in squares]
    return np.stack([np.asarray(s, np.float32).ravel() / 255 for s in small])


def main(name: str, dataset: str, per_entity: str = "40") -> int:
    """Generate, measure, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from generation.batches import OWN_WEIGHTS
    from generation.engine.registry import load_generator
    from generation.gathering import gather
    from generation.training import BASE_FRAME

    generator = load_generator(name, OWN_WEIGHTS)
    trained = gather([dataset], BASE_FRAME, enlarge=True).data
    held = gather([dataset], BASE_FRAME, enlarge=True, unseen=True).data
    labels = np.repeat(np.arange(len(generator.entities)), int(per_entity))
    requests = [
        ImageRequest(entity=generator.entities[label], seed=seed)
        for seed, label in enumerate(labels.tolist())
    ]
    made = features(np.stack(generator.generate(requests)))
    known, unseen = features(trained.pixels), features(held.pixels)

    forest = RandomForestClassifier(300, class_weight="balanced_subsample", n_jobs=-1)
    forest.set_params(random_state=0, min_samples_leaf=3).fit(known, trained.labels)
    near = NearestNeighbors(n_neighbors=1).fit(known)
    print(f"{name} {generator.revision}, {len(requests)} images, on {machine()}")
    print("recall of a random forest on 16 px, by entity: generated / held-out real (n)")
    answers = [(labels, forest.predict(made)), (held.labels, forest.predict(unseen))]
    recalls = [
        recall_score(*a, labels=range(len(generator.entities)), average=None) for a in answers
    ]
    for k, entity in enumerate(generator.entities):
        n = int((held.labels == k).sum())
        print(f"  {entity:<6} {recalls[0][k]:.2f} / {recalls[1][k]:.2f} ({n})")
    print(f"  mean   {recalls[0].mean():.2f} / {recalls[1].mean():.2f}")
    print("distance to the nearest training image, RMS of 16 px: 1st percentile, median")
    for what, points in (("generated", made), ("held-out", unseen)):
        distance = near.kneighbors(points)[0] / np.sqrt(points.shape[1])
        print(f"  {what:<9} {np.percentile(distance, 1):.4f}, {np.median(distance):.4f}")
    print_controls(generator)
    return 0


def print_controls(generator: Generator) -> None:
    """Print how much each control changes of an image, and whether words do as attributes do."""
    plain = [ImageRequest(entity=e, seed=s) for e in generator.entities[:2] for s in range(8)]

    def made(**asked: Any) -> np.ndarray:
        requests = [replace(request, **asked) for request in plain]
        return np.stack(generator.generate(requests)).astype(float)

    def apart(one: np.ndarray, other: np.ndarray) -> str:
        return f"{np.sqrt(np.square(one - other).mean()):.1f}"

    base = made()
    print("root mean square of what a control changes, of 255, the seed kept (16 images)")
    print(f"  another seed                 {apart(base, np.roll(base, 1, axis=0))}")
    pairs: dict[str, tuple[Any, Any]] = {
        "sex": ("female", "male"),
        "age": (20.0, 80.0),
        "site": ("face", "lower extremity"),
        "tone": (0.0, 65.0),
    }
    for name in sorted(pairs.keys() & generator.controls):
        one, other = (made(**{name: value}) for value in pairs[name])
        print(f"  {name:<5} {pairs[name][0]} / {pairs[name][1]}".ljust(31) + apart(one, other))
    if "tone" in generator.controls:
        lights = [made(tone=degrees)[:, ::16, ::16].mean() for degrees in (0.0, 19.0, 48.0, 65.0)]
        print("  brightness from brown to very light: " + ", ".join(f"{v:.0f}" for v in lights))
    if {"prompt", "sex", "site"} <= generator.controls:
        told = made(sex="female", site="face")
        said = np.concatenate(
            [
                np.stack(generator.generate([replace(request, prompt=prompt_of(asked))]))
                for request in plain
                for asked in [replace(request, sex="female", site="face")]
            ]
        )
        print(f"  the same in words            {apart(told, said.astype(float))}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
