"""Answers in a spreadsheet: the same table as from CSV, and one clear line for what is not."""

import csv
import zipfile
from datetime import date, datetime

import numpy as np
import pytest
from openpyxl import Workbook

from analysis.errors import TableRefused
from analysis.table import read_answers
from tests.analysis.conftest import rows_of

HEADER = ["rater", "image", "origin", "entity", "answered_origin"]
GOOD = ["a", 1, "real", "mel", "real"]


@pytest.fixture
def saved(tmp_path):
    def save(*rows, name="answers.xlsx", sheets=()):
        book = Workbook()
        for row in rows:
            book.active.append(row)
        for title, content, state in sheets:
            sheet = book.create_sheet(title)
            sheet.sheet_state = state
            for row in content:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return save


def test_a_workbook_is_read_as_the_same_table_as_csv(saved, tmp_path):
    given = rows_of()
    with (tmp_path / "answers.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, given[0])
        writer.writeheader()
        writer.writerows(given)

    book = read_answers(saved(list(given[0]), *(list(row.values()) for row in given)))
    text = read_answers(tmp_path / "answers.csv")

    assert len(book) == len(given)
    assert book.entities == text.entities
    for name, column in text.texts.items():
        assert book.text(name).tolist() == column.tolist()
    for name, column in text.numbers.items():
        np.testing.assert_array_equal(book.number(name), column)


def test_numbers_dates_percentages_and_truths_are_taken_as_they_look(saved):
    table = read_answers(
        saved(
            [*HEADER, "entity_confidence", "response_ms", "repeat", "session"],
            ["a", 7.0, "real", "mel", "real", 0.8, 1234.5, False, datetime(2026, 3, 1)],
            [12, date(2026, 3, 4), "Real", "mel ", "synthetic", None, None, True, None],
            ["a", 0.5, "real", "mel", "real", 1, 2, None, datetime(2026, 3, 1, 9, 30)],
        )
    )

    assert table.text("image").tolist() == ["7", "2026-03-04", "0.5"]
    assert table.text("rater").tolist() == ["a", "12", "a"]
    assert table.text("session").tolist() == ["2026-03-01", "", "2026-03-01T09:30:00"]
    assert table.number("entity_confidence")[[0, 2]].tolist() == [0.8, 1]
    assert table.number("response_ms")[[0, 2]].tolist() == [1234.5, 2]
    assert table.flags["repeat"].tolist() == [False, True, False]


def test_blank_rows_empty_columns_and_sheets_and_hidden_sheets_do_no_harm(saved):
    path = saved(
        HEADER,
        [None] * 5,
        GOOD,
        ["", " ", None, None, None],
        ["b", 1, "real", "mel", "synthetic", None, " "],
        sheets=[("Sheet2", [], "visible"), ("codes", [["mel", "melanoma"]], "hidden")],
    )

    assert read_answers(path).text("rater").tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "answers.xlsx is empty; it needs a row of column names"),
        ([HEADER], "answers.xlsx: there are no answers in it"),
        (
            [HEADER, GOOD, [], ["a", 2, "fake", "mel", "real"]],
            "answers.xlsx, row 4: origin 'fake' is unknown; use real or synthetic",
        ),
        (
            [[*HEADER, "rating"], [*GOOD, datetime(2026, 5, 1)]],
            "answers.xlsx, row 2: rating '2026-05-01' is not a number",
        ),
        ([["rater", "image"], ["a", 1]], "answers.xlsx: column 'origin' is missing"),
        ([[*HEADER, "rater"], [*GOOD, "a"]], "answers.xlsx: column 'rater' is there twice"),
        (
            [HEADER, GOOD, ["b", *GOOD[1:], None, "note"]],
            "answers.xlsx, row 3: column G has content but no name in the first row",
        ),
        (
            [HEADER, ["a", "#REF!", *GOOD[2:]]],
            "answers.xlsx, row 2: a cell holds the error #REF!; mend it or empty it",
        ),
        (
            [[*HEADER, "rating"], [*GOOD, "=1+1"]],
            "answers.xlsx, row 2: the formula =1+1 was saved without its value",
        ),
    ],
)
def test_a_bad_workbook_gets_one_line_that_says_what_where_and_the_mend(saved, rows, message):
    with pytest.raises(TableRefused) as refused:
        read_answers(saved(*rows))

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_two_sheets_of_answers_are_refused_by_name(saved):
    path = saved(HEADER, GOOD, sheets=[("Rater b", [HEADER, GOOD], "visible")])

    with pytest.raises(TableRefused, match=r"more than one sheet \(Sheet, Rater b\); leave them"):
        read_answers(path)


@pytest.mark.parametrize(
    ("name", "what"), [("a.xls", "before 2007"), ("a.ods", "OpenDocument"), ("A.XLSB", "binary")]
)
def test_other_spreadsheets_are_named_with_the_mend(tmp_path, name, what):
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0")

    with pytest.raises(TableRefused, match=rf"{what}.*not read; save it as an Excel workbook"):
        read_answers(tmp_path / name)


@pytest.mark.parametrize("content", [b"rater,image\n", b"PK\x03\x04broken", b""])
def test_what_only_bears_the_name_of_a_workbook_is_refused(tmp_path, content):
    (tmp_path / "answers.xlsx").write_bytes(content)

    with pytest.raises(TableRefused, match=r"answers\.xlsx is no \.xlsx workbook"):
        read_answers(tmp_path / "answers.xlsx")


def test_a_formula_with_its_value_is_read(saved):
    path = saved([*HEADER, "rating"], [*GOOD, "=1+1"])
    # openpyxl writes no values; put the one that a spreadsheet program would.
    with zipfile.ZipFile(path) as parts:
        kept = {name: parts.read(name) for name in parts.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<f>1+1</f>" in kept[sheet]
    kept[sheet] = kept[sheet].replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
    kept[sheet] = kept[sheet].replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")
    kept[sheet] = kept[sheet].replace(b"<f>1+1</f><v/>", b"<f>1+1</f><v>2</v>")
    with zipfile.ZipFile(path, "w") as parts:
        for name, content in kept.items():
            parts.writestr(name, content)

    assert read_answers(path).number("rating").tolist() == [2]
