"""From images of the catalogue to the report of an ablation."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from analysis.classifier.ablation.comparing import AblationFindings, compare
from analysis.classifier.ablation.page import ablation_contents
from analysis.classifier.ablation.running import Material, OnRun, Plan, run_ablation
from analysis.classifier.augmentation import CLASSICAL
from analysis.classifier.data import labelled
from analysis.classifier.making import refuse_shared
from analysis.classifier.training import RECIPES
from analysis.report.publish import publish
from evaluation.entities import ENTITIES
from evaluation.image_sets import ImageSet, read_images
from evaluation.material import generated_by, photographs_of

OnStep = Callable[[int, int], None]


def make_ablation(
    datasets: list[str],
    generator: str,
    test: str,
    plan: Plan,
    *,
    name: str,
    out: Path | None = None,
    on_read: OnStep | None = None,
    on_step: OnStep | None = None,
    on_run: OnRun | None = None,
) -> tuple[Path, AblationFindings]:
    """Run an ablation, and write its report.

    Args:
        datasets: of the original images.
        generator: of the synthetic ones.
        test: a dataset of other lesions, on which all arms are tested.
        plan: what is trained.
        name: of the ablation, under which its runs are kept in `var/ablation`.
        out: where the report goes; None for a folder beside the runs.
        on_read: told how many images are read.
        on_step: told how many steps of all are done.
        on_run: told what is finished.

    Returns:
        The page, and the findings.

    Raises:
        AnalysisError: the test set shares lesions, or the runs kept are of another ablation.
        EvaluationError: a dataset or generator has no images.
    """
    original = read_images(photographs_of(datasets), plan.size, on_step=on_read)
    held = read_images(photographs_of([test]), plan.size, on_step=on_read)
    refuse_shared(original, held)
    made = read_images(generated_by(generator), plan.size, on_step=on_read)
    shown = {*original.entities.tolist()}
    entities = tuple(code for code in ENTITIES if code in shown)
    known, generated, test_set = (
        labelled(each.pixels, each.entities, entities) for each in (original, made, held)
    )
    material = Material(known, generated, test_set, entities)
    folder = Path(settings.VAR_DIR) / "ablation" / name
    answers = run_ablation(material, plan, folder, on_step=on_step, on_run=on_run)
    found = compare(answers, entities)
    said = _said(plan, original, made, held)
    content = ablation_contents(found, answers, plan.steps, said)
    findings = {"plan": asdict(plan), "images": said, "compared": found}
    paths = publish(
        content, findings, out or folder / "report", name="dermturing-ablation", version=1
    )
    return paths.index, found


def _said(plan: Plan, original: ImageSet, made: ImageSet, held: ImageSet) -> list[str]:
    recipe = RECIPES[plan.network]
    return [
        f"Original images: {len(original)} of {', '.join(original.of.sources)}; synthetic images: "
        f"{len(made)} of {', '.join(made.of.sources)}, {made.of.copies} suspected copies left out; "
        f"untouched test set: {len(held)} images of {', '.join(held.of.sources)}, of lesions that "
        "are not among the originals. Whether the generator has learnt from the test set, its card "
        "says; from the originals it may have.",
        f"The {plan.network} network at {plan.size} px; every arm {plan.steps} steps of "
        f"{plan.batch} images under {plan.seeds} seeds, rate {recipe.learning_rate:g}, entities as "
        "they come unless the arm says otherwise, no early stopping: the last weights count. A "
        "seed decides first weights, split and order, for all arms alike.",
        f"Augmentation where named: turned by up to {CLASSICAL.rotation:g}°, shifted by up to "
        f"{100 * CLASSICAL.shift:g} % and zoomed by up to {100 * CLASSICAL.zoom:g} %, mirrored.",
    ]
