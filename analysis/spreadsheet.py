"""Spreadsheets of answers: the cells of an .xlsx file as the texts that a CSV file would hold."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook

from analysis.errors import TableRefused

ENDING = ".xlsx"
#: Spreadsheets of other kinds.
OTHERS = {
    ".xls": "the format of Excel before 2007",
    ".xlsb": "Excel's binary format",
    ".xlsm": "a workbook with macros",
    ".ods": "an OpenDocument spreadsheet",
    ".numbers": "a spreadsheet of Numbers",
}

Line = tuple[int, list[str]]  # its number in the sheet, its cells


def refuse_other_spreadsheets(path: Path) -> None:
    """Say what to do with a spreadsheet that is no .xlsx file."""
    if what := OTHERS.get(path.suffix.lower()):
        raise TableRefused(
            f"{path.name} is {what}, which is not read; save it as an Excel workbook (.xlsx) or "
            "as 'CSV UTF-8'"
        )


def spreadsheet_rows(path: Path) -> tuple[list[str], list[Line]]:
    """Return the names of the columns and the rows below, blank ones left out.

    Raises:
        TableRefused: it is no .xlsx file, more than one sheet is filled, a cell holds an error or a
            formula without its value, or a column with content has no name.
    """
    try:
        return _rows(path)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, SyntaxError) as problem:
        raise TableRefused(
            f"{path.name} is no .xlsx workbook ({problem}); save it again as an Excel workbook or "
            "as 'CSV UTF-8'"
        ) from None
    except OSError as problem:
        raise TableRefused(f"{path} cannot be read: {problem.strerror}") from None


def _rows(path: Path) -> tuple[list[str], list[Line]]:
    filled = _filled_sheets(load_workbook(path, read_only=True, data_only=True), path.name)
    if len(filled) > 1:
        raise TableRefused(
            f"{path.name} has answers in more than one sheet ({', '.join(filled)}); leave them in "
            "one, or hide the others"
        )
    if not filled:
        raise TableRefused(f"{path.name} is empty; it needs a row of column names and the answers")
    ((sheet, lines),) = filled.items()
    if _has_formulas(path):
        _refuse_formulas_without_value(path, sheet, dict(lines))
    (_, header), *below = lines
    width = max(len(cells) for _, cells in lines)
    names = header + [""] * (width - len(header))
    for number, cells in below:
        for place, cell in enumerate(cells):
            if cell and not names[place]:
                raise TableRefused(
                    f"{path.name}, row {number}: column {get_column_letter(place + 1)} has content "
                    "but no name in the first row; name it or empty it"
                )
    named = [place for place, name in enumerate(names) if name]
    return [names[place] for place in named], [
        (number, [cells[place] if place < len(cells) else "" for place in named])
        for number, cells in below
    ]


def _filled_sheets(book: Workbook, name: str) -> dict[str, list[Line]]:
    """Return the rows with content of each visible sheet that has any."""
    found = {}
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        lines = [
            (number, [_text(value, f"{name}, row {number}") for value in row])
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
            if any(value is not None for value in row)
        ]
        if lines := [line for line in lines if any(line[1])]:
            found[sheet.title] = lines
    book.close()
    return found


def _has_formulas(path: Path) -> bool:
    with ZipFile(path) as parts:
        return any(
            re.search(rb"<f[ >/]", parts.read(part))
            for part in parts.namelist()
            if part.startswith("xl/worksheets/")
        )


def _refuse_formulas_without_value(path: Path, sheet: str, values: dict[int, list[str]]) -> None:
    book = load_workbook(path, read_only=True, data_only=False)
    for number, row in enumerate(book[sheet].iter_rows(values_only=True), start=1):
        cells: Sequence[str] = values.get(number, ())
        for place, written in enumerate(row):
            missing = place >= len(cells) or not cells[place]
            if missing and isinstance(written, str) and written.startswith("="):
                raise TableRefused(
                    f"{path.name}, row {number}: the formula {written} was saved without its "
                    "value; open and save the file in Excel or LibreOffice"
                )
    book.close()


def _text(value: object, where: str) -> str:
    """Return a cell as CSV would hold it: whole numbers without a point, dates as in ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str) and value in ERROR_CODES:
        raise TableRefused(f"{where}: a cell holds the error {value}; mend it or empty it")
    return str(value).strip()
