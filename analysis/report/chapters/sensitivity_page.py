"""How sensitivity and bias are laid out."""

from collections.abc import Mapping

from analysis.report import sensitivity_figures
from analysis.report.cells import Cell, ReportTable, columns, printed
from analysis.report.chapters.sensitivity import SensitivityFindings
from analysis.report.drawing import Drawing, draw
from analysis.report.figures import Row, forest
from analysis.report.findings import Facts
from analysis.report.layout import Block, Section
from analysis.results import Estimate, Unknown

TITLE = "Sensitivity and bias"


def show(found: SensitivityFindings, facts: Facts, names: Mapping[str, str]) -> Section:
    """Lay out the chapter."""
    blocks = _pair_blocks(found) if found.pairs else _blocks(found)
    return Section("sensitivity", TITLE, tuple(blocks))


def _blocks(found: SensitivityFindings) -> list[Block]:
    drawings = []
    points = [
        (one.false_alarms, one.hits)
        for one in found.raters
        if one.false_alarms is not None and one.hits is not None
    ]
    if points:
        drawings.append(_plane(found, points))
    curved = [one for one in found.ratings if one.points]
    if curved:
        drawings.append(_z_curves(found))
    blocks = [Block(text=tuple(_about(found)), drawings=tuple(drawings))]
    if found.raters:
        blocks.append(Block(table=_raters(found)))
    if found.ratings:
        blocks.append(Block(table=_fits(found)))
    if curved:
        blocks.append(Block(table=_points(found), folded=True))
    return blocks


def _about(found: SensitivityFindings) -> list[str]:
    said = [
        "d′ is how far apart synthetic and real images lie for a rater, in standard deviations: 0 "
        "is no sensitivity. c above 0 is a leaning towards “real”, below 0 towards “synthetic”; "
        "ln β = d′ c weighs the same leaning by what the rater can see."
    ]
    for number in (found.d_prime, found.criterion):
        if isinstance(number, Unknown):
            said.append(f"There is no mean over raters: {number.reason}.")
            break
    else:
        said.append(_leaning(found))
    return said


def _leaning(found: SensitivityFindings) -> str:
    d_prime, bias = found.d_prime, found.criterion
    assert isinstance(bias, Estimate)
    lean = "a leaning that these answers do not settle"
    if bias.low is not None and bias.low > 0:
        lean = "a leaning towards “real”"
    elif bias.high is not None and bias.high < 0:
        lean = "a leaning towards “synthetic”"
    who = "This rater has" if len(found.raters) == 1 else "On average raters have"
    return f"{who} d′ {printed(d_prime)} and c {printed(bias)}: {lean}."


def _plane(found: SensitivityFindings, points: list[tuple[float, float]]) -> Drawing:
    d_prime, bias = found.d_prime, found.criterion
    mean = None
    if len(points) > 1 and isinstance(d_prime, Estimate) and isinstance(bias, Estimate):
        mean = (d_prime.value, bias.value)
    return draw(
        "hits_false_alarms",
        sensitivity_figures.detection_plane(points, mean),
        "Hits against false alarms, a point a rater. Along a curve sensitivity is equal and only "
        "the leaning differs; the number on it is d′.",
        f"Hits against false alarms, raters: {len(points)}; d′ {printed(d_prime)}",
    )


def _z_curves(found: SensitivityFindings) -> Drawing:
    fits = [one.fit for one in found.ratings if not isinstance(one.fit, Unknown)]
    return draw(
        "zroc",
        sensitivity_figures.z_curves(
            [[(p.false_alarm, p.hit) for p in one.points] for one in found.ratings if one.points],
            [(fit.intercept.value, fit.slope.value) for fit in fits],
        ),
        "ROC in z coordinates, from the ratings. A line of slope 1 means equal spread of real and "
        "synthetic images; below 1, synthetic images differ more among themselves.",
        f"ROC of ratings in z coordinates; mean slope {printed(found.slope)}",
    )


