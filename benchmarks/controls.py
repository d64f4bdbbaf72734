"""Does a generator do what it is told of tone and lesion? What is asked for beside what is found.

    python -m benchmarks.controls NAME TRAINED HELD_OUT JUDGE [PER_CELL] [SHEET.jpg]

Of every entity, PER_CELL images (4) are made for each of several skin tones, and for each of
several sizes and places of the lesion, and measured without a look at the request: the typology
angle of the skin, from the median colour of the image's edge; the lesion, as the largest patch
that differs from that colour beyond Otsu's bound. Photographs of HELD_OUT whose lesions are masked
go the same way, which says how much of an error is the measurement's own. Then the classifier JUDGE
says which entity it sees, as in `benchmarks.generator_card`; the same dataset twice takes the
lesions that training holds out. SHEET.jpg shows what each control does, unselected.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import django
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, label
from scipy.stats import spearmanr

from analysis.classifier.network import Classifier
from benchmarks.generator_card import STORED, generated, photographs, print_agreement, recoded
from benchmarks.product import machine
from evaluation.skin.colour import lab_of, typology_angle
from generation.engine.contact_sheet import contact_sheet
from generation.engine.generator import Generator, ImageRequest
from generation.engine.lesions import mask_of, written

TONES = (-50.0, -30.0, -10.0, 10.0, 25.0, 40.0, 55.0, 65.0, 75.0, 85.0)  # degrees
#: From where on the training data have skin: the 5th percentile of HAM10000's.
KNOWN_FROM = 36.0
SIZES, PLACES = (0.25, 0.4, 0.55), ((0.5, 0.5), (0.35, 0.4), (0.6, 0.65))
EDGE = 8  # px of 128
SMOOTH = 1.5  # px, so that hairs and pores do not count
MEASURED = 128  # px
JUDGED = 100  # images of each entity
Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What is measured of one image: its skin's angle in degrees, and its lesion (128, 128)."""

    tone: float
    lesion: Masks


def found(image: NDArray[np.uint8]) -> Found:
    """Measure a square image, not knowing what was asked for."""
    small = Image.fromarray(image).resize((MEASURED, MEASURED), Image.Resampling.BOX)
    colours = np.asarray(small) / 255
    edge = np.ones(colours.shape[:2], bool)
    edge[EDGE:-EDGE, EDGE:-EDGE] = False
    skin = np.median(colours[edge], axis=0)
    apart = gaussian_filter(np.linalg.norm(lab_of(colours) - lab_of(skin), axis=2), SMOOTH)
    patches, _ = label(apart > otsu(apart))
    largest = 1 + np.argmax(np.bincount(patches.ravel())[1:]) if patches.any() else 1
    return Found(float(typology_angle(lab_of(skin))), patches == largest)


def otsu(values: NDArray[np.float64]) -> float:
    """Return the bound between two groups of values that differ most (Otsu 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    means = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below * above * (means[0] - means[1]) ** 2)])


def overlap(one: Masks, other: Masks) -> float:
    """Return the intersection of two masks over their union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def centre(mask: Masks) -> NDArray[np.float64]:
    """Return a mask's centre, as shares of the side."""
    places = np.argwhere(mask) if mask.any() else np.full((1, 2), np.nan)
    return (places.mean(axis=0) + 0.5) / mask.shape[0]


