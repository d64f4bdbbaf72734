"""The report of a trained classifier: curves, confusion matrices, ROC curves and its card."""

from collections.abc import Sequence

import numpy as np

from analysis.classifier.assessment import Assessment
from analysis.classifier.figures import learning_curves
from analysis.classifier.training import Trained
from analysis.report import figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.drawing import Drawing, draw
from analysis.report.elements import house_style
from analysis.report.findings import Discrimination
from analysis.report.layout import Block, Contents, KeyNumber, Section

POINTS = 201  # of a curve in its table; thousands of images would make as many lines


@house_style()
def classifier_contents(
    name: str, trained: Trained, assessments: Sequence[Assessment], card: Sequence[str]
) -> Contents:
    """Lay out the page of a classifier.

    Args:
        name: the classifier's.
        trained: with its curve.
        assessments: on one set of images each, the most trustworthy last.
        card: sentences on data, recipe and licence.
    """
    last = assessments[-1]
    accuracy, macro = last.accuracy, last.report.macro.recall or 0.0
    return Contents(
        title=f"Entity classifier {name}",
        headline=f"{name} names {100 * accuracy.value:.0f} % of {last.images} right, "
        f"{100 * macro:.0f} % on average over entities",
        verdict="",
        key_numbers=tuple(
            KeyNumber(f"Named right, {each.images}", each.accuracy, None, "heat")
            for each in assessments
        ),
        warnings=("This is no diagnostic device.",),
        sections=(
            Section(
                "training",
                "Training",
                (
                    Block(text=tuple(card)),
                    Block(drawings=(_curve(trained),), data=(_steps(trained),)),
                ),
            ),
            *(_section(k, each) for k, each in enumerate(assessments, start=1)),
        ),
        extra_tables=(),
        methods="",
    )


def _curve(trained: Trained) -> Drawing:
    kept = trained.curve[trained.epoch - 1]
    return draw(
        "learning_curves",
        learning_curves(trained.curve, trained.epoch),
        "Loss and accuracy by epoch; the line marks the epoch whose weights were kept. Training "
        "loss is that of augmented images with dropout, so that it may lie above the other.",
        f"{len(trained.curve)} epochs; weights of epoch {trained.epoch} kept, validation loss "
        f"{printed(kept.validation_loss)}, accuracy {printed(kept.validation_accuracy)}",
    )


def _steps(trained: Trained) -> ReportTable:
    return ReportTable(
        "learning_curves",
        "Learning curves",
        columns(
            epoch="Epoch",
            loss="Training loss",
            validation_loss="Validation loss",
            validation_accuracy="Validation accuracy",
        ),
        tuple(
            (each.epoch, each.loss, each.validation_loss, each.validation_accuracy)
            for each in trained.curve
        ),
    )


def _section(number: int, found: Assessment) -> Section:
    entities = found.confusion.labels
    drawings = (
        draw(
            f"confusion_{number}",
            figures.confusion_map(found.confusion, entities),
            "Confusion matrix: counts, shaded by the share of the row.",
            f"{found.confusion.n} images, {printed(found.accuracy)} named right",
        ),
        draw(
            f"roc_{number}",
            figures.entity_curves({"all": [_drawn(found, e) for e in entities]}, entities),
            "ROC curves of each entity against the rest, by its calibrated probability.",
            "Areas: " + ", ".join(f"{e} {printed(found.areas[e])}" for e in entities),
        ),
    )
    return Section(
        f"images_{number}",
        found.images[:1].upper() + found.images[1:],
        (
            Block(
                text=(
                    "One image of each lesion, so that images are independent. Expected "
                    f"calibration error {printed(found.calibration.value)}.",
                ),
                drawings=drawings,
                table=_lines(number, found),
                data=(_counts(number, found), _points(number, found)),
            ),
        ),
    )


def _drawn(found: Assessment, entity: str) -> Discrimination:
    curve = found.curves.get(entity)
    alarms, hits = (curve.false_alarm, curve.hit) if curve else (np.array([]), np.array([]))
    return Discrimination(entity, True, found.areas[entity], (), {}, alarms, hits)


def _lines(number: int, found: Assessment) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [
        (
            line.label,
            found.recalls[line.label],
            line.precision,
            line.f1,
            found.areas[line.label],
            line.support,
        )
        for line in found.report.lines
    ]
    for title, average in (("mean", found.report.macro), ("weighted", found.report.weighted)):
        rows.append((title, average.recall, average.precision, average.f1, None, found.report.n))
    return ReportTable(
        f"entities_{number}",
        f"By entity, {found.images}",
        columns(
            entity="Entity",
            recall="Recall (95% interval)",
            precision="Precision",
            f1="F1",
            area="Area under the curve (95% interval)",
            images="Images",
        ),
        tuple(rows),
        note="Intervals: Wilson for recall, DeLong for areas; images random.",
        summary_rows=2,
    )


def _counts(number: int, found: Assessment) -> ReportTable:
    labels = found.confusion.labels
    return ReportTable(
        f"confusion_{number}",
        f"Confusion matrix, {found.images}",
        columns(truth="Truth", **{label: label for label in labels}),
        tuple(
            (label, *(int(count) for count in row))
            for label, row in zip(labels, found.confusion.counts, strict=True)
        ),
    )


def _points(number: int, found: Assessment) -> ReportTable:
    rows: list[tuple[Cell, ...]] = []
    for entity, curve in found.curves.items():
        step = max(1, len(curve.hit) // POINTS)
        kept = sorted({*range(0, len(curve.hit), step), len(curve.hit) - 1})
        rows += [(entity, float(curve.false_alarm[k]), float(curve.hit[k])) for k in kept]
    return ReportTable(
        f"roc_{number}",
        f"Points of the curves, {found.images}",
        columns(entity="Entity", false_alarm="Others called this one", hit="Recognised"),
        tuple(rows),
    )
