"""The model: what moves an answer, with raters and images both drawn at random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.mixed_model import (
    CrossedFit,
    crossed_logistic,
    likelihood_ratio,
    population_rate,
    refuse_if_hopeless,
)
from analysis.report import behaviour_figures, figures
from analysis.report.cells import ReportTable, columns, printed, reasons
from analysis.report.chapters import model_ranks
from analysis.report.chapters.model_ranks import Ranked, Read, ranks
from analysis.report.drawing import Drawing, draw
from analysis.report.elements import PALETTE
from analysis.report.findings import Facts, Flags, Floats
from analysis.report.grids import LEAST_IMAGES, judged_real, right_entity
from analysis.report.layout import Block, Section
from analysis.report.study import Study
from analysis.report.words import numbers_in_words, p_value
from analysis.results import Estimate, NotEstimable, Number, Test, Unknown, attempt

KEY = "model"
BASE, ORIGIN = "intercept", "synthetic"
SAID = {"real": "judged real", "entity": "right entity named"}
SDS = {"rater": "between raters", "rater slope": "between raters, of origin", "image": "images"}


@dataclass(frozen=True)
class Term:
    """One coefficient: its odds ratio, and the test that it is 1."""

    name: str
    odds_ratio: Number
    p: float | None


@dataclass(frozen=True)
class Model:
    """A crossed logistic mixed model of the answers.

    Attributes:
        answer: what is modelled, "real" (judged real) or "entity" (right entity named).
        reason: why there is no model; "" where there is one.
        references: what each factor's ratios are against.
        terms: odds ratios for an average rater and image.
        sds: standard deviations of log odds between raters and images.
        rates: shares among all raters and images, by real and generator.
        tests: likelihood-ratio tests of the generator and of entity by origin, Unknown with the
            reason where there is none.
        ranking: raters, generators by entity (cells) and images by shrunken rates, of synthetic
            images judged real or of all images named rightly.
        n: answers.
        penalised, singular, fixed_raters, converged: of the fit; see `CrossedFit`.
        notes: what must be said beside the figures.
    """

    answer: str
    reason: str = ""
    references: Mapping[str, str] | None = None
    terms: tuple[Term, ...] = ()
    sds: Mapping[str, Number] | None = None
    rates: Mapping[str, Number] | None = None
    tests: Mapping[str, Test | Unknown] | None = None
    ranking: Mapping[str, tuple[Ranked, ...]] | None = None
    n: int = 0
    penalised: bool = False
    singular: bool = False
    fixed_raters: bool = False
    converged: bool = True
    notes: tuple[str, ...] = ()


def find(study: Study) -> Model | None:
    """Fit the models: with all factors, without the generator, and with entity by origin."""
    said, answer = judged_real(study), "real"
    if not np.isfinite(said).any():
        said, answer = right_entity(study), "entity"
    if not np.isfinite(said).any():
        return None
    try:
        return _Fits(study, said).model(answer)
    except NotEstimable as reason:
        return Model(answer, str(reason))


class _Fits:
    """The models of one table of answers; each is fitted once."""

    def __init__(self, study: Study, said: Floats) -> None:
        self.grid, self.entities = study.grid, study.pooled.entities
        rater, self.image = np.nonzero(np.isfinite(said))
        self.said = said[rater, self.image]
        self.rater = np.array(self.grid.raters)[rater]
        refuse_if_hopeless(self.said, rater, self.image)
        shown = np.isin(np.arange(len(self.grid.images)), self.image)
        synthetic = self.grid.synthetic
        self.both = bool((synthetic & shown).any() and (~synthetic & shown).any())
        self.generators = _levels(self.grid.generator, shown & synthetic)
        self.kinds = _levels(self.grid.entity, shown, self.entities)
        self.shown = shown

    def model(self, answer: str) -> Model:
        by_generator = _columns("generator", self.generators[1:], self.grid.generator)
        by_entity = _columns("entity", self.kinds[1:], self.grid.entity)
        base: dict[str, Floats] = {BASE: np.ones(len(self.grid.images))}
        if self.both:
            base[ORIGIN] = np.where(self.grid.synthetic, 0.5, -0.5)
        whole = {**base, **by_generator, **by_entity}
        fit = self.fit(whole)
        references = {
            **({"origin": "real"} if self.both else {}),
            **({"generator": self.generators[0]} if by_generator else {}),
            **({"entity": self.kinds[0]} if by_entity else {}),
        }
        return Model(
            answer,
            references=references,
            terms=tuple(
                Term(name, fit.odds_ratios[name], fit.tests[name].p)
                for name in fit.names
                if name != BASE
            ),
            sds=fit.sds,
            rates=self.rates(fit, whole),
            tests={
                "generator": self.test_of_generator(fit, {**base, **by_entity}, by_generator),
                "entity by origin": self.test_of_interaction(fit, whole, by_entity),
            },
            ranking=self.ranking(fit, whole, self.grid.synthetic | (answer == "entity")),
            n=fit.n,
            penalised=fit.penalised,
            singular=fit.singular,
            fixed_raters=fit.fixed_raters,
            converged=fit.converged,
            notes=fit.notes,
        )

    def fit(self, columns: Mapping[str, Floats], *, quick: bool = False) -> CrossedFit:
        return crossed_logistic(
            self.said,
            np.stack([column[self.image] for column in columns.values()], axis=1),
            self.rater,
            self.image,
            names=tuple(columns),
            slope=ORIGIN if ORIGIN in columns else None,
            quick=quick,
        )

    def rates(self, fit: CrossedFit, columns: Mapping[str, Floats]) -> dict[str, Number]:
        """Return population-averaged rates, with the images' mix of entities in each group."""
        table = np.stack(list(columns.values()), axis=1)
        synthetic, shown = self.grid.synthetic, self.shown
        groups = {"real": shown & ~synthetic, "synthetic": shown & synthetic}
        if len(self.generators) > 1:
            groups |= {name: shown & (self.grid.generator == name) for name in self.generators}
        found: dict[str, Number] = {}
        for name, own in groups.items():
            if own.any():
                rows, weights = np.unique(table[own], axis=0, return_counts=True)
                found[name] = attempt(population_rate, fit, rows, 0.95, weights)
        return found

    def ranking(
        self, fit: CrossedFit, columns: Mapping[str, Floats], about: Flags
    ) -> dict[str, tuple[Ranked, ...]]:
        own = np.flatnonzero(self.shown)
        design = np.stack([column[own] for column in columns.values()], axis=1)
        read = Read(
            said=self.said,
            rater=np.searchsorted(fit.rater_names, self.rater),
            image=np.searchsorted(own, self.image),
            raters=fit.rater_names,
            images=[self.grid.images[k] for k in own],
            generator=self.grid.generator[own],
            entity=self.grid.entity[own],
            ranked=about[own],
        )
        return ranks(fit, design, read)

    def test_of_generator(
        self, fit: CrossedFit, without: Mapping[str, Floats], own: Mapping[str, Floats]
    ) -> Test | Unknown:
        if not own:
            return Unknown("fewer than two generators")
        return self.compared(without, fit)

    def test_of_interaction(
        self, fit: CrossedFit, whole: Mapping[str, Floats], by_entity: Mapping[str, Floats]
    ) -> Test | Unknown:
        if not self.both or not by_entity:
            return Unknown("fewer than two entities, or one origin only")
        for name in self.kinds:
            own = self.shown & (self.grid.entity == name)
            sides = self.grid.synthetic, ~self.grid.synthetic
            cells = [np.count_nonzero(own & side) for side in sides]
            if min(cells) < LEAST_IMAGES:
                return Unknown(
                    f"{name} has fewer than {LEAST_IMAGES} images of an origin ({min(cells)})"
                )
        crossed = {
            f"{name} x {ORIGIN}": column * whole[ORIGIN] for name, column in by_entity.items()
        }
        return self.compared(fit, {**whole, **crossed})

    def compared(
        self,
        smaller: CrossedFit | Mapping[str, Floats],
        larger: CrossedFit | Mapping[str, Floats],
    ) -> Test | Unknown:
        """Fit what is not fitted yet, and test what the larger model adds."""
        try:
            fits = [
                one if isinstance(one, CrossedFit) else self.fit(one, quick=True)
                for one in (smaller, larger)
            ]
            return likelihood_ratio(*fits)
        except NotEstimable as reason:
            return Unknown(str(reason))


