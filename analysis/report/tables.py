"""Tables of a report: findings in, cells out."""

from collections.abc import Mapping

from analysis.confusion import Average, ClassificationReport, Confusion
from analysis.report.cells import Cell, Column, ReportTable, columns, printed
from analysis.report.findings import (
    SUBSETS,
    EntityFindings,
    Facts,
    Findings,
    OriginFindings,
    Times,
)
from analysis.results import Estimate, Number
from analysis.table import ORIGINS


def measures(findings: Findings) -> ReportTable:
    """Return the main measures, each with its number of answers and method."""
    rows: list[tuple[str, Number]] = []
    if findings.origin:
        origin = findings.origin
        rows += [
            ("Deception rate: synthetic images judged real", origin.deception_rate),
            ("False alarms: real images judged synthetic", origin.false_alarm_rate),
            ("Origin accuracy, all images", origin.accuracy),
            ("Balanced accuracy of origin (one operating point)", origin.balanced_accuracy),
        ]
    if findings.detection and findings.detection.graded:
        rows.append(("AUC of origin, from the ratings", findings.detection.area))
    rows += [
        (f"Entity accuracy, {subset} images", found.accuracy)
        for subset, found in findings.entity.items()
    ]
    if {"real", "synthetic"} <= set(findings.entity):
        rows.append(("Entity accuracy, synthetic minus real", findings.entity_difference))
    return ReportTable(
        "measures",
        "Main measures",
        columns(
            measure="Measure", estimate="Estimate (95% interval)", n="Answers", method="Method"
        ),
        tuple((name, number, _n(number), _method(number)) for name, number in rows),
    )


def images(facts: Facts, names: Mapping[str, str]) -> ReportTable:
    """Return how many images there are of each entity and origin."""
    counts = [[facts.images[origin][entity] for origin in ORIGINS] for entity in facts.entities]
    counts.append([sum(column) for column in zip(*counts, strict=True)])
    labels = [*(names[entity] for entity in facts.entities), "All"]
    return ReportTable(
        "images",
        "Images by entity and origin",
        columns(entity="Entity", real="Real", synthetic="Synthetic", all="All"),
        tuple((label, *row, sum(row)) for label, row in zip(labels, counts, strict=True)),
        summary_rows=1,
    )


def classification(
    report: ClassificationReport,
    accuracy: Number,
    recalls: Mapping[str, Number],
    names: Mapping[str, str],
    name: str,
    title: str,
) -> ReportTable:
    """Return precision, recall, F1 and support of each class, then accuracy and averages.

    `accuracy` and `recalls` bring the intervals of accuracy and of each class's recall.
    """
    rows: list[tuple[Cell, ...]] = [
        (
            names[line.label],
            line.precision,
            line.recall,
            line.f1,
            line.support,
            line.answered,
            _interval(recalls[line.label]),
        )
        for line in report.lines
    ]
    rows.append(("Accuracy", "", "", report.accuracy, report.n, report.n, _interval(accuracy)))

    def average(label: str, of: Average) -> tuple[Cell, ...]:
        return (label, of.precision, of.recall, of.f1, report.n, report.n, "")

    rows += [average("Macro average", report.macro), average("Weighted average", report.weighted)]
    return ReportTable(
        name,
        title,
        columns(
            label="",
            precision="Precision",
            recall="Recall",
            f1="F1",
            support="Support",
            answered="Answered",
            interval="Recall, 95% interval",
        ),
        tuple(rows),
        note=_undefined(report),
        summary_rows=3,
    )


def _undefined(report: ClassificationReport) -> str:
    said = []
    if report.kappa is not None:
        said.append(f"Cohen's kappa against the truth {printed(report.kappa)}.")
    if report.mcc is not None:
        said.append(f"Matthews' correlation {printed(report.mcc)}.")
    unanswered = [name for name in report.never_answered if name not in report.never_shown]
    if unanswered:
        said.append(
            f"Never answered, so that precision is undefined (n/a) and left out of its averages: "
            f"{', '.join(unanswered)}."
        )
    if report.never_shown:
        said.append(
            "Not among these images, so that recall is undefined (n/a) and the averages leave "
            f"them out: {', '.join(report.never_shown)}."
        )
    return " ".join(said)


def confusion_counts(
    table: Confusion, names: Mapping[str, str], name: str, title: str
) -> ReportTable:
    """Return counts with the share of the row, rows being the truth."""
    shares = table.row_shares
    return ReportTable(
        name,
        title,
        (
            Column("truth", "Truth"),
            *(Column(label, label) for label in table.labels),
            Column("n", "n"),
        ),
        tuple(
            (
                names[label],
                *(_count(int(table.counts[i, j]), float(shares[i, j])) for j in range(len(shares))),
                int(table.counts[i].sum()),
            )
            for i, label in enumerate(table.labels)
        ),
    )


def _count(count: int, share: float) -> str:
    return f"{count} ({100 * share:.0f}%)" if count else "0"


def confusion_long(
    by_subset: Mapping[str, Mapping[str, Confusion]], name: str, title: str
) -> ReportTable:
    """Return all confusion matrices as one row a cell: subset, rater ("" pooled), counts."""
    return ReportTable(
        name,
        title,
        columns(
            subset="Subset",
            rater="Rater",
            truth="Truth",
            answered="Answered",
            count="Count",
            row_share="Share of row",
        ),
        tuple(
            (
                subset,
                rater,
                truth,
                answered,
                int(table.counts[i, j]),
                float(table.row_shares[i, j]) if table.counts[i].any() else None,
            )
            for subset, tables in by_subset.items()
            for rater, table in tables.items()
            for i, truth in enumerate(table.labels)
            for j, answered in enumerate(table.labels)
        ),
    )


