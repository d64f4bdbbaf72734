"""The unblinded table: what each rater answered about each image, read and checked."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.errors import TableRefused
from analysis.spreadsheet import ENDING, refuse_other_spreadsheets, spreadsheet_rows

#: The seven of HAM10000 in the order of the published study (Shavlokhova et al. 2023).
DEFAULT_ENTITIES = ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc")
ORIGINS = ("real", "synthetic")

TEXTS = (
    "study",
    "rater",
    "rater_kind",
    "session",
    "image",
    "lesion",
    "origin",
    "generator",
    "entity",
    "answered_entity",
    "answered_origin",
    "sex",
    "site",
    "skin_tone",
    "beside",
    "rater_role",
    "rater_experience",
    "rater_dermoscopy",
)
NUMBERS = (
    "occasion",
    "trial",
    "block",
    "exposure_ms",
    "rating",
    "entity_confidence",
    "response_ms",
    "hidden_ms",
    "age",
)
FLAGS = ("repeat", "practice", "check", "excluded")
OF_RATERS = ("rater_role", "rater_experience", "rater_dermoscopy")
REQUIRED = ("rater", "image", "origin", "entity")
ANSWERS = ("answered_entity", "answered_origin", "rating")

#: Inclusive limits of the numbers that have any, and how to say them.
LIMITS = {
    "occasion": (1, 1e6, "a number from 1 up"),
    "entity_confidence": (0, 1, "a share from 0 to 1 (divide percentages by 100)"),
    "response_ms": (0, 1e9, "milliseconds from 0 up"),
    "hidden_ms": (0, 1e9, "milliseconds from 0 up"),
    "age": (0, 130, "years from 0 to 130"),
}
TRUTHS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}

Texts = NDArray[np.str_]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Excluded:
    """How many answers stand outside all analyses, and why."""

    practice: int = 0
    checks: int = 0
    excluded: int = 0  # by raters whom the protocol's rule excludes
    repeats: int = 0
    later_occasions: int = 0


@dataclass(frozen=True)
class AnswerTable:
    """Checked answers as columns, one element an answer; "" and NaN where unknown.

    `entities` is their fixed order, that of every table and figure. `source` says where the
    answers came from, `caveats` what must be known before a number is believed.
    """

    source: str
    entities: tuple[str, ...]
    excluded: Excluded
    texts: Mapping[str, Texts]
    numbers: Mapping[str, Floats]
    flags: Mapping[str, Flags]
    caveats: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts["rater"])

    def text(self, column: str) -> Texts:
        """Return a column of `TEXTS`."""
        return self.texts[column]

    def number(self, column: str) -> Floats:
        """Return a column of `NUMBERS`."""
        return self.numbers[column]

    def where(self, chosen: Flags) -> "AnswerTable":
        """Return the answers for which `chosen` holds."""
        return replace(
            self,
            texts={name: column[chosen] for name, column in self.texts.items()},
            numbers={name: column[chosen] for name, column in self.numbers.items()},
            flags={name: column[chosen] for name, column in self.flags.items()},
        )

    def first_showings(self) -> "AnswerTable":
        """Return what is analysed: each rater's first answer about each image.

        Practice, attention checks and raters whom the study's rule excludes are left out.

        What is left out is counted in `excluded`.
        """
        left_out, counted = [], np.ones(len(self), bool)
        for name in ("practice", "check", "excluded", "repeat"):
            left_out.append(self.flags[name] & counted)
            counted &= ~self.flags[name]
        occasion = self.numbers["occasion"]
        # Number the pairs of rater and image, then find the first occasion of each.
        _, rater = np.unique(self.texts["rater"], return_inverse=True)
        _, image = np.unique(self.texts["image"], return_inverse=True)
        _, pair = np.unique(rater * (len(self) + 1) + image, return_inverse=True)
        first = np.full(pair.max(initial=-1) + 1, np.inf)
        np.minimum.at(first, pair[counted], occasion[counted])
        later = counted & (occasion > first[pair])
        counts = (int(np.count_nonzero(out)) for out in (*left_out, later))
        return replace(self.where(counted & ~later), excluded=Excluded(*counts))


def read_answers(path: Path, entities: Sequence[str] = ()) -> AnswerTable:
    """Read a table of answers from a file, in the columns of the unblinded table.

    Args:
        path: a CSV file (UTF-8, with or without a byte-order mark; commas or semicolons), or an
            .xlsx workbook with the answers in one sheet.
        entities: all entities that could be answered, in order; else they are found out.

    Raises:
        TableRefused: the file cannot be read or is not such a table.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise TableRefused(f"{path} {what}; name a CSV file or an .xlsx workbook of answers")
    refuse_other_spreadsheets(path)
    if path.suffix.lower() == ENDING:
        names, lines = spreadsheet_rows(path)
        _check_columns(names, path.name)
        rows = [(number, dict(zip(names, cells, strict=True))) for number, cells in lines]
    else:
        rows = _csv_rows(path)
    return _table(rows, path.name, entities)


