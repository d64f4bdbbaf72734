"""Confidence: whether raters are as often right as they say they are sure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis import calibration
from analysis.calibration import Brier, ReliabilityBin
from analysis.report import behaviour_figures
from analysis.report.cells import Cell, ReportTable, columns, reasons
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import SUBSETS, Facts, Flags, Floats
from analysis.report.grids import judged_real, right_entity, right_origin
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.results import Estimate, NotEstimable, Number, Unknown, attempt

KEY = "confidence"


@dataclass(frozen=True)
class Calibration:
    """How confidence in the named entity fits with its being right, over one subset.

    Attributes:
        brier: over answers as if independent.
        error: expected calibration error.
        overconfidence: mean confidence less share right, over raters.
        type_2_auc: whether raters are surer of right answers than of wrong ones, over raters.
        curve: share right by confidence.
    """

    brier: Brier
    error: Number
    overconfidence: Number
    type_2_auc: Number
    curve: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class RaterConfidence:
    """One rater; images random."""

    rater: str
    overconfidence: Number
    type_2_auc: Number


@dataclass(frozen=True)
class Confidence:
    """What raters' confidence is worth.

    Attributes:
        entity: by subset of the images; empty where no confidence in the entity was asked.
        raters: each one's, of the entity.
        origin_type_2_auc: whether ratings further from the middle of the scale are more often
            right about origin; Unknown without ratings, or where these do not follow the answers.
    """

    entity: Mapping[str, Calibration]
    raters: tuple[RaterConfidence, ...]
    origin_type_2_auc: Number


def find(study: Study) -> Confidence | None:
    """Compute calibration where a confidence exists."""
    grid = study.grid
    sure, right = grid.fill(study.pooled.number("entity_confidence")), right_entity(study)
    known = np.isfinite(sure) & np.isfinite(right)
    ratings = grid.fill(study.pooled.number("rating"))
    if not known.any() and not np.isfinite(ratings).any():
        return None
    chosen = {
        subset: own for subset in SUBSETS if known[:, own := _images(subset, grid.synthetic)].any()
    }
    return Confidence(
        entity={
            subset: _calibration(sure[:, own], right[:, own]) for subset, own in chosen.items()
        },
        raters=tuple(
            RaterConfidence(
                name,
                attempt(calibration.overconfidence, sure[[i]], right[[i]]),
                attempt(calibration.type_2_auc, sure[i], right[i]),
            )
            for i, name in enumerate(grid.raters)
            if known[i].any()
        ),
        origin_type_2_auc=attempt(_of_origin, ratings, judged_real(study), right_origin(study)),
    )


def _images(subset: str, synthetic: Flags) -> Flags:
    if subset == "all":
        return np.ones(len(synthetic), dtype=bool)
    return synthetic if subset == "synthetic" else ~synthetic


def _calibration(sure: Floats, right: Floats) -> Calibration:
    return Calibration(
        calibration.brier(sure, right),
        calibration.calibration_error(sure, right),
        attempt(calibration.overconfidence, sure, right),
        attempt(calibration.mean_type_2_auc, sure, right),
        calibration.reliability_curve(sure, right),
    )


def _of_origin(ratings: Floats, real: Floats, right: Floats) -> Estimate:
    """Return the type-2 AUC of how far ratings lie from where the answer changes."""
    known = np.isfinite(ratings) & np.isfinite(real)
    sides = [ratings[known & (real == said)] for said in (1, 0)]
    if not all(side.size for side in sides):
        raise NotEstimable("there are no ratings beside answers of both kinds")
    highest, lowest = sides[0].max(), sides[1].min()
    if highest > lowest:
        raise NotEstimable("ratings do not follow the answers about origin")
    return calibration.mean_type_2_auc(np.abs(ratings - (highest + lowest) / 2), right)


def show(found: Confidence, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the reliability diagram, the scores, and each rater."""
    blocks: list[Block] = []
    if found.entity:
        said = (
            "Confidence is the stated probability that the named entity is right. Points below "
            "the diagonal are overconfident."
        )
        blocks += [
            Block(text=(said,), drawings=(_diagram(found),)),
            Block(table=_scores(found)),
            Block(folded=True, table=_curves(found)),
        ]
        if len(found.raters) > 1:
            blocks.append(Block(folded=True, table=_raters(found)))
    else:
        no_confidence = (
            "Raters gave no probability that the named entity is right: there is no calibration. "
            "A rating of origin is an order, not a probability."
        )
        blocks.append(Block(text=(no_confidence,)))
    blocks.append(Block(table=_origin(found)))
    return Section(KEY, "Does confidence mean anything?", tuple(blocks))


