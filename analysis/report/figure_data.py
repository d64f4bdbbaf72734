"""The numbers behind each figure: which table has them, and the tables that only figures need."""

from collections.abc import Callable, Iterable
from math import isfinite

from analysis.report.cells import Cell, ReportTable, columns
from analysis.report.findings import Discrimination, Findings
from analysis.report.layout import Contents

#: Tables of figures that have another name.
SHOWN_IN = {
    "deception_by_rater": "raters_origin",
    "confusion_origin": "confusion_origin_by_rater",
    "judged_real_by_entity": "origin_by_entity",
    "recall_by_entity": "report_entity_by_rater",
    "response_times": "raters_entity",
}
AVERAGE = "average"
THRESHOLD = {"threshold": "Called so from"}

Cells = tuple[Cell, ...]


def figure_data(content: Contents) -> dict[str, str]:
    """Return for each figure the path of the table with its numbers.

    That is the table of the same name, or the one named above, or else the first of its section.
    """
    names = {table.name for table in content.tables}
    found = {}
    for section in content.sections:
        own = [block.table.name for block in section.blocks if block.table]
        for drawing in (each for block in section.blocks for each in block.drawings):
            choices = (drawing.name, SHOWN_IN.get(drawing.name, ""), *own)
            table = next((name for name in choices if name in names), None)
            if table:
                found[drawing.name] = f"tables/{table}.csv"
    return found


def curve_tables(findings: Findings) -> list[ReportTable]:
    """Return the points of all curves, or the operating points where there are none.

    Curves of each entity against the rest are two tables, since they are many: their averages,
    which a figure shows, and those of each rater, in counts, which are exact and short.
    """
    found = []
    if findings.detection and (findings.detection.curves or findings.detection.points):
        one = findings.detection
        titles = {"rater": "Rater", "false_alarm": "False alarms", "hit": "Hits"}
        if one.graded:
            average = _averages(one) if len(one.curves) > 1 else ()
            found.append(
                ReportTable(
                    "roc_origin",
                    "Points of the curves of origin",
                    columns(**titles, **THRESHOLD),
                    (*_steps(one), *((*point, None) for point in average)),
                )
            )
        else:
            found.append(
                ReportTable(
                    "operating_points_origin",
                    "Operating points of origin",
                    columns(**titles),
                    tuple(_averages(one)),
                )
            )
    return [*found, *_entity_tables(findings)]


def _entity_tables(findings: Findings) -> list[ReportTable]:
    by_entity = [
        (subset, one) for subset, each in findings.entity.items() for one in each.discrimination
    ]
    if not by_entity:
        return []

    def rows(points: Callable[[Discrimination], Iterable[Cells]]) -> tuple[Cells, ...]:
        return tuple(
            (subset, one.positive, *point) for subset, one in by_entity for point in points(one)
        )

    titles = {
        "subset": "Subset",
        "entity": "Entity",
        "rater": "Rater",
        "false_alarm": "Others called this one",
        "hit": "Recognised",
    }
    if not any(one.graded for _, one in by_entity):
        title = "Operating points of entities"
        return [ReportTable("operating_points_entity", title, columns(**titles), rows(_averages))]
    title = "Points of the curves of each entity"
    return [
        ReportTable("roc_entity", f"{title}, averages", columns(**titles), rows(_averages)),
        ReportTable(
            "roc_entity_by_rater",
            f"{title} and rater",
            columns(
                subset="Subset",
                entity="Entity",
                rater="Rater",
                others_called="Images of others called this one",
                recognised="Images recognised",
                **THRESHOLD,
            ),
            rows(_counts),
        ),
    ]


def _steps(one: Discrimination) -> Iterable[tuple[str, float, float, float | None]]:
    """Give each rater's points, strictest first; no score is as high as the first asks for."""
    for rater, curve in one.curves.items():
        points = (curve.false_alarm, curve.hit, curve.threshold)
        for alarm, hit, threshold in zip(*(axis.tolist() for axis in points), strict=True):
            yield rater, alarm, hit, threshold if isfinite(threshold) else None


def _counts(one: Discrimination) -> Iterable[Cells]:
    """Give the same as counts of images; each rater's last point has all of them."""
    for rater, alarm, hit, threshold in _steps(one):
        curve = one.curves[rater]
        yield rater, round(alarm * curve.negatives), round(hit * curve.positives), threshold


def _averages(one: Discrimination) -> Iterable[Cells]:
    """Give the points of the average curve, or where there are no curves each rater's point."""
    for alarm, hit in zip(one.grid.tolist(), one.average_hit.tolist(), strict=True):
        yield AVERAGE, alarm, hit
    for point in one.points:
        yield point.rater, float(point.false_alarm), float(point.hit)
