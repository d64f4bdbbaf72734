"""A report as files: a self-contained page, its numbers as JSON and CSV, its figures, one PDF."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from django.template.loader import render_to_string

from analysis.report import words
from analysis.report.figure_data import figure_data
from analysis.report.folder import refuse_foreign, write_folder, writing
from analysis.report.layout import Contents
from analysis.report.pdf import report_pdf
from analysis.results import Unknown

#: Fields of findings that are files of their own, or tables: curves are most of a large study.
IN_FILES = ("pictures", "curves")


@dataclass(frozen=True)
class ReportPaths:
    """Where a report was written."""

    folder: Path
    index: Path
    numbers: Path


@dataclass(frozen=True)
class Link:
    """Another page that belongs to a report, where it is served."""

    title: str
    address: str


def publish(
    content: Contents,
    findings: object,
    out: Path,
    *,
    name: str,
    version: int,
    extra: Mapping[str, bytes] | None = None,
    archive: str = "",
    links: Sequence[Link] = (),
) -> ReportPaths:
    """Write a report into the folder `out`, whole or not at all.

    Args:
        content: what the page shows.
        findings: the numbers, as dataclasses.
        out: may be missing, empty, or hold an earlier report of this name, which is replaced.
        name: of this kind of report, in report.json.
        version: of its keys.
        extra: more files by their path within the folder.
        archive: where the page is served, the address at which all its files can be had at once.
        links: there, to other pages.

    Raises:
        FolderRefused: it holds something else, or cannot be written.
    """
    out = out.resolve()
    refuse_other(out, name)
    with writing(out):
        write_folder(
            _files(content, findings, f"{name}/{version}", extra or {}, archive, links), out
        )
    return ReportPaths(out, out / "index.html", out / "report.json")


def to_json(thing: object) -> object:
    """Return findings as plain JSON: fields are keys, what is unknown is null with a reason."""
    if isinstance(thing, Unknown):
        return {"value": None, "reason": thing.reason}
    if is_dataclass(thing) and not isinstance(thing, type):
        names = [field.name for field in fields(thing) if field.name not in IN_FILES]
        return {name: to_json(getattr(thing, name)) for name in names}
    if isinstance(thing, Mapping):
        return {str(key): to_json(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray) and thing.dtype.kind == "f" and thing.ndim == 1:
        values: list[object] = thing.tolist()
        for place in np.flatnonzero(~np.isfinite(thing)):
            values[place] = None
        return values
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "biuU":
        return thing.tolist()
    if isinstance(thing, list | tuple | np.ndarray):
        return [to_json(value) for value in thing]
    if isinstance(thing, np.generic):
        return to_json(thing.item())
    if isinstance(thing, float) and not np.isfinite(thing):
        return None
    return thing


def _files(
    content: Contents,
    findings: object,
    schema: str,
    extra: Mapping[str, bytes],
    archive: str,
    links: Sequence[Link],
) -> dict[str, bytes]:
    """Return every file of the report by its path within the folder."""
    created = _now()
    files = dict(extra)
    files |= {f"tables/{table.name}.csv": table.to_csv().encode() for table in content.tables}
    for drawing in content.drawings:
        files[f"figures/{drawing.name}.svg"] = drawing.svg.encode()
        files[f"figures/{drawing.name}.png"] = drawing.png
    files |= {f"images/{each.name}.jpg": each.jpeg for each in content.pictures}
    page = render_to_string(
        "analysis/report.html",
        {
            "content": content,
            "created": created,
            "tables": content.tables,
            "drawings": content.drawings,
            "archive": archive,
            "links": links,
            "exports": any(path.startswith("exports/") for path in files),
        },
    )
    files["index.html"] = page.encode()
    if content.methods:
        files["methods.md"] = content.methods.encode()
    files["report.pdf"] = report_pdf(content, created)
    data = figure_data(content)
    numbers = {
        "schema": schema,
        "created": created.isoformat(timespec="seconds"),
        "software": words.software(),
        "headline": content.headline,
        "findings": to_json(findings),
        "figures": {
            drawing.name: {
                "svg": f"figures/{drawing.name}.svg",
                "png": f"figures/{drawing.name}.png",
                "data": data.get(drawing.name),
                "caption": drawing.caption,
                "alt": drawing.alt,
            }
            for drawing in content.drawings
        },
        "files": sorted([*files, "report.json"]),
    }
    # A line a key; indenting everything takes json many times as long.
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in numbers.items()
    ]
    files["report.json"] = "".join(["{\n", ",\n".join(lines), "\n}\n"]).encode()
    return files


def _now() -> datetime:
    """Return the time of writing, which SOURCE_DATE_EPOCH fixes for reproducible reports."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)


def refuse_other(out: Path, name: str) -> None:
    """Refuse a folder with anything in it but an earlier report of this name.

    Raises:
        FolderRefused: it is such a folder, or a file.
    """
    with writing(out):
        refuse_foreign(out, _earlier(out, name), "report")


def _earlier(out: Path, name: str) -> set[str]:
    """Return the files of an earlier report in a folder; none if it holds no report."""
    try:
        earlier = json.loads((out / "report.json").read_text(encoding="utf-8"))
        return set(earlier["files"]) if earlier["schema"].startswith(f"{name}/") else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