def classification_long(
    by_subset: Mapping[str, Mapping[str, ClassificationReport]], name: str, title: str
) -> ReportTable:
    """Return all classification reports as one row a class."""
    return ReportTable(
        name,
        title,
        columns(
            subset="Subset",
            rater="Rater",
            label="Class",
            precision="Precision",
            recall="Recall",
            f1="F1",
            support="Support",
            answered="Answered",
        ),
        tuple(
            (
                subset,
                rater,
                line.label,
                line.precision,
                line.recall,
                line.f1,
                line.support,
                line.answered,
            )
            for subset, reports in by_subset.items()
            for rater, report in reports.items()
            for line in report.lines
        ),
    )


def areas(entity: Mapping[str, EntityFindings], names: Mapping[str, str]) -> ReportTable:
    """Return for each entity against the rest the AUC, or the balanced accuracy of plain labels."""
    graded = any(one.graded for found in entity.values() for one in found.discrimination)
    what = "AUC" if graded else "Balanced accuracy"
    labels = [one.positive for one in next(iter(entity.values())).discrimination]
    return ReportTable(
        "entity_auc" if graded else "entity_balanced_accuracy",
        "Area under the ROC curve, each entity against the rest"
        if graded
        else "Balanced accuracy (one operating point), each entity against the rest",
        (Column("entity", "Entity"), *(Column(subset, f"{what}, {subset}") for subset in entity)),
        tuple(
            (names[label], *(found.discrimination[i].area for found in entity.values()))
            for i, label in enumerate(labels)
        ),
    )


def deception(origin: OriginFindings, findings: Findings, names: Mapping[str, str]) -> ReportTable:
    """Return deception and false alarms by entity."""
    with_auc = bool(findings.detection and findings.detection.graded)
    return ReportTable(
        "origin_by_entity",
        "Deception rate and false alarms by entity",
        columns(
            entity="Entity",
            deception_rate="Synthetic judged real",
            false_alarm_rate="Real judged synthetic",
            **({"auc": "AUC of origin"} if with_auc else {}),
        ),
        tuple(
            (
                names[entity],
                rate,
                origin.false_alarm_by_entity[entity],
                *([findings.detection_by_entity[entity]] if with_auc else []),
            )
            for entity, rate in origin.deception_by_entity.items()
        ),
    )


def raters(findings: Findings) -> list[ReportTable]:
    """Return one row a rater: how origin was told, then diagnosis and time."""
    found = []
    if findings.origin or findings.detection:
        graded = bool(findings.detection and findings.detection.graded)
        found.append(
            ReportTable(
                "raters_origin",
                "Each rater: real against synthetic",
                columns(
                    rater="Rater",
                    kind="Kind",
                    hits="Hits",
                    false_alarms="False alarms",
                    accuracy="Accuracy",
                    d_prime="d′",
                    criterion="c",
                    **({"auc": "AUC"} if graded else {}),
                ),
                tuple(
                    (
                        one.rater,
                        one.kind or "not stated",
                        one.hit_rate,
                        one.false_alarm_rate,
                        one.origin_accuracy,
                        one.d_prime,
                        one.criterion,
                        *([one.auc] if graded else []),
                    )
                    for one in findings.raters
                ),
                note="Hits: synthetic judged synthetic. False alarms: real judged synthetic. "
                "Intervals hold for the rater of the row, images random: Wilson for shares, "
                "Gourevitch-Galanter for d′ and c" + (", DeLong for AUC." if graded else "."),
            )
        )
    timed = bool(findings.times)
    found.append(
        ReportTable(
            "raters_entity",
            "Each rater: diagnosis" + (" and time" if timed else ""),
            (
                *columns(rater="Rater", kind="Kind", answers="Answers"),
                *(Column(f"accuracy_{subset}", f"Right, {subset} images") for subset in SUBSETS),
                *columns(**({"median_s": "Median time, s"} if timed else {})),
            ),
            tuple(
                (
                    one.rater,
                    one.kind or "not stated",
                    one.answers,
                    *(one.entity_accuracy[subset] for subset in SUBSETS),
                    *([one.times.median if one.times else None] if timed else []),
                )
                for one in findings.raters
            ),
            note="Intervals are Wilson's and hold for the rater of the row.",
        )
    )
    return found


def response_times(times: Mapping[str, Times]) -> ReportTable:
    """Return medians and quartiles in seconds by subset."""
    return ReportTable(
        "response_times",
        "Response times in seconds",
        columns(
            subset="Images",
            n="Answers",
            lower_quartile="Lower quartile",
            median="Median",
            upper_quartile="Upper quartile",
        ),
        tuple(
            (subset, one.n, one.lower_quartile, one.median, one.upper_quartile)
            for subset, one in times.items()
        ),
    )


def _interval(number: Number | None) -> str:
    if not isinstance(number, Estimate) or number.low is None or number.high is None:
        return "n/a"
    return f"{printed(float(number.low))} to {printed(float(number.high))}"


def _n(number: Number) -> int | None:
    return number.n if isinstance(number, Estimate) else None


def _method(number: Number) -> str:
    return (number.method or "") if isinstance(number, Estimate) else number.reason
