"""Rows as text in CSV."""

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import StringIO

#: What makes a cell a formula to a spreadsheet, where people write what they like.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV: unknown values empty, moments in ISO 8601, lists as JSON.

    A text that a spreadsheet would take for a formula is led by an apostrophe.
    """
    columns = tuple(columns)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return str(value)
