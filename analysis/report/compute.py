"""Computing the findings of a report from the table of answers and nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis import mrmc, roc, signal_detection
from analysis.confusion import Confusion, classification_report, confusion
from analysis.proportions import wilson
from analysis.report.chapters import CHAPTERS
from analysis.report.findings import (
    SUBSETS,
    Discrimination,
    EntityFindings,
    Facts,
    Findings,
    Floats,
    OriginFindings,
    Point,
    RaterFindings,
    Times,
)
from analysis.report.grids import counted_answers
from analysis.report.study import Context, Flags, Grid, Study, study_of
from analysis.results import NotEstimable, Number, attempt
from analysis.table import ORIGINS, AnswerTable


def find(answers: AnswerTable, context: Context = Context()) -> Findings:
    """Compute all findings from the first showings in `answers`.

    Raises:
        TableRefused: there are none, only practice and repeats.
    """
    return findings_of(study_of(answers, context))


def findings_of(study: Study) -> Findings:
    """Compute all findings of a study."""
    table, pooled, grid = study.table, study.pooled, study.grid
    left_out = counted_answers(table)[1]
    asked_origin = bool((pooled.text("answered_origin") != "").any())
    entity = {
        subset: found
        for subset in SUBSETS
        if (found := _entity_findings(_subset(pooled, subset), subset)) is not None
    }
    return Findings(
        facts=_facts(table, pooled, grid, study.context.margin),
        origin=_origin_findings(pooled, grid) if asked_origin else None,
        detection=_detection(pooled, grid),
        detection_by_entity=_detection_by_entity(pooled, grid),
        entity=entity,
        entity_difference=_entity_difference(pooled, grid),
        raters=tuple(_rater_findings(table, name) for name in _names(table.text("rater"))),
        times=_times_by_origin(pooled),
        too_fast=left_out.too_fast,
        too_slow=left_out.too_slow,
        interrupted=left_out.interrupted,
        ratings_reversed=_ratings_reversed(table),
        chapters={
            chapter.key: found for chapter in CHAPTERS if (found := chapter.find(study)) is not None
        },
    )


def _subset(table: AnswerTable, subset: str) -> AnswerTable:
    return table if subset == "all" else table.where(table.text("origin") == subset)


def _names(column: NDArray[np.str_]) -> list[str]:
    return [str(name) for name in np.unique(column)]


def _shown(table: AnswerTable) -> list[str]:
    return [name for name in table.entities if (table.text("entity") == name).any()]


def _said(answered: NDArray[np.str_], counts: Flags) -> Floats:
    """Return 1 where an answer counts, 0 where not, NaN where there is none."""
    return np.where(answered == "", np.nan, counts.astype(float))


def _facts(table: AnswerTable, pooled: AnswerTable, grid: Grid, margin: float | None) -> Facts:
    kinds = dict(zip(table.text("rater").tolist(), table.text("rater_kind").tolist(), strict=True))
    rating = pooled.number("rating")
    return Facts(
        source=table.source,
        study=str(table.text("study")[0]),
        entities=table.entities,
        raters={kind: list(kinds.values()).count(kind) for kind in sorted(set(kinds.values()))},
        pooled=tuple(grid.raters),
        generators=tuple(name for name in _names(table.text("generator")) if name),
        images={
            origin: {
                name: int(
                    np.count_nonzero(
                        (grid.entity == name) & (grid.synthetic == (origin == "synthetic"))
                    )
                )
                for name in table.entities
            }
            for origin in ORIGINS
        },
        answers=len(table),
        missing=grid.shape[0] * grid.shape[1] - len(pooled),
        excluded=table.excluded,
        rating_levels=len(np.unique(rating[np.isfinite(rating)])),
        entity_confidence=bool(np.isfinite(pooled.number("entity_confidence")).any()),
        caveats=table.caveats,
        margin=margin,
    )


def _origin_findings(table: AnswerTable, grid: Grid) -> OriginFindings:
    answered, origin = table.text("answered_origin"), table.text("origin")
    said_synthetic = grid.fill(_said(answered, answered == "synthetic"))
    said_real = 1 - said_synthetic
    synthetic, real = grid.synthetic, ~grid.synthetic
    given = answered != ""
    whole, by_rater = _confusions(table.where(given), "origin", ORIGINS)
    return OriginFindings(
        deception_rate=attempt(mrmc.proportion, said_real[:, synthetic]),
        false_alarm_rate=attempt(mrmc.proportion, said_synthetic[:, real]),
        accuracy=attempt(mrmc.proportion, grid.fill(_said(answered, answered == origin))),
        balanced_accuracy=attempt(mrmc.balanced_accuracy, said_synthetic, synthetic),
        confusion=whole,
        report=classification_report(whole),
        by_rater=by_rater,
        reports_by_rater={name: classification_report(one) for name, one in by_rater.items()},
        deception_by_generator={
            name: attempt(mrmc.proportion, said_real[:, synthetic & (grid.generator == name)])
            for name in _names(grid.generator[synthetic])
            if name
        },
        deception_by_entity={
            name: attempt(mrmc.proportion, said_real[:, synthetic & (grid.entity == name)])
            for name in _shown(table)
        },
        false_alarm_by_entity={
            name: attempt(mrmc.proportion, said_synthetic[:, real & (grid.entity == name)])
            for name in _shown(table)
        },
    )


def _confusions(
    table: AnswerTable, what: str, labels: Sequence[str]
) -> tuple[Confusion, dict[str, Confusion]]:
    truth, answered, rater = table.text(what), table.text(f"answered_{what}"), table.text("rater")
    names, code = np.unique(rater, return_inverse=True)
    by_rater = {
        str(name): confusion(truth[code == place], answered[code == place], labels)
        for place, name in enumerate(names)
    }
    return confusion(truth, answered, labels), by_rater


def _detection(table: AnswerTable, grid: Grid) -> Discrimination | None:
    rating, answered = table.number("rating"), table.text("answered_origin")
    if np.isfinite(rating).any():
        return _discrimination("synthetic", grid, grid.fill(rating), grid.synthetic, graded=True)
    if (answered != "").any():
        said = grid.fill(_said(answered, answered == "synthetic"))
        return _discrimination("synthetic", grid, said, grid.synthetic, graded=False)
    return None


def _detection_by_entity(table: AnswerTable, grid: Grid) -> dict[str, Number]:
    rating = table.number("rating")
    if not np.isfinite(rating).any():
        return {}
    scores = grid.fill(rating)
    return {
        name: attempt(mrmc.mean_auc, scores[:, own], grid.synthetic[own])
        for name in _shown(table)
        if (own := grid.entity == name).any()
    }


def _discrimination(
    positive: str, grid: Grid, scores: Floats, truth: Flags, *, graded: bool
) -> Discrimination:
    curves: dict[str, roc.RocCurve] = {}
    for rater, row in zip(grid.raters, scores, strict=True):
        given = np.isfinite(row)
        try:
            curves[rater] = roc.empirical_curve(row[given], truth[given])
        except NotEstimable:
            continue  # this rater saw one class only
    # The middle point of a plain label's "curve" is all it says.
    points = (
        ()
        if graded
        else tuple(
            Point(
                rater,
                float(curve.false_alarm[curve.threshold == 1][0]),
                float(curve.hit[curve.threshold == 1][0]),
            )
            for rater, curve in curves.items()
            if (curve.threshold == 1).any()
        )
    )
    rates = np.linspace(0, 1, 101)
    drawn = curves if graded else {}
    average = roc.average_of([*drawn.values()], rates).hit if drawn else np.array([])
    return Discrimination(
        positive,
        graded,
        attempt(mrmc.mean_auc, scores, truth),
        points,
        drawn,
        rates if drawn else np.array([]),
        average,
    )


def _entity_findings(table: AnswerTable, subset: str) -> EntityFindings | None:
    table = table.where(table.text("answered_entity") != "")
    if not len(table):
        return None
    grid = Grid(table)
    right = grid.fill((table.text("answered_entity") == table.text("entity")).astype(float))
    whole, by_rater = _confusions(table, "entity", table.entities)
    return EntityFindings(
        subset=subset,
        accuracy=attempt(mrmc.proportion, right),
        confusion=whole,
        report=classification_report(whole),
        by_rater=by_rater,
        reports_by_rater={name: classification_report(one) for name, one in by_rater.items()},
        recalls={
            name: attempt(mrmc.proportion, right[:, grid.entity == name]) for name in table.entities
        },
        discrimination=tuple(_one_against_rest(table, grid, name) for name in table.entities),
    )


def _one_against_rest(table: AnswerTable, grid: Grid, entity: str) -> Discrimination:
    """Score an answer for `entity`: its confidence c where chosen, else (1 - c) / (K - 1)."""
    chosen = table.text("answered_entity") == entity
    confidence = table.number("entity_confidence")
    graded = bool(np.isfinite(confidence).any())
    if graded:
        scores = np.where(chosen, confidence, (1 - confidence) / max(len(table.entities) - 1, 1))
    else:
        scores = chosen.astype(float)
    return _discrimination(entity, grid, grid.fill(scores), grid.entity == entity, graded=graded)


def _entity_difference(table: AnswerTable, grid: Grid) -> Number:
    answered = table.text("answered_entity")
    right = grid.fill(_said(answered, answered == table.text("entity")))
    return attempt(mrmc.proportion_difference, right[:, grid.synthetic], right[:, ~grid.synthetic])


def _rater_findings(table: AnswerTable, name: str) -> RaterFindings:
    own = table.where(table.text("rater") == name)
    synthetic = own.text("origin") == "synthetic"
    answered, diagnosis = own.text("answered_origin"), own.text("answered_entity")
    said = answered == "synthetic"
    asked, named = answered != "", diagnosis != ""
    hits, alarms = said[asked & synthetic], said[asked & ~synthetic]
    rating = own.number("rating")
    rated = np.isfinite(rating)
    right = diagnosis == own.text("entity")

    def share(counts: Flags) -> Number:
        return attempt(wilson, int(np.count_nonzero(counts)), counts.size)

    return RaterFindings(
        rater=name,
        kind=str(own.text("rater_kind")[0]),
        answers=len(own),
        deception_rate=share(~hits),
        hit_rate=share(hits),
        false_alarm_rate=share(alarms),
        origin_accuracy=share((said == synthetic)[asked]),
        d_prime=attempt(signal_detection.d_prime, hits, alarms),
        criterion=attempt(signal_detection.criterion, hits, alarms),
        auc=attempt(roc.delong, rating[rated], synthetic[rated], 0.95, "logit"),
        entity_accuracy={subset: share(right[named & _of(subset, own)]) for subset in SUBSETS},
        times=_times(own),
    )


def _of(subset: str, table: AnswerTable) -> Flags:
    return (table.text("origin") == subset) | (subset == "all")


def _times(table: AnswerTable) -> Times | None:
    seconds = table.number("response_ms")[counted_answers(table)[0]] / 1000
    if not seconds.size:
        return None
    lower, median, upper = (float(q) for q in np.percentile(seconds, [25, 50, 75]))
    return Times(int(seconds.size), median, lower, upper)


def _times_by_origin(table: AnswerTable) -> dict[str, Times]:
    found = {subset: _times(_subset(table, subset)) for subset in SUBSETS}
    return {subset: times for subset, times in found.items() if times is not None}


def _ratings_reversed(table: AnswerTable) -> bool:
    """Tell whether ratings fall where raters say synthetic, against the table's convention."""
    rating, answered = table.number("rating"), table.text("answered_origin")
    means = [rating[np.isfinite(rating) & (answered == origin)] for origin in ORIGINS]
    return bool(all(m.size for m in means) and means[0].mean() > means[1].mean())
