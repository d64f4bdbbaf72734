"""Generators compared: which one deceives more, and for which entities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis import mrmc
from analysis.equivalence import Judgement
from analysis.mrmc.inference import FIXED_READERS, RANDOM
from analysis.proportions import benjamini_hochberg, holm
from analysis.report.chapters.verdict import judged_area, judged_share
from analysis.report.findings import Flags, Floats
from analysis.report.study import Study, in_pairs, said_synthetic
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown

KEY = "generators"
#: Smaller cells of generator and entity get counts only.
FEWEST_IMAGES, FEWEST_RATERS = 5, 3


@dataclass(frozen=True)
class Compared:
    """Two generators: the first less the second.

    Attributes:
        p: of no difference; None where there is no test.
        p_holm: adjusted for all pairs of generators under this measure.
    """

    first: str
    second: str
    difference: Number
    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class Comparison:
    """One measure of all generators.

    Attributes:
        by_generator: held against chance.
        pairs: all of them; empty where generators cannot be compared.
        equal: the test that all are equal.
        design: what the analysis took the design for; "" without one.
        reason: why there is no comparison; "" where there is one.
    """

    by_generator: Mapping[str, Judgement]
    pairs: tuple[Compared, ...]
    equal: Test | None
    design: str
    reason: str


@dataclass(frozen=True)
class EntityCell:
    """The deception rate of one generator on one entity.

    Attributes:
        p: of chance (0.5); None in cells too small, or without a test.
        p_adjusted: for all cells, false discovery rate.
    """

    generator: str
    entity: str
    images: int
    raters: int
    answers: int
    judged_real: int
    rate: Number
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class GeneratorFindings:
    """Generators side by side; None for what raters were not asked."""

    deception_rate: Comparison | None
    auc: Comparison | None
    cells: tuple[EntityCell, ...]


def find(study: Study) -> GeneratorFindings | None:
    """Compare the generators; None with fewer than two."""
    grid = study.grid
    arms = [str(name) for name in np.unique(grid.generator[grid.synthetic]) if name]
    said, scores = said_synthetic(study), study.grid.fill(study.pooled.number("rating"))
    asked = bool(np.isfinite(said[:, grid.synthetic]).any())
    rated = bool(np.isfinite(scores).any()) and not in_pairs(study)
    if len(arms) < 2 or not (asked or rated):
        return None
    margin = study.context.margin
    of_arm = {arm: grid.synthetic & (grid.generator == arm) for arm in arms}

    def rate(shown: Flags) -> Judgement:
        return judged_share(1 - said[:, shown], margin)

    def area(shown: Flags) -> Judgement:
        with_reals = shown | ~grid.synthetic
        return judged_area(scores[:, with_reals], grid.synthetic[with_reals], margin)

    return GeneratorFindings(
        _comparison(said, study, of_arm, "deception_rate", rate) if asked else None,
        _comparison(scores, study, of_arm, "auc", area) if rated else None,
        _cells(said, study, of_arm) if asked else (),
    )


def _comparison(
    table: Floats,
    study: Study,
    of_arm: Mapping[str, Flags],
    statistic: str,
    alone: Callable[[Flags], Judgement],
) -> Comparison:
    """Compare arms that share the real images and have synthetic ones of their own."""
    by_generator = {arm: alone(shown) for arm, shown in of_arm.items()}
    synthetic = study.grid.synthetic
    ratings = np.stack([np.where(shown | ~synthetic, table, np.nan) for shown in of_arm.values()])
    cases = synthetic if statistic == "deception_rate" else np.ones_like(synthetic)
    reads = np.isfinite(ratings[:, :, cases]).any(axis=2).all(axis=0)
    try:
        if not reads.any():
            raise NotEstimable("no rater has read images of all generators")
        found = mrmc.obuchowski_rockette(
            ratings[:, reads],
            synthetic,
            statistic=statistic,
            covariance="delong" if statistic == "auc" else "jackknife",
            treatments=list(of_arm),
        )
    except NotEstimable as why:
        return Comparison(by_generator, (), None, "", str(why))
    scope = RANDOM if len(found.readers) > 1 else FIXED_READERS
    tests = found.inferences[scope].difference_tests
    adjusted = holm([test.p for test in tests.values()])
    return Comparison(
        by_generator,
        tuple(
            Compared(str(a), str(b), _known(found.differences[a, b]), test.p, p)
            for ((a, b), test), p in zip(tests.items(), adjusted, strict=True)
        ),
        found.tests[scope],
        found.design,
        "",
    )


def _known(estimate: Estimate) -> Number:
    if estimate.low is None:
        return Unknown((estimate.method or "").rpartition("no interval: ")[2])
    return estimate


def _cells(said: Floats, study: Study, of_arm: Mapping[str, Flags]) -> tuple[EntityCell, ...]:
    cells = []
    for arm, shown in of_arm.items():
        for entity in study.pooled.entities:
            own = 1 - said[:, shown & (study.grid.entity == entity)]
            if not own.shape[1]:
                continue
            given = np.isfinite(own)
            raters = int(given.any(axis=1).sum())
            judged = judged_share(own, None)
            large = own.shape[1] >= FEWEST_IMAGES and raters >= FEWEST_RATERS
            few = f"fewer than {FEWEST_IMAGES} images or {FEWEST_RATERS} raters: counts only"
            cells.append(
                EntityCell(
                    arm,
                    entity,
                    int(own.shape[1]),
                    raters,
                    int(given.sum()),
                    int(np.nansum(own)),
                    judged.estimate if large else Unknown(few),
                    judged.difference.p if large else None,
                    None,
                )
            )
    adjusted = benjamini_hochberg([cell.p for cell in cells])
    return tuple(replace(cell, p_adjusted=p) for cell, p in zip(cells, adjusted, strict=True))
