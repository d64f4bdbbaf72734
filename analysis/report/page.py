"""Reports other than a study's: one self-contained page, its numbers, tables and figures."""

from collections.abc import Mapping
from pathlib import Path

from django.template.loader import render_to_string

from analysis.report import words
from analysis.report.files import (
    earlier_files,
    figures_of,
    files_of,
    now,
    to_json,
    to_lines,
)
from analysis.report.folder import refuse_foreign, write_folder, writing
from analysis.report.layout import Contents


def write_page(
    content: Contents, findings: Mapping[str, object], out: Path, *, kind: str, numbers: str
) -> Path:
    """Write a report into the folder `out`, whole or not at all.

    Args:
        content: of the page; figures have their numbers in the table of the same name.
        findings: what the JSON holds.
        out: may be missing, empty, or hold an earlier report of the kind, which is replaced.
        kind: of the report, named in its JSON.
        numbers: the JSON's file name.

    Returns:
        The page.

    Raises:
        FolderRefused: it holds something else, or cannot be written.
    """
    out = out.resolve()
    name = f"dermturing-{kind}"
    created = now()
    files = files_of(content)
    page = {"content": content, "created": created, "numbers": numbers}
    files["index.html"] = render_to_string("analysis/page.html", page).encode()
    tables = {each.name for each in content.tables}
    data = {d.name: f"tables/{d.name}.csv" for d in content.drawings if d.name in tables}
    files[numbers] = to_lines(
        {
            "schema": f"{name}/1",
            "created": created.isoformat(timespec="seconds"),
            "software": words.software(),
            "headline": content.headline,
            **{key: to_json(value) for key, value in findings.items()},
            "figures": figures_of(content, data),
            "files": sorted([*files, numbers]),
        }
    )
    with writing(out):
        refuse_foreign(out, earlier_files(out, name, numbers), "report")
        write_folder(files, out)
    return out / "index.html"
