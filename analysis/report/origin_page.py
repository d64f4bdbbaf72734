"""The section on origin: were images taken for real or for synthetic, rightly or not."""

from analysis.report import figures, tables, words
from analysis.report.cells import printed
from analysis.report.drawing import Drawing, draw
from analysis.report.findings import Discrimination, Findings, OriginFindings, Point
from analysis.report.layout import Block, Section
from analysis.results import Estimate, Number
from analysis.table import ORIGINS


def show(findings: Findings, names: dict[str, str]) -> Section:
    """Lay out what was said about origin: by rater and by entity."""
    blocks: list[Block] = []
    origin, detection = findings.origin, findings.detection
    if origin:
        blocks.append(Block(drawings=(_deception_by_rater(findings, origin),)))
    pair: list[Drawing] = []
    if detection and (detection.curves or detection.points):
        pair.append(_detection(detection, _answered(findings)))
    if origin:
        pair.append(
            draw(
                "confusion_origin",
                figures.confusion_map(origin.confusion, ORIGINS),
                "Truth in the rows, answers in the columns; shading is the share of the row.",
                "Confusion matrix of origin: " + _counted(origin.confusion.counts.tolist()),
            )
        )
    blocks.append(Block(heading="Real against synthetic", drawings=tuple(pair)))
    if origin:
        blocks.append(
            Block(
                table=tables.classification(
                    origin.report,
                    origin.accuracy,
                    {
                        "real": _complement(origin.false_alarm_rate),
                        "synthetic": _complement(origin.deception_rate),
                    },
                    {name: name for name in ORIGINS},
                    "report_origin",
                    "Classification report of origin, all images",
                )
            )
        )
        blocks += _by_entity(findings, origin, names)
    return Section("origin", "Real or AI-generated?", tuple(blocks))


def _deception_by_rater(findings: Findings, origin: OriginFindings) -> Drawing:
    pooled = [one for one in findings.raters if one.rater in findings.facts.pooled]
    rows = [figures.Row(one.rater, one.deception_rate) for one in pooled]
    if len(rows) > 1:
        rows.append(figures.Row("mean of raters", origin.deception_rate, summary=True))
    return draw(
        "deception_by_rater",
        figures.forest(
            rows,
            axis="synthetic images judged real",
            chance=0.5,
            margin=findings.facts.margin,
        ),
        "Deception rate: the share of synthetic images that each rater judged real, with 95% "
        "interval."
        + (" The mean's interval takes raters and images as random." if len(rows) > 1 else "")
        + (" The band is the margin of equivalence." if findings.facts.margin else ""),
        words.numbers_in_words("Deception rate", [(row.label, row.number) for row in rows]),
    )


def _answered(findings: Findings) -> list[Point]:
    """Return where the pooled raters' answers lie, as far as they gave any."""
    return [
        Point(one.rater, one.false_alarm_rate.value, one.hit_rate.value)
        for one in findings.raters
        if one.rater in findings.facts.pooled
        and isinstance(one.false_alarm_rate, Estimate)
        and isinstance(one.hit_rate, Estimate)
    ]


def _detection(found: Discrimination, answered: list[Point]) -> Drawing:
    area = printed(found.area)
    if found.graded:
        return draw(
            "roc_origin",
            figures.detection_curve(found, answered),
            f"ROC curve of origin from the ratings, all images. AUC {area}."
            + (" Dots are the raters' answers." if answered and len(found.curves) > 1 else ""),
            f"ROC curve of telling synthetic from real; AUC {area}",
        )
    return draw(
        "operating_points_origin",
        figures.detection_curve(found),
        f"One operating point a rater: there are answers, but no ratings, hence no curve. "
        f"Balanced accuracy (one operating point) {area}.",
        f"Operating points of telling synthetic from real; balanced accuracy {area}",
    )


def _by_entity(findings: Findings, origin: OriginFindings, names: dict[str, str]) -> list[Block]:
    entities = list(origin.deception_by_entity)
    series = {
        "synthetic": [origin.deception_by_entity[code] for code in entities],
        "real": [_complement(origin.false_alarm_by_entity[code]) for code in entities],
    }
    return [
        Block(
            heading="By entity",
            drawings=(
                draw(
                    "judged_real_by_entity",
                    figures.paired_dots(
                        [names[code] for code in entities], series, axis="judged real"
                    ),
                    "Share of images judged real. The nearer the two marks, the better "
                    "synthetic images of this entity pass.",
                    words.numbers_in_words(
                        "Synthetic images judged real",
                        [(names[code], origin.deception_by_entity[code]) for code in entities],
                    ),
                ),
            ),
        ),
        Block(table=tables.deception(origin, findings, names)),
    ]


def _complement(number: Number) -> Number:
    """Return the share of the other answer."""
    if not isinstance(number, Estimate):
        return number
    low, high = (None if end is None else 1 - end for end in (number.high, number.low))
    return Estimate(
        1 - number.value, number.se, number.df, low, high, number.level, number.n, number.method
    )


def _counted(counts: list[list[int]]) -> str:
    return "; ".join(
        f"{truth}: "
        + ", ".join(
            f"{count} called {answered}" for answered, count in zip(ORIGINS, row, strict=True)
        )
        for truth, row in zip(ORIGINS, counts, strict=True)
    )