def main(name: str, trained: str, held_out: str, judge: str, *more: str) -> int:
    """Generate, measure, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from analysis.classifier.store import load_classifier
    from generation.batches import OWN_WEIGHTS
    from generation.engine.registry import load_generator
    from generation.gathering import gather

    per_cell = int(more[0]) if more else 4
    generator = load_generator(name, OWN_WEIGHTS)
    print(f"{name} {generator.revision}, on {machine()}")
    sides = (True,) if held_out == trained else (True, False)
    held = [gather([held_out], STORED, enlarge=True, masked=True, unseen=s).data for s in sides]
    pixels = np.concatenate([part.pixels for part in held])
    labels = np.concatenate([part.labels for part in held])
    print_tones(generator, per_cell)
    print_lesions(generator, per_cell, pixels, labels)
    print_judged(generator, load_classifier(judge), pixels[..., :3], labels)
    if len(more) > 1:
        contact_sheet(shown(generator)).save(more[1], quality=88)
    return 0


def print_tones(generator: Generator, per_cell: int) -> None:
    """Print the angle that was asked for beside the one that is found."""
    requests = [
        ImageRequest(entity=entity, seed=seed, tone=tone, lesion=_mask(0.5, 0.5, 0.4, seed))
        for tone in TONES
        for entity in generator.entities
        for seed in range(per_cell)
    ]
    wanted = np.array([request.tone for request in requests], dtype=float)
    got = np.array([found(image).tone for image in generator.generate(requests)])
    print(f"skin: degrees asked for, found (median and middle nine tenths of {len(got)} images)")
    for tone in TONES:
        low, middle, high = np.percentile(got[wanted == tone], (5, 50, 95))
        print(f"  {tone:>4.0f}  {middle:>4.0f} ({low:.0f} to {high:.0f})")
    for what, of in (
        ("all", np.ones_like(wanted, bool)),
        (f"from {KNOWN_FROM:.0f} on, as nineteen of twenty photographs", wanted >= KNOWN_FROM),
        ("below, recoloured only", wanted < KNOWN_FROM),
    ):
        error = np.abs(got - wanted)[of].mean()
        alike = np.corrcoef(got[of], wanted[of])[0, 1]
        print(f"  {what}: correlation {alike:.2f}, mean error {error:.1f} degrees")


def print_lesions(
    generator: Generator, per_cell: int, pixels: NDArray[np.uint8], labels: NDArray[np.int_]
) -> None:
    """Print how the lesion that is found agrees with the one that was asked for."""
    requests = [
        ImageRequest(entity=entity, seed=seed, lesion=_mask(x, y, extent, seed))
        for entity in generator.entities
        for extent in SIZES
        for x, y in PLACES
        for seed in range(per_cell)
    ]
    made = generator.generate(requests)
    pairs = [(_small(r.lesion), found(i).lesion) for r, i in zip(requests, made, strict=True)]
    top, left = ((length - MEASURED) // 2 for length in pixels.shape[1:3])
    squares = pixels[:, top : top + MEASURED, left : left + MEASURED]
    real = [(square[..., 3] > 127, found(square[..., :3]).lesion) for square in squares]
    inside = np.array([_within(mask) for mask, _ in real])
    print(
        f"lesion: overlap with the mask (median), size found over asked, centres apart in % of the "
        f"side; {len(pairs)} generated / {inside.sum()} photographs whose lesion is within"
    )
    named = np.array([request.entity for request in requests])
    for place, entity in enumerate(generator.entities):
        one = _summary([pair for pair, is_it in zip(pairs, named == entity, strict=True) if is_it])
        chosen = inside & (labels == place)
        other = _summary([pair for pair, is_it in zip(real, chosen, strict=True) if is_it])
        print(f"  {entity:<6} {one} / {other}")
    within = [pair for pair, is_it in zip(real, inside, strict=True) if is_it]
    print(f"  all    {_summary(pairs)} / {_summary(within)}")
    asked_for, got = (np.array([pair[k].mean() for pair in pairs]) for k in (0, 1))
    print(f"  size asked for and found: rank correlation {spearmanr(asked_for, got).statistic:.2f}")


def _summary(pairs: Sequence[tuple[Masks, Masks]]) -> str:
    if not pairs:
        return "none"
    overlaps = [overlap(*pair) for pair in pairs]
    sizes = [other.sum() / one.sum() for one, other in pairs]
    apart = [100 * np.linalg.norm(centre(one) - centre(other)) for one, other in pairs]
    return f"{np.median(overlaps):.2f}, {np.median(sizes):.2f}, {np.nanmedian(apart):.1f}"


def _within(mask: Masks) -> bool:
    """Tell whether a lesion leaves the edge free, as those that are asked for here do."""
    inner = mask[EDGE:-EDGE, EDGE:-EDGE]
    return bool(0.01 < mask.mean() < 0.5 and inner.sum() == mask.sum())


def print_judged(
    generator: Generator,
    classifier: Classifier,
    frames: NDArray[np.uint8],
    labels: NDArray[np.int_],
) -> None:
    """Print which entity the classifier sees in what was asked for with nothing beside it."""
    asked = np.repeat(np.unique(labels), JUDGED)
    requests = [
        ImageRequest(entity=generator.entities[each], seed=seed)
        for seed, each in enumerate(asked.tolist())
    ]
    made = np.stack(generator.generate(requests))
    real = np.stack([np.asarray(recoded(Image.fromarray(f))) for f in frames])
    print_agreement(
        generator.entities,
        (asked, classifier.read(generated(made)).probabilities),
        (labels, classifier.read(photographs(real)).probabilities),
    )


def shown(generator: Generator) -> list[list[NDArray[np.uint8]]]:
    """Return a row of images for each control, and one for each entity."""
    plain = ImageRequest(entity="nv", seed=3, size=MEASURED)
    lesions = [
        _mask(0.5, 0.5, extent, plain.seed, MEASURED) for extent in np.linspace(0.15, 0.85, 8)
    ]
    moved = [
        _mask(x, 0.3 + 0.4 * x, 0.35, plain.seed, MEASURED) for x in np.linspace(0.15, 0.85, 8)
    ]
    middle = _mask(0.5, 0.5, 0.5, plain.seed, MEASURED)
    rows = [
        [replace(plain, tone=tone, lesion=middle) for tone in np.linspace(-50, 80, 8).tolist()],
        [replace(plain, entity="mel", lesion=lesion) for lesion in lesions],
        [replace(plain, entity="vasc", lesion=lesion) for lesion in moved],
        *(
            [replace(plain, entity=entity, seed=seed) for seed in range(8)]
            for entity in generator.entities
        ),
    ]
    return [list(generator.generate(row)) for row in rows]


def _mask(x: float, y: float, extent: float, seed: int, size: int = ImageRequest.size) -> Masks:
    return mask_of(written(x, y, extent, extent), seed, size)


def _small(mask: Masks | None) -> Masks:
    assert mask is not None
    whole = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(whole.resize((MEASURED, MEASURED), Image.Resampling.BOX)) > 127


if __name__ == "__main__":
    if not 5 <= len(sys.argv) <= 7:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
