"""The table that comes with images: one row each, checked against what we know."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import PurePosixPath

from evaluation.entities import known_entities
from evaluation.errors import EvaluationError
from evaluation.sources import read_text

#: Our fields and the columns of HAM10000 that hold them.
COLUMNS = {
    "name": "image_id",
    "entity": "dx",
    "lesion": "lesion_id",
    "diagnosed_by": "dx_type",
    "sex": "sex",
    "age": "age",
    "site": "localization",
    "skin_tone": "skin_tone",
    "explanation": "explanation",
}
REQUIRED = ("name", "entity")
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"}
LONGEST = {  # characters
    "name": 128,
    "lesion": 64,
    "diagnosed_by": 80,
    "sex": 16,
    "site": 64,
    "explanation": 300,
}


@dataclass(frozen=True)
class Row:
    """One line of the metadata: `number` counts as a spreadsheet does, the header being 1.

    `more` is what stands in columns that are no field of ours.
    """

    number: int
    fields: dict[str, object]
    more: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The image's name."""
        return str(self.fields["name"])


def read_rows(
    metadata: str, columns: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
) -> tuple[list[Row], list[str]]:
    """Read the metadata.

    Args:
        metadata: path of a CSV file, on disk or inside a zip.
        columns: our field to the file's column, where it differs from HAM10000's.
        labels: the file's label to our entity, where it differs.

    Returns:
        The sound rows, and a line for each row with a problem.

    Raises:
        EvaluationError: the file cannot be read, is empty, or lacks a column.
    """
    chosen = dict(columns or {})
    if unknown := sorted(set(chosen) - set(COLUMNS)):
        raise EvaluationError(f"no field is called {', '.join(unknown)}; use {', '.join(COLUMNS)}")
    reader = csv.DictReader(StringIO(read_text(metadata)), strict=True)
    present = set(reader.fieldnames or [])
    for name in (*REQUIRED, *chosen):
        column = chosen.get(name, COLUMNS[name])
        if column not in present:
            raise EvaluationError(
                f"{metadata}: has no column '{column}' "
                f"(there are: {', '.join(sorted(present)) or 'none'}); "
                f"add it, or name yours with --column {name}=YOURS"
            )
    where = {name: chosen.get(name, column) for name, column in COLUMNS.items()}
    rows: list[Row] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    known = known_entities()
    try:
        for number, line in enumerate(reader, start=2):
            values = {name: (line.get(column) or "").strip() for name, column in where.items()}
            trouble, fields = _row_fields(values, labels or {}, known)
            if not trouble and values["name"] in seen:
                trouble = f"'{values['name']}' stands in row {seen[values['name']]} too; keep one"
            if trouble:
                problems.append(f"{metadata}, row {number}: {trouble}")
            else:
                seen[values["name"]] = number
                more = {key: line[key] for key in line if key and key not in where.values()}
                rows.append(Row(number, fields, {k: v for k, v in more.items() if v}))
    except csv.Error as problem:
        raise EvaluationError(
            f"{metadata}, row {reader.line_num}: {problem}; save it as CSV again"
        ) from None
    if not rows and not problems:
        raise EvaluationError(f"{metadata}: holds no rows; check the file")
    return rows, problems


def _row_fields(
    values: dict[str, str], labels: Mapping[str, str], known: Collection[str]
) -> tuple[str, dict[str, object]]:
    """Return what is wrong with a row, if anything, and its fields with their types."""
    entity = labels.get(values["entity"], values["entity"])
    if not values["name"]:
        return "has no image id; fill it in", {}
    if entity not in known:
        return (
            f"entity '{entity}' is unknown; use one of {', '.join(sorted(known))}, "
            f"translate it with --label '{entity}=CODE', or add it with add_entity",
            {},
        )
    fields: dict[str, object] = {**values, "name": _stem(values["name"]), "entity": entity}
    for name, least, most in (("age", 0, 120), ("skin_tone", -90, 180)):
        try:
            number = float(values[name]) if values[name] else None
        except ValueError:
            return f"{name} '{values[name]}' is no number; correct it or leave it empty", {}
        if number is not None and not least <= number <= most:
            return f"{name} {values[name]} is not between {least} and {most}; correct it", {}
        fields[name] = number
    for name, longest in LONGEST.items():
        if len(str(fields[name])) > longest:
            return f"{name} is longer than {longest} characters; shorten it", {}
    return "", fields


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
