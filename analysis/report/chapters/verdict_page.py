"""How the verdict is laid out: its sentences, tables and figures."""

from collections.abc import Callable, Mapping

from analysis.equivalence import Judgement
from analysis.mrmc.inference import FIXED_CASES, FIXED_READERS, RANDOM
from analysis.report import verdict_figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.chapters.verdict import PlannedSize, VarianceShares, VerdictFindings
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.report.wording import MEASURES, digits, p_cell
from analysis.results import Estimate, Number, Unknown

VIEWS = {
    RANDOM: "Raters and images are samples",
    FIXED_READERS: "These raters only, images are a sample",
    FIXED_CASES: "These images only, raters are a sample",
}
POWERS = (0.2, 0.5, 0.8, 0.9)
HALF_WIDTHS = (0.05, 0.075, 0.1, 0.15, 0.2)


def show(found: VerdictFindings, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    rows = {
        **{MEASURES[name]: judged for name, judged in found.measures.items()},
        **{
            f"Deception rate, {name}": judged
            for name, judged in found.deception_by_generator.items()
        },
    }
    blocks = [
        Block(text=tuple(_about(found)), drawings=(_equivalence(rows, found.margin),)),
        Block(table=_judgements(rows, found.margin)),
        Block(
            heading="Whom the result is about",
            text=(_about_views(found),),
            table=_inferences(found),
        ),
        *_variance_blocks(found),
        *_size_blocks(found),
    ]
    return Section("verdict", "The verdict", tuple(blocks))


def _about(found: VerdictFindings) -> list[str]:
    said = []
    if found.timed:
        said.append(
            "The time to look followed the answers, so that shares of right answers settle where "
            "the staircase was made to settle. They are shown, and no verdict is drawn from them."
        )
    if found.margin is None:
        said.append(
            "No margin of equivalence was fixed before the data. Without one nothing can show that "
            "images pass for real; only a difference from chance can be shown."
        )
    else:
        said.append(
            f"Up to {_points(found.margin)} from chance still counts as guessing; this margin was "
            "fixed before the data. A measure is equivalent to chance where its 90% interval lies "
            "within the margin (two one-sided tests at 5%), and different where its 95% interval "
            "leaves chance out. What is neither is inconclusive."
        )
    if found.pairs:
        said.append(
            "A pair is answered right or wrong, so that there are no false alarms: guessing finds "
            "the synthetic image in half of the pairs."
        )
    return said


def _points(share: float) -> str:
    return f"{100 * share:g} percentage points"


def _equivalence(rows: Mapping[str, Judgement], margin: float | None) -> Drawing:
    band = "" if margin is None else f" The band is the margin, {_points(margin)} on either side."
    return draw(
        "equivalence",
        verdict_figures.equivalence(rows, margin),
        "Distance of each measure from its value under guessing, in percentage points." + band,
        "Distance from chance: "
        + "; ".join(
            f"{label} {printed(one.estimate)}, {one.verdict}" for label, one in rows.items()
        ),
    )


def _judgements(rows: Mapping[str, Judgement], margin: float | None) -> ReportTable:
    def row(label: str, one: Judgement) -> tuple[Cell, ...]:
        equivalence = one.equivalence
        return (
            label,
            one.estimate,
            one.narrow,
            one.centre,
            p_cell(one.difference.p),
            *([] if equivalence is None else [p_cell(equivalence.p)]),
            one.verdict,
            one.estimate.method if isinstance(one.estimate, Estimate) else one.estimate.reason,
        )

    return ReportTable(
        "verdict",
        "Measures held against chance",
        columns(
            measure="Measure",
            estimate="Estimate (95% interval)",
            narrow="90% interval",
            chance="Chance",
            p_different="p, different",
            **({} if margin is None else {"p_equivalent": f"p, equivalent within ±{margin:g}"}),
            verdict="Verdict",
            method="Method",
        ),
        tuple(row(label, one) for label, one in rows.items()),
        note="p, different: two-sided, of chance. "
        + (
            ""
            if margin is None
            else "p, equivalent: the larger of two one-sided tests; below 0.05 is equivalent. "
        )
        + "These measures look at the same answers from several sides; their p values are not "
        "adjusted for one another.",
    )


def _about_views(found: VerdictFindings) -> str:
    if found.raters == 1:
        return (
            "With one rater the result is about this rater: nothing follows for others, however "
            "many images are read."
        )
    return (
        "The first row of a measure is the answer to the question of this report. The others are "
        "about these raters, or these images, only: they leave out one source of chance."
    )


def _inferences(found: VerdictFindings) -> ReportTable:
    rows = [
        (name, view, number)
        for name, scopes in found.inferences.items()
        for view, number in _views(scopes)
    ]
    reasons = any(isinstance(number, Unknown) for _, _, number in rows)
    return ReportTable(
        "inferences",
        "Three inferences side by side",
        columns(
            measure="Measure",
            view="What is taken as a sample",
            estimate="Estimate (95% interval)",
            df="df",
            **({"reason": "Reason"} if reasons else {}),
        ),
        tuple(
            (
                MEASURES[name],
                view,
                number,
                number.df if isinstance(number, Estimate) else None,
                *([number.reason if isinstance(number, Unknown) else ""] if reasons else []),
            )
            for name, view, number in rows
        ),
        note="df: degrees of freedom; n/a where the interval is normal or exact.",
    )


def _views(scopes: Mapping[str, Number]) -> list[tuple[str, Number]]:
    """Return the rows of a measure: one where the same reason stands in the way of all."""
    if len({repr(number) for number in scopes.values()}) == 1:
        return [("whatever is a sample", next(iter(scopes.values())))]
    return [(VIEWS[scope], number) for scope, number in scopes.items()]


def _variance_blocks(found: VerdictFindings) -> list[Block]:
    heading = "What makes the result unsure"
    known = {n: v for n, v in found.variances.items() if not isinstance(v, Unknown) and v.variance}
    if not known:
        reasons = {v.reason for v in found.variances.values() if isinstance(v, Unknown)}
        why = "; ".join(sorted(reasons)) or "nothing varies"
        return [Block(heading, (f"The variance cannot be taken apart: {why}.",))]
    drawing = draw(
        "variance",
        verdict_figures.variance_bars(
            {
                MEASURES[name]: (v.between_raters, v.between_images, v.rest)
                for name, v in known.items()
            },
            [f"{_count(v.effective_n)} of {v.answers}" for v in known.values()],
        ),
        "Where the variance of each mean comes from. On the right, how many independent answers "
        "would be as sure, of how many there are.",
        "; ".join(
            f"{MEASURES[name]}: raters {_of(v.between_raters, v)}, images "
            f"{_of(v.between_images, v)}, single answers {_of(v.rest, v)}"
            for name, v in known.items()
        ),
    )
    worth = known.get("deception_rate")
    said: tuple[str, ...] = ()
    if worth and worth.effective_n:
        said = (
            f"The {worth.answers} answers about synthetic images are worth "
            f"{_count(worth.effective_n)} independent ones, as answers of one rater, and answers "
            "about one image, go together.",
        )
    return [Block(heading, said, (drawing,)), Block(table=_variances(known))]


def _count(number: float | None) -> str:
    return "n/a" if number is None else f"{number:.0f}"


def _of(part: float, whole: VarianceShares) -> str:
    return f"{100 * part / whole.variance:.0f}%"


def _variances(known: Mapping[str, "VarianceShares"]) -> ReportTable:
    rows: list[tuple[str, Callable[[VarianceShares], Cell]]] = [
        ("Raters", lambda v: v.raters),
        ("Images", lambda v: v.images),
        ("Answers", lambda v: v.answers),
        ("MS(R)", lambda v: digits(v.ms_r, 6)),
        ("Error variance", lambda v: digits(v.var_e, 6)),
        ("Cov2", lambda v: digits(v.cov2, 6)),
        ("Raters' variance", lambda v: digits(v.reader, 6)),
        ("Variance of the mean", lambda v: digits(v.variance, 6)),
        ("… between raters", lambda v: digits(v.between_raters, 6)),
        ("… between images", lambda v: digits(v.between_images, 6)),
        ("… of single answers", lambda v: digits(v.rest, 6)),
        ("Effective n", lambda v: digits(v.effective_n, 0)),
    ]
    return ReportTable(
        "variance",
        "Variance components",
        columns(component="Component", **{name: MEASURES[name] for name in known}),
        tuple((name, *(cell(one) for one in known.values())) for name, cell in rows),
        note="Components of Obuchowski and Rockette's model as estimated; negative ones are shown "
        "and count as 0 in the parts of the variance of the mean. Effective n = p (1 − p) / "
        "variance.",
    )


def _size_blocks(found: VerdictFindings) -> list[Block]:
    heading = "What other numbers of raters and images could show"
    alone = "One rater can never show that images pass for real among dermatologists."
    if isinstance(found.planned, Unknown):
        return [Block(heading, (alone, f"This study says no more: {found.planned.reason}."))]
    planned, margin = found.planned, found.margin
    variance = found.variances.get("deception_rate")
    images = variance.images if not isinstance(variance, Unknown) and variance else 0
    own = {size.raters: size for size in planned if size.images == images}
    said = [alone]
    for raters in (2, 3):
        size = own[raters]
        said.append(
            f"{_word(raters)} raters of {images} synthetic images: the interval is about "
            f"±{_points(round(min(size.half_width, 0.5), 2))} wide"
            + (
                "."
                if size.power is None
                else f", and the chance of showing equivalence is {size.power:.2f} if raters guess."
            )
        )
    if margin is not None:
        said.append(
            f"With raters and images that vary as here, {found.enough} raters of {images} images "
            "show equivalence with a chance of 0.80 if raters guess."
            if found.enough
            else f"With raters and images that vary as here, no 200 raters of {images} images "
            "are enough for a chance of 0.80."
        )
    return [
        Block(heading, (" ".join(said),), (_contours(found, planned, images),)),
        Block(table=_sizes(planned, margin), folded=True),
    ]


def _word(number: int) -> str:
    return {2: "Two", 3: "Three"}[number]


def _contours(found: VerdictFindings, planned: tuple[PlannedSize, ...], images: int) -> Drawing:
    raters = sorted({size.raters for size in planned})
    sizes = sorted({size.images for size in planned})
    by_size = {(size.images, size.raters): size for size in planned}
    power = found.margin is not None
    values = [
        [(by_size[n, r].power or 0.0) if power else by_size[n, r].half_width for r in raters]
        for n in sizes
    ]
    what = (
        f"Chance of showing equivalence within {_points(found.margin or 0.0)} if raters guess"
        if power
        else "Half-width of the 95% interval of the deception rate, in percentage points"
    )
    return draw(
        "sizes",
        verdict_figures.size_contours(
            raters,
            sizes,
            values,
            POWERS if power else HALF_WIDTHS,
            (found.raters, images),
            as_percent=power,
        ),
        f"{what}, for raters and images that vary as in this study: its variances, scaled to a "
        "rate of 0.5.",
        f"{what}, over numbers of raters and images; the numbers are in the table below",
    )


def _sizes(planned: tuple[PlannedSize, ...], margin: float | None) -> ReportTable:
    return ReportTable(
        "sizes",
        "What studies of other sizes could show",
        columns(
            raters="Raters",
            images="Synthetic images",
            half_width="Half-width of the 95% interval",
            **({} if margin is None else {"power": "Chance of showing equivalence"}),
        ),
        tuple(
            (
                size.raters,
                size.images,
                size.half_width,
                *([] if margin is None else [size.power]),
            )
            for size in planned
        ),
    )
