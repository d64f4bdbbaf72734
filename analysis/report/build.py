"""The written report of a study: from its answers to a folder of files."""

from collections.abc import Sequence
from pathlib import Path

from analysis.report.compute import findings_of
from analysis.report.contents import contents
from analysis.report.exports import exports
from analysis.report.publish import Link, ReportPaths, publish, refuse_other
from analysis.report.study import Context, study_of
from analysis.table import AnswerTable

#: Named in every report.json; the number grows when a key changes its meaning.
NAME, VERSION = "dermturing-report", 1
SCHEMA = f"{NAME}/{VERSION}"


def write_report(
    answers: AnswerTable,
    out: Path,
    archive: str = "",
    context: Context = Context(),
    links: Sequence[Link] = (),
) -> ReportPaths:
    """Write the report of a table of answers into the folder `out`, whole or not at all.

    Args:
        answers: the table.
        out: may be missing, empty, or hold an earlier report, which is replaced.
        archive: where the page is served, the address at which all its files can be had at once.
        context: what is known of the study beside its answers.
        links: there, to other pages.

    Raises:
        FolderRefused: it holds something else, or cannot be written.
        TableRefused: there is nothing in the table to report.
    """
    refuse_other(out.resolve(), NAME)
    study = study_of(answers, context)
    findings = findings_of(study)
    return publish(
        contents(findings),
        findings,
        out,
        name=NAME,
        version=VERSION,
        extra=exports(study),
        archive=archive,
        links=links,
    )