def _diagram(found: Confidence) -> Drawing:
    curves = {subset: one.curve for subset, one in found.entity.items() if subset != "all"}
    return draw(
        "reliability",
        behaviour_figures.reliability_diagram(curves),
        "Reliability diagram: share of right entities against stated confidence, in bins of about "
        "equal size; larger dots hold more answers. Intervals are Wilson's, as if answers were "
        "independent.",
        "Share right by stated confidence; "
        + "; ".join(
            f"{subset} images: "
            + ", ".join(
                f"{one.confidence:.2f} stated, {one.right.value:.2f} right" for one in curve
            )
            for subset, curve in curves.items()
        ),
    )


def _scores(found: Confidence) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [
        (
            subset,
            one.brier.score,
            one.brier.reliability,
            one.brier.resolution,
            one.brier.uncertainty,
            one.error,
            one.overconfidence,
            one.type_2_auc,
        )
        for subset, one in found.entity.items()
    ]
    few = {
        one.error.method
        for one in found.entity.values()
        if isinstance(one.error, Estimate) and "biased" in (one.error.method or "")
    }
    note = (
        "Brier score = reliability − resolution + uncertainty, and what bins hide; 0.25 is always "
        "saying 50%. Its interval takes answers as independent; those of overconfidence (mean "
        "confidence less share right) and of the type-2 AUC (0.5: no insight) take raters and "
        "images as random."
    )
    biased = " ".join(f"{method[0].upper()}{method[1:]}." for method in sorted(filter(None, few)))
    return ReportTable(
        "calibration",
        "Calibration of confidence in the entity",
        columns(
            subset="Images",
            brier="Brier score",
            reliability="Reliability",
            resolution="Resolution",
            uncertainty="Uncertainty",
            ece="ECE",
            overconfidence="Overconfidence",
            type_2_auc="Type-2 AUC",
        ),
        tuple(rows),
        note=" ".join(filter(None, (note, biased, reasons(rows)))),
    )


def _curves(found: Confidence) -> ReportTable:
    return ReportTable(
        "reliability",
        "Numbers of the reliability diagram",
        columns(
            subset="Images",
            lowest="Lowest",
            highest="Highest",
            confidence="Mean confidence",
            right="Share right",
            n="Answers",
        ),
        tuple(
            (subset, one.lowest, one.highest, one.confidence, one.right, one.right.n)
            for subset, calibrated in found.entity.items()
            for one in calibrated.curve
        ),
    )


def _raters(found: Confidence) -> ReportTable:
    rows = tuple((one.rater, one.overconfidence, one.type_2_auc) for one in found.raters)
    return ReportTable(
        "raters_confidence",
        "Each rater: overconfidence and type-2 AUC",
        columns(rater="Rater", overconfidence="Overconfidence", type_2_auc="Type-2 AUC"),
        rows,
        note=f"Intervals hold for the rater of the row, images random. {reasons(rows)}".strip(),
    )


def _origin(found: Confidence) -> ReportTable:
    number = found.origin_type_2_auc
    why = number.reason if isinstance(number, Unknown) else number.method or ""
    return ReportTable(
        "confidence_origin",
        "Are ratings of origin surer where they are right?",
        columns(measure="Measure", estimate="Estimate (95% interval)"),
        (("Type-2 AUC of the distance from the middle of the scale", number),),
        note=f"{why[0].upper()}{why[1:]}.",
    )