def _raters(found: SensitivityFindings) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [
        (one.rater, one.hits, one.false_alarms, one.d_prime, one.criterion, one.log_beta)
        for one in found.raters
    ]
    if len(rows) > 1:
        rows.append(("Mean of raters", "", "", found.d_prime, found.criterion, found.log_beta))
    return ReportTable(
        "sensitivity",
        "Sensitivity and bias of each rater",
        columns(
            rater="Rater",
            hits="Hits",
            false_alarms="False alarms",
            d_prime="d′",
            criterion="c",
            log_beta="ln β",
        ),
        tuple(rows),
        note="Log-linear correction of Hautus (1995) throughout. Intervals of a rater are "
        "Gourevitch and Galanter's, images random"
        + (
            "; those of the mean take raters and images as random (Obuchowski and Rockette), for "
            "ln β by the jackknife."
            if len(found.raters) > 1
            else "."
        ),
        summary_rows=1 if len(found.raters) > 1 else 0,
    )


def _fits(found: SensitivityFindings) -> ReportTable:
    reasons = any(isinstance(one.fit, Unknown) for one in found.ratings)
    rows: list[tuple[Cell, ...]] = [
        (one.rater, *([one.fit] * 4), *([one.fit.reason] if reasons else []))
        if isinstance(one.fit, Unknown)
        else (
            one.rater,
            one.fit.intercept,
            one.fit.slope,
            one.fit.d_a,
            one.fit.a_z,
            *([""] if reasons else []),
        )
        for one in found.ratings
    ]
    fitted = sum(not isinstance(one.fit, Unknown) for one in found.ratings)
    if fitted > 1:
        rows.append(
            (
                f"Mean of {fitted} raters",
                "",
                found.slope,
                found.d_a,
                found.a_z,
                *([""] if reasons else []),
            )
        )
    return ReportTable(
        "zroc_fits",
        "Unequal-variance fit of each rater's ratings",
        columns(
            rater="Rater",
            intercept="Intercept",
            slope="Slope",
            d_a="d_a",
            a_z="A_z",
            **({"reason": "Reason"} if reasons else {}),
        ),
        tuple(rows),
        note="Maximum likelihood of Dorfman and Alf (1969). Intervals of the mean are t over "
        "raters and hold for these images.",
        summary_rows=1 if fitted > 1 else 0,
    )


def _points(found: SensitivityFindings) -> ReportTable:
    return ReportTable(
        "zroc_points",
        "Points of each rater's ROC curve within 0 and 1",
        columns(rater="Rater", threshold="Rating from", false_alarms="False alarms", hits="Hits"),
        tuple(
            (one.rater, point.threshold, point.false_alarm, point.hit)
            for one in found.ratings
            for point in one.points
        ),
    )


def _pair_blocks(found: SensitivityFindings) -> list[Block]:
    rows = [Row(one.rater, one.found) for one in found.pairs]
    table: list[tuple[Cell, ...]] = [(one.rater, one.found, one.d_prime) for one in found.pairs]
    several = len(rows) > 1
    if several:
        rows.append(Row("mean of raters", found.found, summary=True))
        table.append(("Mean of raters", found.found, found.pair_d_prime))
    return [
        Block(
            text=(
                "Of each pair one image was synthetic: d′ = √2 z(share found), and nobody can lean "
                "towards one answer, but for the side. Guessing finds 50%.",
            ),
            drawings=(
                draw(
                    "pairs_found",
                    forest(rows, axis="pairs in which the synthetic image was found", chance=0.5),
                    "Share of pairs in which each rater found the synthetic image, with 95% "
                    "interval.",
                    "Pairs found: "
                    + ", ".join(f"{row.label} {printed(row.number)}" for row in rows),
                ),
            ),
        ),
        Block(
            table=ReportTable(
                "pairs",
                "Pairs in which the synthetic image was found",
                columns(rater="Rater", found="Share found", d_prime="d′"),
                tuple(table),
                note="Intervals of a rater are Wilson's for shares; those of the mean take raters "
                "and images as random.",
                summary_rows=1 if several else 0,
            )
        ),
    ]
