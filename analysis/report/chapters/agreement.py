"""Agreement: of raters with one another, and of each with themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analysis import agreement
from analysis.agreement import IntraRater, Repeatability
from analysis.agreement.alpha import Level
from analysis.report.cells import Cell, Column, ReportTable, columns, reasons
from analysis.report.findings import Facts
from analysis.report.grids import answers_in_words, second_showings
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.results import Number, Unknown, attempt

KEY = "agreement"
QUESTIONS = {"origin": "Real or synthetic", "entity": "Entity", "rating": "Rating of origin"}
MOST_LEVELS = 20  # of a rating; more are numbers, not an ordered scale

ONE = Unknown("one rater agrees with nobody")
KAPPA_PARADOX = (
    "Read percent agreement, alpha and AC1 together: where nearly all answers are alike, kappa "
    "and alpha fall although raters agree. Intervals take images as random and raters as they are."
)


@dataclass(frozen=True)
class Between:
    """How far raters agree about one question.

    Attributes:
        percent: share of pairs of raters who gave the same answer about an image.
        alpha: Krippendorff's, ordinal for ratings.
        ac1: Gwet's AC1, for ratings AC2 with quadratic weights.
        kappa: Fleiss'; for ratings it takes a near miss for a miss.
        icc: ICC(2,1) of ratings, over images that all have rated; None for other questions.
    """

    percent: Number
    alpha: Number
    ac1: Number
    kappa: Number
    icc: Number | None


@dataclass(frozen=True)
class Agreement:
    """Agreement between raters and within each.

    Attributes:
        raters: in the order of `within`.
        between, within: by question; `within` is empty where no image was shown twice.
        repeats: second showings that count.
    """

    raters: tuple[str, ...]
    between: Mapping[str, Between]
    within: Mapping[str, Repeatability]
    repeats: int


def find(study: Study) -> Agreement | None:
    """Compute all coefficients."""
    asked = {name: table for name in QUESTIONS if (table := _answers(study, name)) is not None}
    if not asked:
        return None
    again = second_showings(study)
    return Agreement(
        raters=tuple(study.grid.raters),
        between={name: _between(study, name, table) for name, table in asked.items()},
        within={
            name: _within(study, name, table, second)
            for name, table in asked.items()
            if (second := _answers(study, name, again=True)) is not None
        },
        repeats=len(again),
    )


def _answers(study: Study, question: str, *, again: bool = False) -> NDArray | None:
    """Return the answers to a question as (raters, images), None where there are none."""
    table = second_showings(study) if again else study.pooled
    if not len(table):
        return None
    grid = study.grid.of(table)
    if question == "rating":
        ratings = table.number("rating")
        return grid.fill(ratings) if np.isfinite(ratings).any() else None
    said = table.text(f"answered_{question}")
    return answers_in_words(grid, said) if (said != "").any() else None


def _categories(study: Study, question: str) -> Sequence | None:
    if question == "origin":
        return ("real", "synthetic")
    if question == "entity":
        return study.pooled.entities
    rating = study.answers.number("rating")
    values = rating[np.isfinite(rating)]
    whole = bool((values == np.round(values)).all())
    if not whole or np.ptp(values) >= MOST_LEVELS:
        return None
    return tuple(float(step) for step in range(int(values.min()), int(values.max()) + 1))


def _between(study: Study, question: str, table: NDArray) -> Between:
    rated, steps = question == "rating", _categories(study, question)
    if len(table) < 2:
        return Between(ONE, ONE, ONE, ONE, ONE if rated else None)
    number = Unknown("ratings are numbers without steps")
    seed = study.context.seed
    level: Level = "nominal" if not rated else "ordinal" if steps else "interval"
    alpha = partial(agreement.krippendorff_alpha, level=level, categories=steps, seed=seed)
    if not rated:
        chance_corrected = partial(agreement.gwet_ac1, categories=steps)
    else:
        chance_corrected = partial(agreement.gwet_ac2, categories=steps)
    nominal = {
        "percent": partial(agreement.percent_agreement, categories=steps),
        "ac1": chance_corrected,
        "kappa": partial(agreement.fleiss_kappa, categories=steps),
    }
    found: dict[str, Number] = {
        name: attempt(statistic, table) if steps else number for name, statistic in nominal.items()
    }
    return Between(
        alpha=attempt(alpha, table),
        icc=attempt(partial(agreement.icc_2_1, seed=seed), table) if rated else None,
        **found,
    )


def _within(study: Study, question: str, first: NDArray, second: NDArray) -> Repeatability:
    return agreement.intra_rater(
        first,
        second,
        _categories(study, question),
        ratings=question == "rating",
        seed=study.context.seed,
    )


def show(found: Agreement, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out agreement between raters, then within each."""
    blocks = []
    if len(found.raters) < 2:
        said = "One rater: there is nobody to agree with. What follows asks whether this rater "
        blocks.append(Block(text=(said + "gives the same answer again.",)))
    else:
        said = (
            f"{len(found.raters)} raters. All raters agreeing is no proof of being right, and "
            "guessing alike is agreement, too."
        )
        blocks.append(Block(text=(said,), table=_between_table(found)))
    if found.within:
        counted = f"{found.repeats} images were shown to a rater for a second time."
        blocks.append(Block(heading="Each rater with themselves", text=(counted,)))
        blocks.append(Block(table=_mean_table(found)))
        blocks += [
            Block(folded=True, table=_within_table(found, name, one))
            for name, one in found.within.items()
        ]
    else:
        no_repeats = "No image was shown twice to a rater: agreement within raters is unknown."
        blocks.append(Block(heading="Each rater with themselves", text=(no_repeats,)))
    return Section(KEY, "Do raters agree?", tuple(blocks))


