"""Robustness: whether the main rates hang on one rater, or on how their interval is computed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import bootstrap, mrmc
from analysis.bootstrap import Bootstrapped
from analysis.report import figures
from analysis.report.cells import ReportTable, columns, reasons
from analysis.report.drawing import draw
from analysis.report.elements import PALETTE
from analysis.report.findings import Facts, Floats
from analysis.report.grids import judged_real, right_entity, right_origin
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.report.words import numbers_in_words
from analysis.results import Estimate, Number, Unknown, attempt

KEY = "robustness"
DRAWS, FEWER_DRAWS = 10_000, 2_000
LARGE = 50_000  # answers, beyond which fewer draws do
MOST_DRAWN = 40  # raters; the file has them all
NAMES = {
    "deception_rate": "Deception rate",
    "origin_accuracy": "Origin told rightly",
    "entity_accuracy": "Right entity named",
}


@dataclass(frozen=True)
class LeftOut:
    """A rate without one rater."""

    rater: str
    rate: Number


@dataclass(frozen=True)
class Rate:
    """One rate, computed in several ways.

    Attributes:
        all_raters: over raters and images (Obuchowski and Rockette).
        two_way: the same value, interval of the two-way bootstrap.
        lowest, highest: where leaving out one rater moves the rate furthest down and up; None
            with fewer than three raters.
    """

    all_raters: Number
    two_way: Number
    lowest: LeftOut | None
    highest: LeftOut | None


@dataclass(frozen=True)
class Robustness:
    """The main rates, the primary one first.

    Attributes:
        rates: by name; see `NAMES`.
        without: the primary rate without each rater in turn.
        left_out: draws of the bootstrap in which nothing could be estimated.
    """

    rates: Mapping[str, Rate]
    without: Mapping[str, float]
    left_out: int


def find(study: Study) -> Robustness | None:
    """Compute each rate again."""
    synthetic = study.grid.synthetic
    strata = np.stack([np.where(synthetic, "synthetic", "real"), study.grid.entity], axis=1)
    tables = {
        "deception_rate": (judged_real(study)[:, synthetic], strata[synthetic]),
        "origin_accuracy": (right_origin(study), strata),
        "entity_accuracy": (right_entity(study), strata),
    }
    asked = {name: both for name, both in tables.items() if np.isfinite(both[0]).any()}
    if not asked:
        return None
    left_out, rates = 0, {}
    for name, (table, groups) in asked.items():
        rates[name], lost = _rate(study, table, groups)
        left_out += lost
    return Robustness(rates, _without(study, next(iter(asked.values()))[0]), left_out)


def _without(study: Study, table: Floats) -> dict[str, float]:
    """Return the mean of raters' shares without each of the raters who answered."""
    given = np.isfinite(table).any(axis=1)
    if np.count_nonzero(given) < 3:
        return {}
    shares = np.nanmean(table[given], axis=1)
    names = np.array(study.grid.raters)[given]
    others = (shares.sum() - shares) / (len(shares) - 1)
    return {str(name): float(rate) for name, rate in zip(names, others, strict=True)}


def _rate(study: Study, table: Floats, strata: NDArray[np.str_]) -> tuple[Rate, int]:
    found: list[Bootstrapped] = []

    def two_way() -> Estimate:
        draws = DRAWS if table.size <= LARGE else FEWER_DRAWS
        seed = study.context.seed
        found.append(bootstrap.proportion(table, strata, draws=draws, seed=seed))
        return found[0].estimate

    without = _without(study, table)

    def left_out(name: str) -> LeftOut:
        others = np.array(study.grid.raters) != name
        return LeftOut(name, attempt(mrmc.proportion, table[others]))

    rate = Rate(
        attempt(mrmc.proportion, table),
        attempt(two_way),
        left_out(min(without, key=without.__getitem__)) if without else None,
        left_out(max(without, key=without.__getitem__)) if without else None,
    )
    return rate, found[0].left_out if found else 0


def show(found: Robustness, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the rates side by side."""
    said = (
        "The same rates without the rater who moves them most, and with an interval that assumes "
        "no model: the two-way bootstrap draws raters and, within origin and entity, images, and "
        "errs on the wide side."
    )
    if not found.without:
        said += " Fewer than three raters: leaving one out says nothing."
    if found.left_out:
        said += f" {found.left_out} draws without any answer are left out."
    blocks = [Block(text=(said,), table=_table(found))]
    primary = NAMES[next(iter(found.rates))].lower()
    if 0 < len(found.without) <= MOST_DRAWN:
        rows = [
            figures.Row(f"without {rater}", Estimate(rate), colour=PALETTE["heat"])
            for rater, rate in sorted(found.without.items(), key=lambda each: each[1])
        ]
        whole = next(iter(found.rates.values())).all_raters
        rows.append(figures.Row("all raters", whole, summary=True, colour=PALETTE["heat"]))
        drawing = draw(
            "leave_one_rater_out",
            figures.forest(rows, axis=primary, chance=None),
            f"The {primary} without each rater in turn, lowest first, and of all raters with its "
            "95% interval.",
            numbers_in_words(f"The {primary}", [(row.label, row.number) for row in rows]),
        )
        blocks.append(Block(drawings=(drawing,), folded=True, heading="Without each rater in turn"))
    if found.without:
        data = ReportTable(
            "leave_one_rater_out",
            f"The {primary} without each rater",
            columns(rater="Without", rate="Rate"),
            tuple(found.without.items()),
        )
        blocks.append(Block(data=(data,)))
    return Section(KEY, "Would another analysis say otherwise?", tuple(blocks))


def _table(found: Robustness) -> ReportTable:
    nobody = Unknown("fewer than three raters")

    def cells(one: LeftOut | None) -> tuple[Number, str]:
        return (nobody, "") if one is None else (one.rate, one.rater)

    rows = tuple(
        (NAMES[name], rate.all_raters, rate.two_way, *cells(rate.lowest), *cells(rate.highest))
        for name, rate in found.rates.items()
    )
    return ReportTable(
        "robustness",
        "The main rates in other ways",
        columns(
            measure="Measure",
            all_raters="Raters and images random",
            two_way="Two-way bootstrap",
            lowest="Lowest without one",
            lowest_without="who",
            highest="Highest without one",
            highest_without="who",
        ),
        rows,
        note=reasons(rows),
    )
