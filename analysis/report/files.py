"""What the folder of a report holds: its contents as files, and its numbers as JSON."""

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analysis.report.layout import Contents
from analysis.results import Unknown

#: Fields of findings that are files of their own, or tables: curves are most of a large study.
IN_FILES = ("pictures", "curves")


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


def files_of(content: Contents) -> dict[str, bytes]:
    """Return tables, figures and pictures by their paths within the folder."""
    files = {f"tables/{table.name}.csv": table.to_csv().encode() for table in content.tables}
    for drawing in content.drawings:
        files[f"figures/{drawing.name}.svg"] = drawing.svg.encode()
        files[f"figures/{drawing.name}.png"] = drawing.png
    return files | {f"images/{each.name}.jpg": each.jpeg for each in content.pictures}


def figures_of(content: Contents, data: Mapping[str, str]) -> dict[str, object]:
    """Return what the JSON says of each figure; `data` are the paths of their numbers."""
    return {
        drawing.name: {
            "svg": f"figures/{drawing.name}.svg",
            "png": f"figures/{drawing.name}.png",
            "data": data.get(drawing.name),
            "caption": drawing.caption,
            "alt": drawing.alt,
        }
        for drawing in content.drawings
    }


def to_lines(numbers: Mapping[str, object]) -> bytes:
    """Return JSON with a line a key; indenting everything takes json many times as long."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in numbers.items()
    ]
    return "".join(["{\n", ",\n".join(lines), "\n}\n"]).encode()


def now() -> datetime:
    """Return the time of writing, which SOURCE_DATE_EPOCH fixes for reproducible reports."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)


def earlier_files(out: Path, name: str, numbers: str) -> set[str]:
    """Return the files of an earlier report in a folder; none if it holds none of this kind.

    Args:
        out: the folder.
        name: of the kind, with which the schema in its JSON begins.
        numbers: the file with that JSON.
    """
    try:
        earlier = json.loads((out / numbers).read_text(encoding="utf-8"))
        return set(earlier["files"]) if earlier["schema"].startswith(name) else set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
