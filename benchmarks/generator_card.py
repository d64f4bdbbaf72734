"""Figures of a generator's model card.

    python -m benchmarks.generator_card NAME TRAINED HELD_OUT JUDGE [IMAGES]

TRAINED and HELD_OUT are datasets of the catalogue: what the generator learnt from, and real images
of other lesions, which may be several, as in `isic2018_test+ham10000`; of TRAINED those are taken
that training holds out. IMAGES (100) of each entity are generated, and asked: does a classifier,
which has seen training images only, see in them what was asked for, as often as in all held-out
ones; and, of as many generated images of each entity as there are held-out ones: how far are they
from these, beside training images at the same n (the floor); do they lie nearer to training images
than held-out ones do, as copies would; and what does each control change, the seed kept? Everything
is compared as HAM10000 was stored here: 150 px high, JPEG of quality 75. JUDGE is the name of the
classifier (`manage.py train_classifier`).
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import django
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from analysis.classifier.network import SIDE, Classifier
from analysis.proportions import wilson
from analysis.quality.distances import manifold
from analysis.quality.kernels import kid
from analysis.results import Estimate
from benchmarks.product import machine
from evaluation.likeness import COPY, PhotographIndex, shrunk
from generation.engine.generator import Generator, ImageRequest
from generation.engine.prompts import prompt_of
from generation.engine.training.pixels import LabelledPixels, shrink

STORED = (200, 150)  # px, of HAM10000 here
FRAME = (171, 128)  # px, of which the classifier sees the middle
SHOWN = 8 / 9  # of a photograph's height is what a generator learns to paint
QUALITY = 75  # of JPEG
Squares = NDArray[np.uint8]


def recoded(image: Image.Image) -> Image.Image:
    """Return an image after JPEG, as the training images have it behind them."""
    stored = BytesIO()
    image.save(stored, "JPEG", quality=QUALITY)
    return Image.open(stored).convert("RGB")


def photographs(frames: Squares) -> Squares:
    """Return what the classifier sees of photographs (n, 150, 200, 3) uint8."""
    seen = np.stack([shrink(Image.fromarray(frame), *FRAME) for frame in frames])
    top, left = ((length - SIDE) // 2 for length in seen.shape[1:3])
    return seen[:, top : top + SIDE, left : left + SIDE]


def generated(images: Squares) -> Squares:
    """Return what the classifier sees of square generated images."""
    side = round(STORED[1] * SHOWN)
    small = [Image.fromarray(i).resize((side, side), Image.Resampling.BOX) for i in images]
    return np.stack(
        [np.asarray(recoded(each).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in small]
    )


def likenesses(images: Squares, index: PhotographIndex) -> NDArray[np.float64]:
    """Return how much each image resembles the photograph that it resembles most."""
    return np.array([index.nearest(Image.fromarray(each)).likeness for each in images])


def main(name: str, trained: str, held_out: str, judge: str, most: str = "100") -> int:
    """Generate, measure, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from analysis.classifier.store import load_classifier
    from generation.batches import OWN_WEIGHTS
    from generation.engine.registry import load_generator
    from generation.gathering import gather

    generator = load_generator(name, OWN_WEIGHTS)
    classifier = load_classifier(judge)
    known = gather([trained], STORED, enlarge=True).data
    parts = [
        gather([dataset], STORED, enlarge=True, unseen=unseen).data
        for dataset in held_out.split("+")
        for unseen in ((True,) if dataset == trained else (True, False))
    ]
    held = LabelledPixels(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.rows for part in parts]),
    )
    rng = np.random.default_rng(0)
    rows, floor = (_drawn(data, held, int(most), rng) for data in (held, known))
    labels = np.repeat(np.unique(held.labels), int(most))
    requests = [
        ImageRequest(entity=generator.entities[label], seed=seed)
        for seed, label in enumerate(labels.tolist())
    ]
    made = np.stack(generator.generate(requests))
    real = np.stack([np.asarray(recoded(Image.fromarray(f))) for f in held.pixels])
    print(f"{name} {generator.revision}, {len(made)} images, on {machine()}")
    print(f"classifier {classifier.sha256[:16]}")
    seen = [classifier.read(each) for each in (generated(made), photographs(real))]
    print_agreement(
        generator.entities,
        *((of, each.probabilities) for of, each in zip((labels, held.labels), seen, strict=True)),
    )
    print_swaps(generator, classifier, requests, seen[0].probabilities)
    training = classifier.read(photographs(known.pixels)).features
    # Both in the order of their labels, so that each is a share of as many.
    few = np.concatenate(
        [np.flatnonzero(labels == k)[: (held.labels[rows] == k).sum()] for k in np.unique(labels)]
    )
    print(f"of {len(few)} images, as many of each entity as held-out ones:")
    print_distances(seen[0].features[few], seen[1].features[rows], training, floor)
    print_copies(made[few], real[rows], known)
    print_controls(generator)
    return 0


