"""Cells of the report's tables: how they read on the page, and all their digits in files."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO

from analysis.results import Estimate, Number, Unknown

DECIMALS = 2  # where a column does not say otherwise


@dataclass(frozen=True)
class Printed:
    """A number that reads in a way of its own; files get all its digits."""

    value: float | None
    text: str


Cell = str | int | float | None | Number | Printed


@dataclass(frozen=True)
class Column:
    """A column: its key in files, its title on the page, and the decimals of its numbers there."""

    key: str
    title: str
    decimals: int = DECIMALS


@dataclass(frozen=True)
class PrintedRow:
    """A row as it reads on the page; summary rows are set apart."""

    cells: tuple[tuple[str, str, bool], ...]  # the number, its interval or "", whether in words
    summary: bool


@dataclass(frozen=True)
class ReportTable:
    """A table of a report; `name` is the file's, `summary_rows` last rows are set apart."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    summary_rows: int = 0

    @property
    def printed_rows(self) -> list[PrintedRow]:
        """All rows as they read on the page."""
        first_summary = len(self.rows) - self.summary_rows
        return [
            PrintedRow(
                tuple(
                    (*_parted(cell, column.decimals), words)
                    for cell, column, words in zip(row, self.columns, self._in_words, strict=True)
                ),
                i >= first_summary,
            )
            for i, row in enumerate(self.rows)
        ]

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """The title of each column, and whether its cells are words, which stand on the left."""
        titles = (column.title for column in self.columns)
        return list(zip(titles, self._in_words, strict=True))

    @cached_property
    def _in_words(self) -> tuple[bool, ...]:
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return tuple(
            place == 0 or any(_is_word(printed(cell)) for cell in column)
            for place, column in enumerate(columns)
        )

    def to_csv(self) -> str:
        """Return all digits; an estimate fills the columns value, low, high and n."""
        wide = [
            any(isinstance(row[i], Estimate | Unknown) for row in self.rows)
            for i in range(len(self.columns))
        ]
        out = StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            key
            for column, is_wide in zip(self.columns, wide, strict=True)
            for key in (
                [column.key + end for end in ("", "_low", "_high", "_n")]
                if is_wide
                else [column.key]
            )
        )
        if any(wide) or any(isinstance(cell, Printed) for row in self.rows for cell in row):
            writer.writerows(
                [
                    value
                    for cell, is_wide in zip(row, wide, strict=True)
                    for value in _raw(cell, is_wide)
                ]
                for row in self.rows
            )
        else:  # points of curves by the hundred thousand
            writer.writerows(self.rows)
        return out.getvalue()


def printed(cell: Cell, decimals: int = DECIMALS) -> str:
    """Return how a cell reads on the page: decimals in Python's formatting, n/a if unknown."""
    if isinstance(cell, Unknown):
        return cell.short or "n/a"
    if cell is None:
        return "n/a"
    if isinstance(cell, Printed):
        return cell.text
    if isinstance(cell, Estimate):
        value = printed(float(cell.value), decimals)
        if cell.low is None or cell.high is None:
            return value
        if cell.low >= 0 and 0 < cell.high < 0.5 * 10**-decimals:  # else of no width
            return f"{cell.value:.1g} ({cell.low:.1g} to {cell.high:.1g})"
        low, high = (printed(float(end), decimals) for end in (cell.low, cell.high))
        return f"{value} ({low} to {high})"
    if isinstance(cell, float):
        text = f"{cell:.{decimals}f}"
        return text.replace("-", "\N{MINUS SIGN}" if float(text) else "")
    return str(cell)


def reasons(rows: Sequence[Sequence[Cell]]) -> str:
    """Return why cells of a table read n/a, as sentences for its note."""
    unknown = [cell for row in rows for cell in row if isinstance(cell, Unknown)]
    found = {cell.reason for cell in unknown if not cell.short}
    return " ".join(f"n/a: {reason}." for reason in sorted(found))


def _is_word(text: str) -> bool:
    return text not in ("", "n/a") and not text[0].isdigit() and text[0] not in "+-\N{MINUS SIGN}"


def _parted(cell: Cell, decimals: int) -> tuple[str, str]:
    """Return how a cell reads, its interval apart so that the page can set it smaller."""
    text = printed(cell, decimals)
    if not isinstance(cell, Estimate):
        return text, ""
    value, _, interval = text.partition(" ")
    return value, interval


def _raw(cell: Cell, wide: bool) -> Iterator[str | int | float | None]:
    if isinstance(cell, Estimate):
        yield from (cell.value, cell.low, cell.high, cell.n)
    elif isinstance(cell, Unknown):
        yield from ("", "", "", "")
    else:
        yield cell.value if isinstance(cell, Printed) else cell
        yield from ("", "", "") if wide else ()


def columns(**titles: str) -> tuple[Column, ...]:
    """Return columns from keys and titles."""
    return tuple(Column(key, title) for key, title in titles.items())
