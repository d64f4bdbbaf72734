"""The written report: the published figures to the digit, and tables that allow little."""

import json
import re
from html import unescape

import pytest
from matplotlib.image import imread

from analysis.errors import FolderRefused, TableRefused
from analysis.report.build import write_report
from analysis.report.cells import printed
from analysis.report.compute import find
from analysis.report.elements import PALETTE
from analysis.report.words import about_raters, notes
from analysis.results import Estimate, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


class Page:
    """What a reader sees of a report's page."""

    def __init__(self, folder):
        self.folder = folder
        self.html = (folder / "index.html").read_text(encoding="utf-8")
        self.text = self.plain(re.sub(r"<(style|svg)\b.*?</\1>", " ", self.html, flags=re.DOTALL))

    @staticmethod
    def plain(html):
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())

    def table(self, name):
        """Return the cells of a table by the label of the row."""
        found = re.search(rf'<table id="table-{name}">(.*?)</table>', self.html, re.DOTALL)
        rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.DOTALL)
        cells = [
            [self.plain(cell) for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL)]
            for row in rows
        ]
        return {row[0]: row[1:] for row in cells}


@pytest.fixture
def page_of(tmp_path):
    def write(table, name="report"):
        return Page(write_report(table, tmp_path / name).folder)

    return write


@pytest.fixture(scope="module")
def published_page(published, tmp_path_factory):
    return Page(write_report(published("B"), tmp_path_factory.mktemp("b") / "report").folder)


@pytest.fixture(scope="module")
def readers_page(simulated_readers, tmp_path_factory):
    return Page(write_report(simulated_readers, tmp_path_factory.mktemp("s") / "report").folder)


NAMES = [
    "Melanoma",
    "Nevus",
    "Actinic keratosis",
    "Benign keratosis",
    "Basal cell carcinoma",
    "Dermatofibroma",
    "Vascular lesion",
]


@pytest.mark.parametrize("letter", ["A", "B"])
def test_the_published_table_is_printed_to_the_digit(page_of, published, expected, letter):
    figures = expected("seed002/published_figures.json")

    page = page_of(published(letter))

    derm, report = figures["dermatologist_all_140"], page.table("report_entity_all")
    assert [report[name][0] for name in NAMES] == derm["precision"]
    assert [report[name][1] for name in NAMES] == derm["recall"]
    assert [report[name][2] for name in NAMES] == derm["f1"]
    assert [report[name][3] for name in NAMES] == ["20"] * 7
    assert report["Accuracy"][2] == derm["accuracy"]
    assert report["Macro average"][:3] == derm["macro"]
    assert report["Weighted average"][:3] == derm["weighted"]

    origin, told = figures["origin"], page.table("report_origin")
    assert told["real"][:2] == [origin["precision_original"], origin["recall_original"]]
    assert told["synthetic"][:2] == [origin["precision_synthetic"], origin["recall_synthetic"]]
    assert told["Accuracy"][2] == origin["accuracy"]
    assert told["Macro average"][2] == origin["macro_f1"]
    assert told["Weighted average"][2] == origin["weighted_f1"]

    for ours, theirs in (("synthetic", "subset_synthetic"), ("real", "subset_original")):
        subset, report = figures[theirs], page.table(f"report_entity_{ours}")
        assert report["Accuracy"][2] == subset["accuracy"]
        assert report["Weighted average"][2] == subset["weighted_f1"]
        # With equal supports (A) macro F1 is the weighted one, unlike in the paper.
        macro = subset["macro_f1"] if letter == "B" else subset["weighted_f1"]
        assert report["Macro average"][2] == macro


def test_the_published_study_gets_what_it_lacked(published_page):
    page = published_page

    assert "took 1 of 70 AI-generated images for real: 1%" in page.text
    assert "One reader: results apply to this reader" in page.text
    assert "; for this rater: distinguishable." in page.text
    assert "p = 1.9 × 10⁻⁹" in page.text
    measures = page.table("measures")
    assert measures["Entity accuracy, all images"][0] == "0.64 (0.56 to 0.72)"
    assert measures["Entity accuracy, synthetic images"][0] == "0.89 (0.79 to 0.94)"
    assert measures["Entity accuracy, real images"][0] == "0.40 (0.29 to 0.52)"
    assert measures["Origin accuracy, all images"][0] == "0.96 (0.92 to 0.98)"
    assert page.table("raters_origin")["dermatologist"][4].startswith("3.56")


@pytest.mark.parametrize("letter", ["A", "B"])
def test_every_figure_agrees_with_scikit_learn_in_all_digits(published, expected, letter):
    figures = expected(f"seed002/expected_{letter}.json")

    found = find(published(letter))

    for ours, theirs in (("all", "all"), ("real", "original"), ("synthetic", "synthetic")):
        entity = found.entity[ours]
        assert (
            entity.confusion.counts.tolist()
            == (figures[f"entity_{theirs}_confusion_rows_true_cols_pred"])
        )
        for line in entity.report.lines:
            figure = figures[f"entity_{theirs}"][line.label]
            assert (line.precision, line.recall, line.f1) == pytest.approx(
                [figure[key] for key in ("precision", "recall", "f1-score")], rel=1e-12
            )
    for one in found.entity["all"].discrimination:
        assert one.area.value == pytest.approx(
            figures["entity_all_one_vs_rest_auc_from_hard_labels"][one.positive], rel=1e-12
        )
    assert found.origin.confusion.counts.tolist() == [[66, 4], [1, 69]]
    assert found.detection.area.value == pytest.approx(figures["origin_auc_from_hard_labels"])


