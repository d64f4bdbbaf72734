"""The numbers behind each figure: which table has them, and the tables that only figures need."""

from collections.abc import Iterable

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
    """Return the points of all curves, or the operating points where there are none."""
    found = []
    if findings.detection and (findings.detection.curves or findings.detection.points):
        one = findings.detection
        found.append(
            ReportTable(
                "roc_origin" if one.graded else "operating_points_origin",
                "Points of the curves of origin" if one.graded else "Operating points of origin",
                columns(rater="Rater", false_alarm="False alarms", hit="Hits"),
                tuple(_points(one)),
            )
        )
    by_entity = [
        (subset, one) for subset, each in findings.entity.items() for one in each.discrimination
    ]
    if by_entity:
        graded = any(one.graded for _, one in by_entity)
        found.append(
            ReportTable(
                "roc_entity" if graded else "operating_points_entity",
                "Points of the curves of each entity" if graded else "Operating points of entities",
                columns(
                    subset="Subset",
                    entity="Entity",
                    rater="Rater",
                    false_alarm="Others called this one",
                    hit="Recognised",
                ),
                tuple(
                    (subset, one.positive, *point)
                    for subset, one in by_entity
                    for point in _drawn_points(one)
                ),
            )
        )
    return found


def _points(one: Discrimination) -> Iterable[tuple[Cell, ...]]:
    for rater, curve in one.curves.items():
        for alarm, hit in zip(curve.false_alarm, curve.hit, strict=True):
            yield rater, float(alarm), float(hit)
    if len(one.curves) > 1:
        for alarm, hit in zip(one.grid, one.average_hit, strict=True):
            yield AVERAGE, float(alarm), float(hit)
    for point in one.points:
        yield point.rater, float(point.false_alarm), float(point.hit)


def _drawn_points(one: Discrimination) -> Iterable[tuple[Cell, ...]]:
    """Give the points of the average curve alone: each rater's are in report.json."""
    if not one.average_hit.size:
        yield from _points(one)
        return
    for alarm, hit in zip(one.grid, one.average_hit, strict=True):
        yield AVERAGE, float(alarm), float(hit)