def _csv_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file, each with its line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise TableRefused(
            f"{path.name}, row {line}: not UTF-8 text; save the table as 'CSV UTF-8'"
        ) from None
    except OSError as problem:
        raise TableRefused(f"{path} cannot be read: {problem.strerror}") from None
    if not text.strip():
        raise TableRefused(f"{path.name} is empty; it needs a row of column names and the answers")
    header = text.splitlines()[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = names
        _check_columns(names, path.name)
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise TableRefused(
                    f"{path.name}, row {reader.line_num}: has more or fewer cells than the "
                    f"{len(names)} columns; quote cells that contain '{separator}'"
                )
            rows.append((reader.line_num, row))
    except csv.Error as problem:
        raise TableRefused(
            f"{path.name}, row {reader.line_num}: not a CSV table ({problem})"
        ) from None
    return rows


def table_from_rows(
    rows: Sequence[Mapping[str, object]],
    source: str,
    entities: Sequence[str] = (),
    caveats: tuple[str, ...] = (),
) -> AnswerTable:
    """Check rows as `evaluation.dataset.unblinded_table` returns them; None is unknown.

    Args:
        rows: one an answer.
        source: where they came from, in words.
        entities: all entities that could be answered, in order; else they are found out.
        caveats: sentences that stand above the numbers of a report.

    Raises:
        TableRefused: there are no rows, or they contradict each other.
    """
    texts = ({k: "" if v is None else str(v) for k, v in row.items()} for row in rows)
    return replace(_table(list(enumerate(texts, start=1)), source, entities), caveats=caveats)


def _check_columns(names: Sequence[str], source: str) -> None:
    for name in REQUIRED:
        if name not in names:
            raise TableRefused(
                f"{source}: column '{name}' is missing; the first row must name "
                f"{', '.join(REQUIRED)} and one of {', '.join(ANSWERS)}"
            )
    if not set(ANSWERS) & set(names):
        raise TableRefused(f"{source}: there are no answers; add a column {' or '.join(ANSWERS)}")
    for name in names:
        if names.count(name) > 1:
            raise TableRefused(f"{source}: column '{name}' is there twice; keep one of them")


class _Problems:
    """Collects what is wrong, so that the message can say how much there is to mend."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[tuple[int, str]] = []

    def add(self, row: int, what: str) -> None:
        self.found.append((row, what))

    def refuse_if_any(self) -> None:
        if self.found:
            row, what = min(self.found)
            others = len(self.found) - 1
            more = f" (and {others} more problem{'s' * (others > 1)})" if others else ""
            raise TableRefused(f"{self.source}, row {row}: {what}{more}")


def _table(
    rows: Sequence[tuple[int, Mapping[str, str]]], source: str, entities: Sequence[str]
) -> AnswerTable:
    if not rows:
        raise TableRefused(f"{source}: there are no answers in it")
    lines = [line for line, _ in rows]
    cells = {
        name: [row.get(name, "").strip() for _, row in rows] for name in (*TEXTS, *NUMBERS, *FLAGS)
    }
    for name in ("origin", "answered_origin", "rater_kind", *FLAGS):
        cells[name] = [cell.lower() for cell in cells[name]]
    problems = _Problems(source)
    _check_words(cells, lines, problems)
    numbers = {name: _numbers(name, cells[name], lines, problems) for name in NUMBERS}
    problems.refuse_if_any()
    numbers["occasion"] = np.nan_to_num(numbers["occasion"], nan=1.0)
    flags = {name: np.array([TRUTHS[cell] for cell in cells[name]], dtype=bool) for name in FLAGS}
    order = _entity_order(cells, lines, entities, problems)
    _check_images(cells, lines, problems)
    _check_raters(cells, lines, problems)
    _check_twice(cells, numbers["occasion"], flags, lines, problems)
    problems.refuse_if_any()
    texts = {name: np.array(cells[name], dtype=str) for name in TEXTS}
    return AnswerTable(source, order, Excluded(), texts, numbers, flags)


def _check_words(
    cells: Mapping[str, Sequence[str]], lines: Sequence[int], problems: _Problems
) -> None:
    for i, line in enumerate(lines):
        for name in REQUIRED:
            if not cells[name][i]:
                problems.add(line, f"{name} is empty; every answer needs one")
        for name in ("origin", "answered_origin"):
            if cells[name][i] not in ("", *ORIGINS):
                problems.add(line, f"{name} '{cells[name][i]}' is unknown; use real or synthetic")
        for name in FLAGS:
            if cells[name][i] not in TRUTHS:
                problems.add(line, f"{name} '{cells[name][i]}' is neither true nor false")
        if not any(cells[name][i] for name in ANSWERS):
            problems.add(
                line, f"there is no answer; fill {' or '.join(ANSWERS)}, or leave out the row"
            )
        if cells["origin"][i] == "real" and cells["generator"][i]:
            problems.add(
                line,
                f"a real image has the generator '{cells['generator'][i]}'; "
                "leave generator empty for real images",
            )


def _numbers(name: str, cells: Sequence[str], lines: Sequence[int], problems: _Problems) -> Floats:
    low, high, allowed = LIMITS.get(name, (-1e9, 1e9, "a number"))
    values = np.full(len(cells), np.nan)
    for i, (line, cell) in enumerate(zip(lines, cells, strict=True)):
        if not cell:
            continue
        try:
            value = float(cell)
        except ValueError:
            problems.add(line, f"{name} '{cell}' is not a number; use {allowed}")
            continue
        if not (isfinite(value) and low <= value <= high):
            problems.add(line, f"{name} {cell} is out of range; use {allowed}")
            continue
        values[i] = value
    return values


def _entity_order(
    cells: Mapping[str, Sequence[str]],
    lines: Sequence[int],
    given: Sequence[str],
    problems: _Problems,
) -> tuple[str, ...]:
    """Return the entities in their fixed order, after checking that all are known.

    Unless they are given, the known ones are the default seven, or where others are shown exactly
    the ones shown.
    """
    shown = set(cells["entity"])
    known = tuple(given) or (DEFAULT_ENTITIES if shown <= set(DEFAULT_ENTITIES) else sorted(shown))
    for name in ("entity", "answered_entity"):
        for line, cell in zip(lines, cells[name], strict=True):
            if cell and cell not in known:
                problems.add(
                    line,
                    f"{name} '{cell}' is unknown; use one of {', '.join(known)}, "
                    "or name all of the study's entities with --entities",
                )
    used = shown | set(cells["answered_entity"])
    return tuple(known) if given else tuple(entity for entity in known if entity in used)


def _check_images(
    cells: Mapping[str, Sequence[str]], lines: Sequence[int], problems: _Problems
) -> None:
    """One image has one truth, whoever looked at it."""
    truths: dict[str, tuple[int, tuple[str, ...]]] = {}
    names = ("origin", "generator", "entity")
    for i, line in enumerate(lines):
        truth = tuple(cells[name][i] for name in names)
        first, before = truths.setdefault(cells["image"][i], (line, truth))
        for name, was, now in zip(names, before, truth, strict=True):
            if was != now:
                problems.add(
                    line,
                    f"image '{cells['image'][i]}' has {name} '{now}', but '{was}' in row {first}; "
                    "give an image one truth",
                )


def _check_raters(
    cells: Mapping[str, Sequence[str]], lines: Sequence[int], problems: _Problems
) -> None:
    """A rater is one person throughout; where a cell is empty nobody has said."""
    for name in OF_RATERS:
        known: dict[str, tuple[int, str]] = {}
        for rater, line, said in zip(cells["rater"], lines, cells[name], strict=True):
            first, before = known.setdefault(rater, (line, said)) if said else (line, said)
            if said != before:
                problems.add(
                    line,
                    f"rater '{rater}' has {name} '{said}', but '{before}' in row {first}; give a "
                    "rater one, as of the beginning of the reading",
                )


def _check_twice(
    cells: Mapping[str, Sequence[str]],
    occasions: Floats,
    flags: Mapping[str, Flags],
    lines: Sequence[int],
    problems: _Problems,
) -> None:
    seen: dict[tuple[str, str, float], int] = {}
    for i, line in enumerate(lines):
        if flags["repeat"][i] or flags["practice"][i] or flags["check"][i]:
            continue
        rater, image = cells["rater"][i], cells["image"][i]
        first = seen.setdefault((rater, image, float(occasions[i])), line)
        if first != line:
            problems.add(
                line,
                f"rater '{rater}' answered image '{image}' in row {first} already; keep one "
                "answer, or mark the later showing with repeat true or another occasion",
            )