def _between_table(found: Agreement) -> ReportTable:
    with_icc = any(one.icc is not None for one in found.between.values())
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.between.items():
        row: tuple[Cell, ...] = (QUESTIONS[name], one.percent, one.alpha, one.ac1, one.kappa)
        rows.append((*row, one.icc) if with_icc else row)
    note = KAPPA_PARADOX
    if with_icc:
        note += (
            " For ratings alpha is ordinal and AC1 is AC2 with quadratic weights, both forgiving "
            "near misses, while kappa takes any difference for a miss; the ICC is over images "
            "that all raters have rated."
        )
    return ReportTable(
        "agreement_between",
        "Agreement between raters",
        columns(
            question="Question",
            percent="Percent agreement",
            alpha="Krippendorff's alpha",
            ac1="Gwet's AC1",
            kappa="Fleiss' kappa",
            **({"icc": "ICC(2,1)"} if with_icc else {}),
        ),
        tuple(rows),
        note=f"{note} {reasons(rows)}".strip(),
    )


def _mean_table(found: Agreement) -> ReportTable:
    rows = [(QUESTIONS[name], one.same, _pairs(one)) for name, one in found.within.items()]
    return ReportTable(
        "agreement_within_mean",
        "The same answer again, mean over raters",
        columns(question="Question", same="Same answer", n="Pairs of answers"),
        tuple(rows),
        note=f"Raters and images random. {reasons(rows)}".strip(),
    )


def _pairs(one: Repeatability) -> int:
    return sum(rater.n for rater in one.raters)


def _within_table(found: Agreement, question: str, one: Repeatability) -> ReportTable:
    with_icc = any(rater.icc is not None for rater in one.raters)

    def line(rater: IntraRater) -> tuple[Cell, ...]:
        cells: tuple[Cell, ...] = (rater.n, rater.same, rater.kappa, rater.ac1)
        return (*cells, rater.icc) if with_icc else cells

    rows = [
        (name, *line(rater))
        for name, rater in zip(found.raters, one.raters, strict=True)
        if rater.n
    ]
    extra = (Column("icc", "ICC(2,1)"),) if with_icc else ()
    return ReportTable(
        f"agreement_within_{question}",
        f"{QUESTIONS[question]}: each rater's answers at two showings",
        (
            *columns(rater="Rater", n="Images", same="Same answer", kappa="Kappa", ac1="AC1"),
            *extra,
        ),
        tuple(rows),
        note=f"Intervals are over the images shown twice to this rater. {reasons(rows)}".strip(),
    )
