"""From images of the catalogue to a detector of origin in a folder, with its card."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from analysis import roc
from analysis.classifier.data import one_of_each
from analysis.classifier.origin import fit_detector, seen_in
from analysis.classifier.store import load_classifier, note_images, own_folder
from analysis.errors import AnalysisError
from analysis.proportions import wilson
from analysis.report.cells import printed
from analysis.results import Estimate
from evaluation.image_sets import ImageSet, read_images
from evaluation.material import generated_by, photographs_of
from evaluation.stimuli import SIZE

OnStep = Callable[[int, int], None]
PART = 5  # one image in so many tests it


def make_detector(
    name: str,
    eyes: str,
    datasets: list[str],
    generator: str,
    *,
    most: int = 100,
    seed: int = 0,
    on_read: OnStep | None = None,
) -> tuple[Path, Estimate]:
    """Train a detector of origin on as many real as synthetic images of each entity.

    Args:
        name: under which it is found.
        eyes: the classifier whose features it reads.
        datasets: of real images.
        generator: of synthetic ones.
        most: images of each entity and origin.
        seed: of what is drawn.
        on_read: told how many images are read.

    Returns:
        The folder, and the area under the curve on images that it was not trained on.

    Raises:
        AnalysisError: the name is taken, or there are too few images.
        EvaluationError: a dataset or generator has no images.
    """
    folder, classifier = own_folder(name), load_classifier(eyes)
    real, made = (
        read_images(found.first_of_each(most), SIZE, as_stimuli=True, on_step=on_read)
        for found in (photographs_of(datasets), generated_by(generator))
    )
    both = (real, made)
    rng = np.random.default_rng(seed)
    rows = [_alike(own, other, rng) for own, other in (both, both[::-1])]
    pixels = np.concatenate([each.pixels[own] for each, own in zip(both, rows, strict=True)])
    synthetic = np.repeat([False, True], [len(own) for own in rows])
    if len(pixels) < 4 * PART:
        raise AnalysisError(
            f"{len(pixels)} images, as many real as synthetic ones, are too few to learn from"
        )
    features = seen_in(pixels, classifier)
    held = np.zeros(len(pixels), dtype=bool)
    for origin in (False, True):
        own = np.flatnonzero(synthetic == origin)
        held[rng.permutation(own)[: max(2, len(own) // PART)]] = True
    tested = fit_detector(features[~held], synthetic[~held].tolist(), classifier)
    scores = tested.synthetic(features[held])
    area = roc.delong(scores, synthetic[held], interval="logit")
    right = wilson(int(((scores > 0.5) == synthetic[held]).sum()), int(held.sum()))
    fit_detector(features, synthetic.tolist(), classifier).save(folder)
    note_images(folder, real, made)
    (folder / "README.md").write_text(
        "\n".join(
            [
                f"# {name}",
                "",
                "Tells synthetic from real stimuli: a logistic regression on the penultimate layer "
                f"of the classifier `{eyes}` and on low-level features (spectra, JPEG's grid and "
                "coefficients, noise).",
                "",
                f"- Trained on {len(rows[0])} images of {', '.join(real.of.sources)} and "
                f"{len(rows[1])} of {', '.join(made.of.sources)}, one of each lesion, as many of "
                "each entity, all through the pipeline of stimuli; their SHA-256 stand in "
                "`images.json`, and a study that shows one of them is refused.",
                "- It knows this generator; of another one it may know nothing.",
                f"- Left out: {sum(each.of.withheld for each in both)} images that open studies "
                "show, or others of their lesions.",
                f"- On {int(held.sum())} of these images, not trained on for this figure: area "
                f"under the curve {printed(area)}, right {printed(right)}. The weights kept are "
                "then trained on all.",
                f"- Trained {date.today()}, seed {seed}; licence: that of the images, "
                f"{' AND '.join(sorted({*real.of.licences, *made.of.licences}))}.",
                "",
            ]
        )
    )
    return folder, area


def _alike(own: ImageSet, other: ImageSet, rng: np.random.Generator) -> np.ndarray:
    """Return rows of `own`, one of each lesion: of each entity as many as both have."""
    chosen: list[np.ndarray] = []
    free, beside = one_of_each(own.lesions), one_of_each(other.lesions)
    for entity in np.unique(own.entities):
        mine = free[own.entities[free] == entity]
        count = min(len(mine), int((other.entities[beside] == entity).sum()))
        chosen.append(rng.permutation(mine)[:count])
    return np.sort(np.concatenate(chosen))