def _columns(what: str, levels: Sequence[str], column: NDArray[np.str_]) -> dict[str, Floats]:
    return {f"{what}: {level}": (column == level).astype(float) for level in levels}


def _levels(column: NDArray[np.str_], among: Flags, order: Sequence[str] = ()) -> list[str]:
    """Return the values of a column among some images, the most frequent first as reference."""
    values, counts = np.unique(column[among], return_counts=True)
    known = {str(value): int(count) for value, count in zip(values, counts, strict=True) if value}
    names = [name for name in order if name in known] if order else sorted(known)
    return sorted(names, key=lambda name: name != max(names, key=lambda other: known[other]))


def show(found: Model, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out odds ratios, spreads, rates and tests."""
    title = "What moves an answer?"
    if found.reason:
        said = f"No model of raters and images can be fitted: {found.reason}."
        return Section(KEY, title, (Block(text=(said,)),))
    labels = {term.name: _label(term.name, found, names) for term in found.terms}
    blocks = [Block(text=tuple(_sentences(found)))]
    if found.terms:
        blocks.append(Block(drawings=(_drawing(found, labels),)))
        blocks.append(Block(table=_terms(found, labels)))
    blocks += [Block(table=table) for table in (_rates(found), _spreads(found), _tests(found))]
    blocks += model_ranks.show(found.ranking or {}, SAID[found.answer])
    return Section(KEY, title, tuple(blocks))


def _sentences(found: Model) -> list[str]:
    who = "raters are fixed" if found.fixed_raters else "raters and images are random"
    slope = (
        ", raters differing in the effect of origin, too"
        if "rater slope" in (found.sds or {})
        else ""
    )
    said = [
        f"A logistic mixed model of the {found.n} answers ({SAID[found.answer]} or not), in which "
        f"{who}{slope}. An odds ratio holds for an average rater and an average image; above 1, "
        f"answers are more often “{SAID[found.answer]}”."
    ]
    if found.penalised:
        said.append(
            "Penalised: some answers are all alike (separated), which no likelihood can "
            "describe; coefficients are drawn towards no effect by a normal(0, 2.5) penalty."
        )
    said += [note[0].upper() + note[1:] + "." for note in found.notes if "separated" not in note]
    return said


def _label(term: str, found: Model, names: Mapping[str, str]) -> str:
    references = found.references or {}
    if term == ORIGIN:
        what = references.get("generator", "synthetic")
        return f"{what} against real"
    what, _, level = term.partition(": ")
    against = references[what]
    return f"{names.get(level, level)} against {names.get(against, against)}"


def _drawing(found: Model, labels: Mapping[str, str]) -> Drawing:
    rows = [
        figures.Row(labels[term.name], term.odds_ratio, colour=PALETTE["heat"])
        for term in found.terms
    ]
    marked = " Penalised." if found.penalised else ""
    return draw(
        "model_odds_ratios",
        behaviour_figures.ratio_forest(rows, axis=f"odds ratio of “{SAID[found.answer]}”"),
        f"Odds ratios with 95% interval, each adjusted for the others.{marked}",
        numbers_in_words("Odds ratios", [(row.label, row.number) for row in rows]),
    )


def _terms(found: Model, labels: Mapping[str, str]) -> ReportTable:
    rows = tuple(
        (labels[term.name], term.odds_ratio, "n/a" if term.p is None else p_value(term.p))
        for term in found.terms
    )
    return ReportTable(
        "model_odds_ratios",
        "Odds ratios" + (", penalised" if found.penalised else ""),
        columns(term="Term", odds_ratio="Odds ratio (95% interval)", p="p"),
        rows,
        note="p is raw: terms are described one by one. "
        + (
            "t with one degree of freedom less than raters for origin, "
            if not found.fixed_raters
            else ""
        )
        + "z for what does not differ between raters.",
    )


def _rates(found: Model) -> ReportTable:
    rates = found.rates or {}
    rows = tuple(
        (f"{name} images" if name in ("real", "synthetic") else name, rate)
        for name, rate in rates.items()
    )
    return ReportTable(
        "model_rates",
        f"Population-averaged rates of “{SAID[found.answer]}”",
        columns(group="Images", rate="Rate (95% interval)"),
        rows,
        note=f"Among all raters and images, with the entities as shown. {reasons(rows)}".strip(),
    )


def _spreads(found: Model) -> ReportTable:
    rows = tuple((SDS[name], sd) for name, sd in (found.sds or {}).items())
    zero = any(isinstance(sd, Estimate) and sd.value == 0 for _, sd in rows)
    return ReportTable(
        "model_spreads",
        "Standard deviations on the scale of log odds",
        columns(effect="Effect", sd="SD (95% interval)"),
        rows,
        note="0 is a finding: no more spread than chance makes." if zero else "",
    )


def _tests(found: Model) -> ReportTable:
    rows = tuple(
        (name, "n/a", "n/a", "n/a", test.reason)
        if isinstance(test, Unknown)
        else (
            name,
            printed(float(test.statistic or 0.0)),
            int(test.df1 or 0),
            p_value(test.p if test.p is not None else 1.0),
            test.method or "",
        )
        for name, test in (found.tests or {}).items()
    )
    return ReportTable(
        "model_tests",
        "Do generators differ, and do synthetic images pass unequally by entity?",
        columns(effect="Effect", statistic="Chi-squared", df="df", p="p", method="Method"),
        rows,
    )