def _drawn(
    data: LabelledPixels, like: LabelledPixels, most: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """Return rows of `data`: of each entity as many as `like` has, `most` at most."""
    chosen: list[NDArray[np.int_]] = []
    for label in np.unique(like.labels):
        count = min(most, int((like.labels == label).sum()))
        chosen.append(rng.permutation(np.flatnonzero(data.labels == label))[:count])
    return np.concatenate(chosen)


def print_agreement(
    entities: tuple[str, ...],
    made: tuple[NDArray[np.int_], NDArray[np.float64]],
    real: tuple[NDArray[np.int_], NDArray[np.float64]],
) -> None:
    """Print how often the classifier names what images show, each with labels and probabilities."""
    print("the classifier names the entity: generated (n) / held-out real (n)")
    means = np.zeros(2)
    for k, entity in enumerate(entities):
        told = []
        for side, (labels, probabilities) in enumerate((made, real)):
            right = probabilities[labels == k].argmax(1) == k
            told.append(f"{said(wilson(int(right.sum()), len(right)))} ({len(right)})")
            means[side] += right.mean() / len(entities)
        print(f"  {entity:<6} {' / '.join(told)}")
    print(f"  mean   {means[0]:.2f} / {means[1]:.2f}")


def print_swaps(
    generator: Generator,
    classifier: Classifier,
    requests: Sequence[ImageRequest],
    seen: NDArray[np.float64],
) -> None:
    """Print how often another entity, the seed kept, changes what the classifier names."""
    entities = generator.entities
    places = list(range(0, len(requests), max(1, len(requests) // 70)))
    others = [
        replace(
            requests[k], entity=entities[(entities.index(requests[k].entity) + 3) % len(entities)]
        )
        for k in places
    ]
    named = classifier.read(generated(np.stack(generator.generate(others)))).probabilities
    changed = named.argmax(1) != seen[places].argmax(1)
    print(
        "asked for another entity, the seed kept, the classifier names another: "
        f"{said(wilson(int(changed.sum()), len(places)))}"
    )


def said(found: Estimate, places: int = 2) -> str:
    """Return an estimate with its interval."""
    return f"{found.value:.{places}f} ({found.low:.{places}f} to {found.high:.{places}f})"


def print_distances(
    made: NDArray[np.float32],
    real: NDArray[np.float32],
    training: NDArray[np.float32],
    floor: NDArray[np.int_],
) -> None:
    """Print kernel distance, overlap, and distances to the nearest training image."""
    print("to the held-out images: generated / training images at the same n")
    far, least = kid(real, made), kid(real, training[floor])
    print(f"  KID       {said(far, 4)} / {said(least, 4)}")
    # Training images at so small an n may be nearer than chance: the floor itself may be below 0.
    print(f"            {far.value / (least.high or np.nan):.1f} times the floor's upper end")
    one, other = manifold(real, made), manifold(real, training[floor])
    for figure in ("precision", "recall", "density", "coverage"):
        print(f"  {figure:<9} {getattr(one, figure):.2f} / {getattr(other, figure):.2f}")
    near = NearestNeighbors(n_neighbors=1).fit(training)
    distances = [near.kneighbors(points)[0][:, 0] for points in (made, real)]
    bound = np.quantile(distances[1], 0.01)
    close = wilson(int((distances[0] < bound).sum()), len(made))
    print(f"  nearer to a training image than 99 % of held-out ones: {said(close, 3)}")


def print_copies(made: Squares, real: Squares, known: LabelledPixels) -> None:
    """Print how many images reach the likeness from which one is suspected to be a copy."""
    index = PhotographIndex()
    for frame in known.pixels:
        index.add(shrunk(Image.fromarray(frame)))
    top, left = (length // 18 for length in real.shape[1:3])
    side = real.shape[1] - 2 * top
    squares = real[:, top : top + side, (left := (real.shape[2] - side) // 2) : left + side]
    found = likenesses(made, index), likenesses(squares, index)
    shares = [wilson(int((each >= COPY).sum()), len(each)) for each in found]
    print(f"suspected copies: {said(shares[0], 3)} / {said(shares[1], 3)} of held-out real images")
    print(f"  highest likeness {found[0].max():.2f} / {found[1].max():.2f}, bound {COPY}")


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
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
