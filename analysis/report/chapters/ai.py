"""AI beside raters: on the same images, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis import mrmc
from analysis.mrmc import AgainstAI
from analysis.mrmc.inference import RANDOM, on_logit_scale
from analysis.report.findings import Flags, Floats
from analysis.report.study import Study
from analysis.results import NotEstimable, Number, Test, Unknown

KEY = "ai"


@dataclass(frozen=True)
class AgainstRaters:
    """One measure of one AI beside the raters.

    Attributes:
        ai, raters: the AI's figure, and the mean of the raters (raters and images random).
        difference: raters minus AI; and `test` that there is none.
        fixed_cases: the test with these images taken as all there are.
        by_rater, tests: each rater minus the AI.
    """

    ai: Number
    raters: Number
    difference: Number
    test: Test
    fixed_cases: Test
    by_rater: Mapping[str, Number]
    tests: Mapping[str, Test]


@dataclass(frozen=True)
class AIFindings:
    """AI raters beside people, by the AI's name and the measure; or why they are not compared."""

    compared: Mapping[str, Mapping[str, AgainstRaters | Unknown]]


def find(study: Study) -> AIFindings | None:
    """Compare each AI of the table with the raters; None where there is no AI."""
    kinds, names = study.table.text("rater_kind"), study.table.text("rater")
    ais = [str(name) for name in np.unique(names[kinds == "ai"])]
    if not ais or set(ais) & set(study.grid.raters):
        return None  # no AI, or nobody but AIs
    return AIFindings({name: _measures(study, name) for name in ais})


def _measures(study: Study, name: str) -> dict[str, AgainstRaters | Unknown]:
    said, rated, named = "answered_origin", "rating", "answered_entity"
    found = {}
    if _answers(study, said, name) and (study.pooled.text(said) != "").any():
        for measure, statistic in (
            ("accuracy", "accuracy"),
            ("deception_rate", "deception_rate"),
            ("false_alarm_rate", "false_alarm_rate"),
        ):
            found[measure] = _against(study, name, said, statistic)
    if _answers(study, rated, name) and np.isfinite(study.pooled.number(rated)).any():
        found["auc"] = _against(study, name, rated, "auc")
    if _answers(study, named, name) and (study.pooled.text(named) != "").any():
        found["entity_accuracy"] = _against(study, name, named, "proportion")
    if not found:
        found["accuracy"] = Unknown("the AI and the raters were not asked the same question")
    return found


def _answers(study: Study, column: str, name: str) -> bool:
    own = study.table.where(study.table.text("rater") == name)
    if column == "rating":
        return bool(np.isfinite(own.number("rating")).any())
    return bool((own.text(column) != "").any())


def _against(study: Study, name: str, column: str, statistic: str) -> AgainstRaters | Unknown:
    ratings, ai, truth = _together(study, name, column)
    raters = study.grid.raters
    try:
        found = mrmc.compare_with_ai(
            ratings,
            ai,
            truth,
            statistic=statistic,
            covariance="delong" if statistic == "auc" else "jackknife",
            readers=raters,
        )
    except NotEstimable as why:
        return Unknown(str(why))
    several = len(raters) > 1
    scope = RANDOM if several else "fixed_readers"
    return AgainstRaters(
        found.ai,
        found.readers if statistic == "auc" else on_logit_scale(found.readers),
        _difference(found, scope),
        found.tests[scope],
        found.tests["fixed_cases" if several else "fixed_readers"],
        {str(label): number for label, number in found.reader_differences.items()},
        {str(label): test for label, test in found.reader_tests.items()},
    )


def _difference(found: AgainstAI, scope: str) -> Number:
    number = found.differences[scope]
    if number.low is None and found.tests[scope].p != 1.0:
        return Unknown((number.method or "").rpartition("no interval: ")[2])
    return number


def _together(study: Study, name: str, column: str) -> tuple[Floats, Floats, Flags]:
    """Return raters (raters, images), the AI (images,) and the truth, over all their images.

    Of entities it is whether each was named right.
    """
    names = study.table.text("rater")
    both = study.table.where(np.isin(names, [*study.grid.raters, name]))
    if column == "rating":
        values = both.number("rating")
    else:
        answered = both.text(column)
        truth = both.text("entity") if column == "answered_entity" else "synthetic"
        values = np.where(answered == "", np.nan, (answered == truth).astype(float))
    images, first, place = np.unique(both.text("image"), return_index=True, return_inverse=True)
    rows = [*study.grid.raters, name]
    table = np.full((len(rows), len(images)), np.nan)
    row = np.array([rows.index(one) for one in both.text("rater").tolist()])
    table[row, place] = values
    return table[:-1], table[-1], both.text("origin")[first] == "synthetic"