def test_from_plain_labels_there_is_a_point_and_no_curve(published_page, published):
    page, found = published_page, find(published("B"))

    assert not found.detection.curves
    assert [(p.rater, round(p.hit, 4)) for p in found.detection.points] == [
        ("dermatologist", 0.9857)
    ]
    assert "Balanced accuracy (one operating point)" in page.text
    assert "AUC" not in page.text
    assert 'id="figure-operating_points_origin"' in page.html
    assert "figure-roc" not in page.html


def test_each_reader_agrees_with_r(simulated_readers, expected):
    figures = {
        row["reader"]: row for row in expected("simvtt/expected_sim_vtt_dev.json")["per_reader"]
    }

    found = find(simulated_readers)

    assert len(found.raters) == len(figures)
    for rater in found.raters:
        figure = figures[rater.rater]
        for ours, theirs in (
            ("d_prime", "dprime_loglinear"),
            ("criterion", "c_loglinear"),
            ("auc", "auc_rating"),
            ("deception_rate", "deception_rate"),
            ("origin_accuracy", "accuracy"),
        ):
            assert getattr(rater, ours).value == pytest.approx(figure[theirs], rel=1e-8)


def test_several_raters_get_one_curve_each_their_average_and_the_mean_area(
    readers_page, simulated_readers, expected
):
    figure = expected("simvtt/expected_sim_vtt_dev.json")["imrmc_overall_auc"][0]

    page, found = readers_page, find(simulated_readers)

    assert found.detection.area.value == pytest.approx(figure["AUCA"], rel=1e-8)
    assert len(found.detection.curves) == 5
    assert found.origin.deception_rate.df is not None
    assert "All raters are simulated" in page.text
    assert "On average, 5 simulated raters took" in page.text
    assert set(page.table("generators")) >= {"genA", "genB"}
    assert 'id="figure-roc_origin"' in page.html
    assert 'id="figure-response_times"' in page.html


def test_with_confidence_entities_get_curves_and_the_rule_is_printed(page_of):
    table = table_from_rows(rows_of(), "x")

    page, found = page_of(table), find(table)

    assert all(one.graded and one.curves for one in found.entity["real"].discrimination)
    assert "(1 − c) / 6 for the others" in page.text
    assert page.table("entity_auc")


def test_the_confidence_rule_scores_the_chosen_entity_and_shares_the_rest():
    rows = [
        {
            "rater": "r",
            "image": str(i),
            "origin": "real",
            "entity": truth,
            "answered_entity": said,
            "entity_confidence": confidence,
        }
        for i, (truth, said, confidence) in enumerate(
            [
                ("mel", "mel", 0.9),
                ("mel", "nv", 0.4),
                ("nv", "nv", 0.8),
                ("nv", "mel", 0.6),
            ]
        )
    ]  # with two entities the scores for mel are 0.9, 0.6, 0.2, 0.6

    found = find(table_from_rows(rows, "x"))

    mel = found.entity["all"].discrimination[0]
    assert mel.area.value == pytest.approx((1 + 1 + 1 + 0.5) / 4)


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


def test_every_listed_file_is_there_and_every_figure_is_a_picture(readers_page):
    folder = readers_page.folder

    listed = json.loads((folder / "report.json").read_text())["files"]
    there = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert there == listed
    svgs = sorted((folder / "figures").glob("*.svg"))
    assert len(svgs) >= 10
    for svg in svgs:
        assert "<text" in svg.read_text()  # text stays text
        assert imread(svg.with_suffix(".png")).std() > 0.01
    for link in re.findall(r'href="([^#"]+)"', (folder / "index.html").read_text()):
        assert (folder / link).is_file()


def test_the_same_answers_give_the_same_bytes(tmp_path, published, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")

    folders = [write_report(published("B"), tmp_path / name).folder for name in ("one", "two")]

    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders
    )
    assert one == two


def test_an_earlier_report_is_replaced_and_anything_else_refused(tmp_path, published):
    out = tmp_path / "report"
    table = published("B")
    write_report(table, out)
    write_report(table, out)  # replaces

    (out / "notes.txt").write_text("mine")
    with pytest.raises(FolderRefused, match=r"notes\.txt"):
        write_report(table, out)
    assert (out / "notes.txt").read_text() == "mine"

    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderRefused, match="is a file"):
        write_report(table, tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "report"]


def test_a_failure_leaves_nothing_behind(tmp_path, published, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analysis.report.folder.os.replace", fail)

    with pytest.raises(FolderRefused, match="No space left"):
        write_report(published("B"), tmp_path / "report")
    assert list(tmp_path.iterdir()) == []
