"""The written report: a self-contained page, its numbers as JSON and CSV, its figures as files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.template.loader import render_to_string

from analysis.report import words
from analysis.report.compute import findings_of
from analysis.report.contents import contents
from analysis.report.exports import exports
from analysis.report.figure_data import figure_data
from analysis.report.files import (
    earlier_files,
    figures_of,
    files_of,
    now,
    to_json,
    to_lines,
)
from analysis.report.findings import Findings
from analysis.report.folder import refuse_foreign, write_folder, writing
from analysis.report.layout import Contents
from analysis.report.pdf import report_pdf
from analysis.report.study import Context, study_of
from analysis.table import AnswerTable

#: Named in every report.json; the number grows when a key changes its meaning.
NAME = "dermturing-report"
SCHEMA = f"{NAME}/1"


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    folder: Path
    index: Path
    numbers: Path


def write_report(
    answers: AnswerTable, out: Path, archive: str = "", context: Context = Context()
) -> ReportPaths:
    """Write the report of a table of answers into the folder `out`, whole or not at all.

    Args:
        answers: the table.
        out: may be missing, empty, or hold an earlier report, which is replaced.
        archive: where the page is served, the address at which all its files can be had at once.
        context: what is known of the study beside its answers.

    Raises:
        FolderRefused: it holds something else, or cannot be written.
        TableRefused: there is nothing in the table to report.
    """
    out = out.resolve()
    with writing(out):
        refuse_foreign(out, earlier_files(out, NAME, "report.json"), "report")
        study = study_of(answers, context)
        findings = findings_of(study)
        write_folder(_files(findings, contents(findings), archive, exports(study)), out)
    return ReportPaths(out, out / "index.html", out / "report.json")


def _files(
    findings: Findings, content: Contents, archive: str, extra: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return every file of the report by its path within the folder."""
    created = now()
    files = {**extra, **files_of(content)}
    page = render_to_string(
        "analysis/report.html",
        {"content": content, "created": created, "archive": archive},
    )
    files["index.html"] = page.encode()
    files["methods.md"] = content.methods.encode()
    files["report.pdf"] = report_pdf(content, created)
    data = figure_data(content)
    numbers = {
        "schema": SCHEMA,
        "created": created.isoformat(timespec="seconds"),
        "software": words.software(),
        "headline": content.headline,
        "findings": to_json(findings),
        "figures": figures_of(content, data),
        "files": sorted([*files, "report.json"]),
    }
    files["report.json"] = to_lines(numbers)
    return files
