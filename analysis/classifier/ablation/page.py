"""The report of an ablation: the published Table 3 with what it lacked."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.classifier.ablation.arms import ARMS, HELD
from analysis.classifier.ablation.comparing import BASE, AblationFindings, Answers
from analysis.classifier.ablation.figures import dots, losses
from analysis.report import generator_figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.drawing import draw
from analysis.report.elements import house_style
from analysis.report.layout import Block, Contents, KeyNumber, Section
from analysis.report.wording import p_cell
from analysis.results import Estimate, Number, Unknown

SURE = 0.05
NAMES = {
    "original": "original only",
    "synthetic": "synthetic only",
    "combined": "original + synthetic",
    "topped_up": "rare topped up, synthetic",
    "oversampled": "rare topped up, copies",
    "augmented": "original, augmented",
    "evenly": "original, drawn evenly",
    "combined_evenly": "both, drawn evenly",
}


@house_style()
def ablation_contents(
    found: AblationFindings, answers: Sequence[Answers], steps: int, said: Sequence[str]
) -> Contents:
    """Lay out the page.

    Args:
        found: the figures.
        answers: of which its curves are drawn.
        steps: of each run.
        said: sentences on images and recipe.
    """
    return Contents(
        title="Ablation: what synthetic images add to a classifier",
        headline=_headline(found),
        verdict="",
        key_numbers=tuple(
            KeyNumber(
                f"Mean recall, {NAMES[name]}",
                one.balanced,
                1 / len(found.entities),
                "real" if name == BASE else "synthetic",
            )
            for name, one in found.arms.items()
            if name in (BASE, "synthetic", "combined") and isinstance(one.balanced, Estimate)
        ),
        warnings=tuple(_warnings(found)),
        sections=(
            Section("arms", "Arms", (Block(text=tuple(said)), *_arms(found))),
            *(
                [Section("against", "Against originals alone", _against(found))]
                * bool(found.against)
            ),
            Section("entities", "Entities", _entities(found)),
            Section("protocols", "The published protocol beside", _protocols(found)),
            Section("runs", "Runs", _runs(found, answers, steps)),
        ),
        extra_tables=(),
        methods="",
    )


def _headline(found: AblationFindings) -> str:
    added = found.against.get("combined")
    if added is None or not isinstance(added.balanced, Estimate):
        return f"{len(found.arms)} arms, {found.seeds} seeds each"
    points = 100 * added.balanced.value
    change = f"{abs(points):.1f} percentage points"
    p = added.adjusted_balanced
    if p is not None and p < SURE:
        way = "raise" if points > 0 else "lower"
        return f"Synthetic images {way} the mean recall on untouched images by {change}"
    return (
        "No difference was shown between training on originals alone and on originals with "
        f"synthetic images ({'+' if points > 0 else '−'}{change} of mean recall)"
    )


def _warnings(found: AblationFindings) -> list[str]:
    warnings = []
    if found.seeds == 1:
        warnings.append(
            "Each arm was trained once: other seeds may give other results, and no interval here "
            "knows how much."
        )
    elif found.seeds < 5:
        warnings.append(
            f"{found.seeds} seeds an arm: intervals that take seeds as a sample are wide, as they "
            "must be."
        )
    return warnings


def _arms(found: AblationFindings) -> list[Block]:
    labels = [NAMES[name] for name in found.arms]
    shown = [count for count in found.test_images.values() if count]
    series = {
        "all images": [one.accuracy for one in found.arms.values()],
        "mean over entities": [one.balanced for one in found.arms.values()],
    }
    rows: list[tuple[Cell, ...]] = [
        (NAMES[name], sum(one.trained_on.values()), one.accuracy, one.balanced)
        for name, one in found.arms.items()
    ]
    drawing = draw(
        "arms",
        dots(labels, series, "untouched test images named right"),
        "Share of the untouched test images named right, and its mean over entities, by arm; "
        "intervals take seeds and images as random.",
        "Mean over entities: "
        + ", ".join(
            f"{label} {printed(number)}"
            for label, number in zip(labels, series["mean over entities"], strict=True)
        ),
    )
    table = ReportTable(
        "arms",
        "Arms on the untouched test set (Table 3)",
        columns(
            arm="Arm",
            images="Trained on, images",
            accuracy="Accuracy (95% interval)",
            balanced="Mean over entities (95% interval)",
        ),
        tuple(rows),
        note=f"Test images: {_listed(found.test_images)}. Always naming the most frequent entity "
        f"gives an accuracy of {max(shown) / sum(shown):.2f} and a mean over entities of "
        f"{1 / len(shown):.2f}.",
    )
    return [
        Block(drawings=(drawing,)),
        Block(table=table),
        Block(table=_trained_on(found), folded=True),
    ]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{entity} {n}" for entity, n in counts.items())


def _trained_on(found: AblationFindings) -> ReportTable:
    return ReportTable(
        "trained_on",
        "Images of each entity that an arm trained on, first seed",
        columns(arm="Arm", what="Trained on", **{entity: entity for entity in found.entities}),
        tuple(
            (NAMES[name], ARMS[name], *one.trained_on.values()) for name, one in found.arms.items()
        ),
    )


def _against(found: AblationFindings) -> tuple[Block, ...]:
    rows = {NAMES[name]: one.balanced for name, one in found.against.items()}
    drawing = draw(
        "against",
        generator_figures.differences(rows, "mean over entities, arm − original only"),
        "Mean over entities of the share named right, each arm less originals alone; above 0 the "
        "arm is better. Seeds and images are random.",
        ", ".join(f"{label} {printed(number)}" for label, number in rows.items()),
    )
    table = ReportTable(
        "against",
        "Each arm less originals alone, untouched test set",
        columns(
            arm="Arm",
            balanced="Mean over entities (95% interval)",
            p_balanced="p",
            adjusted_balanced="adjusted p",
            accuracy="Accuracy (95% interval)",
            p="p",
            adjusted="adjusted p",
            ensemble="Accuracy, seeds averaged (95% interval)",
            p_ensemble="p, McNemar",
        ),
        tuple(
            (
                NAMES[name],
                one.balanced,
                p_cell(one.p_balanced),
                p_cell(one.adjusted_balanced),
                one.accuracy,
                p_cell(one.p),
                p_cell(one.adjusted),
                one.ensemble,
                p_cell(one.ensemble_test.p),
            )
            for name, one in found.against.items()
        ),
        note="Paired over seeds and test images (Obuchowski and Rockette, networks in the place of "
        "readers); adjusted over the arms by Holm's method. The last two columns take the mean of "
        "an arm's networks as one network: Newcombe's interval and McNemar's exact test, over "
        "images only. What is not shown to differ is not shown to be equal.",
    )
    gains = ReportTable(
        "gains",
        "What synthetic images alone add",
        columns(
            arm="Arm",
            control="Less its control",
            balanced="Mean over entities (95% interval)",
            p="p",
            adjusted="adjusted p",
        ),
        tuple(
            (NAMES[name], NAMES[one.control], one.balanced, p_cell(one.p), p_cell(one.adjusted))
            for name, one in found.gains.items()
        ),
        note="An arm and its control show each entity as often; they differ by the synthetic "
        "images alone. Showing rare entities more often raises their recall without any new image: "
        "against originals alone that would be taken for a gain. Adjusted by Holm's method.",
    )
    return (
        Block(drawings=(drawing,)),
        Block(table=table),
        *([Block(table=gains)] * bool(found.gains)),
    )


def _entities(found: AblationFindings) -> tuple[Block, ...]:
    series = {NAMES[name]: list(one.recalls.values()) for name, one in found.arms.items()}
    drawing = draw(
        "recalls",
        dots(found.entities, series, "untouched test images of the entity named right"),
        "Share of each entity's untouched test images named right, by arm.",
        "; ".join(
            f"{name} " + ", ".join(printed(number) for number in numbers)
            for name, numbers in series.items()
        ),
    )
    table = ReportTable(
        "recalls",
        "Recall of each entity",
        columns(arm="Arm", **{entity: entity for entity in found.entities}),
        tuple((NAMES[name], *one.recalls.values()) for name, one in found.arms.items()),
        note="Seeds and images random.",
    )
    return Block(drawings=(drawing,)), Block(table=table)


def _protocols(found: AblationFindings) -> tuple[Block, ...]:
    labels = [NAMES[name] for name in found.arms]
    series: dict[str, list[Number]] = {
        "untouched test set": [one.accuracy for one in found.arms.values()],
        "held out of the arm's own images": [one.published for one in found.arms.values()],
    }
    drawing = draw(
        "protocols",
        dots(labels, series, "images named right"),
        "The same networks by both protocols.",
        ", ".join(
            f"{label} {printed(one)} and {printed(other)}"
            for label, one, other in zip(labels, *series.values(), strict=True)
        ),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.arms.items():
        gap: Number = Unknown("one of the two has no figure")
        if isinstance(one.accuracy, Estimate) and isinstance(one.published, Estimate):
            gap = Estimate(one.published.value - one.accuracy.value)
        rows.append((NAMES[name], one.accuracy, one.published, gap, one.published_balanced))
    table = ReportTable(
        "protocols",
        "The same networks by both protocols",
        columns(
            arm="Arm",
            untouched="Accuracy, untouched test set",
            published="Accuracy, held out of its own images",
            gap="Difference",
            published_balanced="Mean over entities, held out",
        ),
        tuple(rows),
    )
    text = (
        f"The published study tested on images held out of each arm's own data ({100 * HELD:.0f} % "
        "of them, drawn by image): an arm trained on synthetic images is tested on synthetic "
        "images, and other views of a lesion that was trained on are among the originals. What it "
        "measures is another thing for each arm, so that its arms cannot be compared; the "
        "difference to the untouched test set is no gain.",
    )
    return Block(text=text, drawings=(drawing,)), Block(table=table)


def _runs(found: AblationFindings, answers: Sequence[Answers], steps: int) -> tuple[Block, ...]:
    curves = {
        NAMES[name]: np.mean([each.loss for each in answers if each.arm == name], axis=0)
        for name in found.arms
    }
    drawing = draw(
        "losses",
        losses({name: curve.tolist() for name, curve in curves.items()}, steps),
        "Training loss by step, mean over seeds. Arms train on different images, so that a lower "
        "loss is no better network.",
        ", ".join(f"{name} {curve[-1]:.2f} at the end" for name, curve in curves.items()),
    )
    points = tuple(
        (name, round(steps * (k + 1) / len(curve)), float(value))
        for name, curve in curves.items()
        for k, value in enumerate(curve)
    )
    rows: list[tuple[Cell, ...]] = [
        (NAMES[name], seed, accuracy, balanced)
        for name, one in found.arms.items()
        for seed, (accuracy, balanced) in one.by_seed.items()
    ]
    each = ReportTable(
        "seeds",
        "Each network on the untouched test set",
        columns(arm="Arm", seed="Seed", accuracy="Accuracy", balanced="Mean over entities"),
        tuple(rows),
    )
    data = ReportTable(
        "losses", "Training loss", columns(arm="Arm", step="Step", loss="Loss"), points
    )
    return Block(drawings=(drawing,), data=(data,)), Block(table=each, folded=True)
