"""HYPE: the published benchmark of human perception, beside the report's own inference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.hype import HypeInfinity, HypeTime, hype_infinity, hype_time
from analysis.report.findings import Flags, Floats
from analysis.report.study import Study, follows_answers, in_pairs, said_synthetic
from analysis.results import NotEstimable, Unknown

KEY = "hype"
ALL = "all generators"


@dataclass(frozen=True)
class HypeFindings:
    """HYPE as published.

    Attributes:
        infinity: without a limit of time, for all synthetic images and, where there are several,
            for each generator's beside all real ones.
        time: the exposure at which raters begin to tell; Unknown where it was not adapted.
        seed: of the bootstraps.
    """

    infinity: Mapping[str, HypeInfinity | Unknown]
    time: HypeTime | Unknown
    seed: int


def find(study: Study) -> HypeFindings | None:
    """Return HYPE; None where raters were not asked for origin, or images of one kind only."""
    said, grid = said_synthetic(study), study.grid
    kinds = {bool(kind) for kind in grid.synthetic[np.isfinite(said).any(axis=0)]}
    if in_pairs(study) or len(kinds) < 2:
        return None
    if follows_answers(study):
        why = "the time to look followed the answers"
        return HypeFindings({ALL: Unknown(why)}, _time(study), study.context.seed)
    errors = np.where(grid.synthetic, 1 - said, said)
    arms = [str(name) for name in np.unique(grid.generator[grid.synthetic]) if name]
    shown = {ALL: np.ones_like(grid.synthetic)}
    if len(arms) > 1:
        shown |= {arm: ~grid.synthetic | (grid.generator == arm) for arm in arms}
    return HypeFindings(
        {name: _infinity(errors, study, these) for name, these in shown.items()},
        Unknown("the time to look did not follow the answers"),
        study.context.seed,
    )


def _infinity(errors: Floats, study: Study, these: Flags) -> HypeInfinity | Unknown:
    try:
        return hype_infinity(
            errors[:, these],
            study.grid.synthetic[these],
            study.grid.entity[these],
            seed=study.context.seed,
        )
    except NotEstimable as why:
        return Unknown(str(why))


def _time(study: Study) -> HypeTime | Unknown:
    """Return the thresholds of the staircase, each rater's trials in their order.

    Its limits are those of the protocol; of a mere table of answers, those of HYPE.
    """
    answers = study.answers
    counted = ~(answers.flags["practice"] | answers.flags["excluded"])
    counted &= np.isin(answers.text("rater"), study.grid.raters)
    answers = answers.where(counted & np.isfinite(answers.number("exposure_ms")))
    trial = answers.number("trial")
    if not np.isfinite(trial).all():
        return Unknown("the order of the trials is not known")
    raters, sessions = answers.text("rater"), answers.number("occasion")
    block = np.nan_to_num(answers.number("block"), nan=0.0)
    runs = []
    for rater in np.unique(raters):
        own = []
        for occasion, part in sorted(
            {(o, b) for o, b in zip(sessions[raters == rater], block[raters == rater], strict=True)}
        ):
            these = np.flatnonzero((raters == rater) & (sessions == occasion) & (block == part))
            order = these[np.argsort(trial[these])]
            own.append([int(ms) for ms in answers.number("exposure_ms")[order]])
        runs.append(own)
    stairs = study.context.description.get("protocol", {}).get("staircase") or {}
    limits = {name: stairs[name] for name in ("shortest", "longest") if name in stairs}
    try:
        return hype_time(runs, **limits)
    except NotEstimable as why:
        return Unknown(str(why))
