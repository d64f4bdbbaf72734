"""The written report: tables that allow little, and a page that fetches and runs nothing."""

import json
import re

import pytest

from analysis.errors import TableRefused
from analysis.report.build import write_report
from analysis.report.cells import printed
from analysis.report.compute import find
from analysis.report.elements import PALETTE
from analysis.report.words import about_raters, notes
from analysis.results import Estimate, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def drop(rows, *names):
    return [{key: value for key, value in row.items() if key not in names} for row in rows]


DEGENERATE = {
    "one origin": [row for row in rows_of() if row["origin"] == "real"],
    "synthetic only": [row for row in rows_of() if row["origin"] == "synthetic"],
    "no rating": drop(rows_of(), "rating", "entity_confidence"),
    "rating only": drop(rows_of(), "answered_entity", "answered_origin", "entity_confidence"),
    "entity only": drop(rows_of(), "answered_origin", "rating"),
    "origin only": drop(rows_of(), "answered_entity", "rating", "entity_confidence"),
    "equal ratings": rows_of(rating=3),
    "equal answers": rows_of(answered_origin="real", answered_entity="nv"),
    "perfect": [
        {
            **row,
            "answered_origin": row["origin"],
            "answered_entity": row["entity"],
            "rating": 6 if row["origin"] == "synthetic" else 1,
        }
        for row in rows_of()
    ],
    "one image each": rows_of(raters=1, images_per_cell=1)[:2],
    "one answer": rows_of()[:1],
    "missing cells": [row for i, row in enumerate(rows_of(raters=4)) if i % 5],
    "raters apart": [
        row
        for i, row in enumerate(rows_of(raters=2))
        if (row["rater"] == "r0") == (row["origin"] == "real")
    ],
    "two raters": rows_of(raters=2),
    "AI beside people": [
        {**row, "rater_kind": "ai" if row["rater"] == "r0" else "human"} for row in rows_of()
    ],
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_a_table_that_allows_little_still_gets_a_whole_report(page_of, tmp_path, name):
    page = page_of(table_from_rows(DEGENERATE[name], name))

    assert not re.search(r"\b(nan|NaN|inf|None)\b", page.text)
    assert "1.00 (1.00" not in page.text
    assert "0.00 (0.00 to 0.00)" not in page.text
    numbers = (tmp_path / "report" / "report.json").read_text()
    json.loads(numbers, parse_constant=lambda word: pytest.fail(f"{word} in report.json"))


def test_with_one_origin_what_compares_origins_is_not_estimable(page_of):
    page = page_of(table_from_rows(DEGENERATE["one origin"], "x"))

    assert "There are no synthetic images" in page.text
    assert page.table("measures")["Deception rate: synthetic images judged real"][0] == "n/a"
    assert "report_entity_synthetic" not in page.html


def test_a_class_never_answered_prints_na_and_is_named(page_of):
    rows = [
        {
            **row,
            "answered_entity": "nv" if row["answered_entity"] == "df" else row["answered_entity"],
        }
        for row in rows_of()
    ]

    page = page_of(table_from_rows(rows, "x"))

    assert page.table("report_entity_all")["Dermatofibroma"][:3] == ["n/a", "0.00", "0.00"]
    assert "Never answered, so that precision is undefined" in page.text


def test_a_class_never_shown_prints_na_and_is_left_out_of_averages(page_of):
    rows = [row for row in rows_of(raters=6) if row["entity"] != "df"]

    page = page_of(table_from_rows(rows, "x"))

    assert page.table("report_entity_all")["Dermatofibroma"][1:4] == ["n/a", "n/a", "0"]
    assert "Not among these images" in page.text


@pytest.mark.parametrize(("kind", "word"), [("ai", "AI"), ("simulated", "Simulated")])
def test_what_is_no_person_enters_no_average_beside_people(kind, word):
    rows = [
        {**row, "rater_kind": "human" if row["rater_kind"] == "human" else kind}
        for row in DEGENERATE["AI beside people"]
    ]
    people = [row for row in rows if row["rater_kind"] == "human"]

    both, alone = (find(table_from_rows(some, "x")) for some in (rows, people))

    assert both.origin.deception_rate == alone.origin.deception_rate
    assert [one.rater for one in both.raters] == ["r0", "r1", "r2"]
    assert f"{word} raters stand in the table" in about_raters(both.facts)[0]


def test_ratings_that_run_backwards_are_pointed_out():
    rows = [
        {**row, "rating": 1 if row["answered_origin"] == "synthetic" else 6} for row in rows_of()
    ]

    assert "turn the scale round" in " ".join(notes(find(table_from_rows(rows, "x"))))


def test_practice_alone_is_nothing_to_report(tmp_path):
    with pytest.raises(TableRefused, match="practice or repeats"):
        write_report(table_from_rows(rows_of(practice="true"), "x"), tmp_path / "report")

    assert not (tmp_path / "report").exists()


def test_the_page_fetches_nothing_and_runs_nothing(readers_page):
    html = readers_page.html

    assert "http" not in html
    assert not re.search(r"<(script|link|img|iframe|object|embed|base)\b|@import|url\((?!#)", html)
    assert not re.search(r"\bsrc(set)?=|\son\w+=", html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_page_recolours_every_figure_for_light_and_dark(readers_page):
    drawn = "".join(re.findall(r"<svg\b.*?</svg>", readers_page.html, re.DOTALL))
    style = re.search(r"<style>(.*?)</style>", readers_page.html, re.DOTALL)[1]

    for name, colour in PALETTE.items():
        assert colour not in drawn
        assert len(re.findall(rf"--{name}: ", style)) == 2  # by day and by night
        assert f"--{name}: {colour};" in style


def test_texts_of_the_table_cannot_become_markup(page_of):
    rows = rows_of(raters=2, study="<script>alert(1)</script>")
    rows = [
        {
            **row,
            "rater": f"<b onclick=x>{row['rater']}",
            "generator": row["generator"] and '"><script>',
        }
        for row in rows
    ]

    html = page_of(table_from_rows(rows, "<i>source</i>")).html

    assert "<script" not in html
    assert "<b onclick" not in html
    assert "<i>source" not in html


def test_page_json_and_csv_have_the_same_numbers(readers_page):
    page, folder = readers_page, readers_page.folder
    numbers = json.loads((folder / "report.json").read_text())
    found = numbers["findings"]

    def shown(number):
        return printed(Estimate(**number) if "low" in number else Unknown(number["reason"]))

    measures = page.table("measures")
    assert measures["Deception rate: synthetic images judged real"][0] == (
        shown(found["origin"]["deception_rate"])
    )
    assert measures["AUC of origin, from the ratings"][0] == shown(found["detection"]["area"])
    raters = page.table("raters_origin")
    for rater in found["raters"]:
        assert raters[rater["rater"]][-1] == shown(rater["auc"])
        assert raters[rater["rater"]][4] == shown(rater["d_prime"])
    for line in found["entity"]["real"]["report"]["lines"]:
        assert f"{line['precision']:.2f}" in str(page.table("report_entity_real"))
    csv = (folder / "tables" / "measures.csv").read_text()
    assert repr(found["origin"]["deception_rate"]["value"]) in csv
    assert numbers["headline"] in page.text
