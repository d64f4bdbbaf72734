"""From images of the catalogue to a classifier in a folder: weights, card, report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from analysis.classifier.assessment import Assessment, assess
from analysis.classifier.data import labelled, one_of_each, parted_by_lesion
from analysis.classifier.network import Classifier, save
from analysis.classifier.page import classifier_contents
from analysis.classifier.store import note_images, own_folder
from analysis.classifier.training import RECIPES, Epoch, Recipe, train
from analysis.errors import AnalysisError
from analysis.report.cells import printed
from analysis.report.publish import publish
from evaluation.entities import ENTITIES
from evaluation.image_sets import ImageSet, read_images
from evaluation.material import photographs_of

OnStep = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be trained: a name, a network, datasets to train on and one to test on."""

    name: str
    network: str
    datasets: tuple[str, ...] = ()
    test: str = ""
    size: int | None = None
    epochs: int | None = None
    seed: int = 0

    @property
    def recipe(self) -> Recipe:
        """The network's own, with what is asked for."""
        asked: dict[str, Any] = {"size": self.size, "epochs": self.epochs, "seed": self.seed}
        known = {key: value for key, value in asked.items() if value is not None}
        return replace(RECIPES[self.network], **known)


def make_classifier(
    wanted: Wanted,
    *,
    on_read: OnStep | None = None,
    on_step: OnStep | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Path, list[Assessment]]:
    """Train a classifier, assess it on lesions that it has not seen, and write it down.

    Args:
        wanted: what.
        on_read: told how many images are read.
        on_step: told how far an epoch is.
        on_epoch: told its figures.

    Returns:
        The folder, and the assessments.

    Raises:
        AnalysisError: the name is taken, there are too few images, or the test set shares some.
        EvaluationError: a dataset is unknown or empty.
    """
    folder, recipe = own_folder(wanted.name), wanted.recipe
    images = read_images(photographs_of(wanted.datasets), recipe.size, on_step=on_read)
    entities = tuple(code for code in ENTITIES if code in {*images.entities.tolist()})
    data = labelled(images.pixels, images.entities, entities)
    parts = parted_by_lesion(data.labels, images.lesions, recipe.seed)
    held: ImageSet | None = None
    if wanted.test:
        held = read_images(photographs_of([wanted.test]), recipe.size, on_step=on_read)
        refuse_shared(images, held)
    trained = train(
        data[parts.train],
        entities,
        recipe,
        validation=data[parts.validation],
        folder=folder / "run",
        on_step=on_step,
        on_epoch=on_epoch,
    )
    save(trained.network, entities, folder)
    note_images(folder, images)
    classifier = Classifier.load(folder)  # as others will: in half precision
    own = parts.test[one_of_each(images.lesions[parts.test])]
    found = [
        assess(
            classifier.read(images.pixels[own]).probabilities,
            data.labels[own],
            entities,
            "held-out lesions",
        )
    ]
    if held:
        rows = one_of_each(held.lesions)
        truth = labelled(held.pixels, held.entities, entities).labels
        found.append(
            assess(
                classifier.read(held.pixels[rows]).probabilities,
                truth[rows],
                entities,
                f"images of {wanted.test}",
            )
        )
    counts = [len(rows) for rows in (parts.train, parts.validation, parts.test)]
    said = _card(wanted, recipe, images, counts, trained.epoch, len(trained.curve))
    content = classifier_contents(wanted.name, trained, found, said)
    findings = {"recipe": recipe, "trained": trained.curve, "assessments": found}
    publish(content, findings, folder / "report", name="dermturing-classifier", version=1)
    (folder / "README.md").write_text(_readme(wanted, classifier, said, found))
    return folder, found


def refuse_shared(known: ImageSet, held: ImageSet) -> None:
    """Refuse test images that were trained on, or are of a lesion that was.

    Raises:
        AnalysisError: there are some.
    """
    lesions, digests = {*known.lesions.tolist()}, {*known.digests.tolist()}
    shared = sum(
        lesion in lesions or digest in digests
        for lesion, digest in zip(held.lesions.tolist(), held.digests.tolist(), strict=True)
    )
    if shared:
        raise AnalysisError(
            f"{shared} of {len(held)} images of {', '.join(held.of.sources)} are of lesions in "
            f"{', '.join(known.of.sources)}; test on a dataset that shares none"
        )


def _card(
    wanted: Wanted,
    recipe: Recipe,
    images: ImageSet,
    counts: Sequence[int],
    epoch: int,
    epochs: int,
) -> list[str]:
    """Return data, recipe and licence in sentences."""
    network = {
        "paper": "the published study's network (three convolutions of 32, 64 and 128 filters with "
        "max-pooling, dense 64, dropout 0.5, softmax; the numbers of filters are ours)",
        "strong": "a residual network of 2.8 million weights",
    }[recipe.network]
    drawn = "as they come" if not recipe.balance else "by the root of their frequency"
    return [
        f"Data: {', '.join(images.of.sources)}, centred squares of {recipe.size} px; {counts[0]} "
        f"images to train on, {counts[1]} to stop and calibrate by, {counts[2]} to test on, parted "
        "by lesion.",
        f"Recipe: {network}; {'AdamW' if recipe.weight_decay else 'Adam'} at "
        f"{recipe.learning_rate:g}, batches of {recipe.batch}, entities drawn {drawn}; turned, "
        "shifted, zoomed and mirrored at random; at most "
        f"{recipe.epochs} epochs, stopped after {recipe.patience} without a lower validation loss: "
        f"{epochs} epochs, weights of epoch {epoch}; probabilities calibrated by one temperature; "
        f"seed {recipe.seed}.",
        f"Left out: {images.of.withheld} images that open studies show, or others of their "
        "lesions.",
        f"Licence of the weights: that of the images, {' AND '.join(images.of.licences)}.",
    ]


def _readme(
    wanted: Wanted, classifier: Classifier, said: Sequence[str], found: Sequence[Assessment]
) -> str:
    """Return the card."""
    lines = [
        f"# {wanted.name}",
        "",
        f"Names one of {', '.join(classifier.entities)} in a dermoscopic image, with calibrated "
        "probabilities. No diagnostic device.",
        "",
        *(f"- {sentence}" for sentence in said),
        f"- Trained {date.today()}; SHA-256 of the weights {classifier.sha256}.",
        "",
        "| recall | " + " | ".join(classifier.entities) + " | mean | all images |",
        "|" + "---|" * (len(classifier.entities) + 3),
    ]
    for each in found:
        recalls = [printed(line.recall) for line in each.report.lines]
        row = [
            f"{each.images}, {each.report.n} lesions",
            *recalls,
            printed(each.report.macro.recall),
            printed(each.accuracy.value),
        ]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join([*lines, "", "Figures and all numbers: `report/index.html`.", ""])
