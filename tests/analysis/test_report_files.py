"""The files of a report: one PDF, numbers behind each figure, the same bytes, all or none."""

import csv
import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread

from analysis.errors import FolderRefused
from analysis.report.build import write_report
from analysis.report.cells import ReportTable, columns
from analysis.report.compute import find
from analysis.report.figure_data import curve_tables
from analysis.report.layout import Block, Contents, Section
from analysis.report.pdf import MOST_ROWS, report_pdf
from analysis.report.publish import to_json
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


@pytest.fixture(scope="module")
def folder(readers_page):
    return readers_page.folder


@pytest.fixture(scope="module")
def numbers(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def rows(folder, path):
    with (folder / path).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pages_of(pdf):
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def contents_of(*blocks, title="A title"):
    return Contents(title, "A headline", "", (), (), (Section("s", "A section", blocks),), (), "")


def area_of(points):
    """Return the area below a curve, whose points come in order."""
    x, y = ("false_alarm", "hit") if "hit" in points[0] else ("others_called", "recognised")
    places = [
        (float(point[x]) / float(points[-1][x]), float(point[y]) / float(points[-1][y]))
        for point in points
    ]
    return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in pairwise(places))


def test_the_pdf_has_an_outline_of_all_sections_and_the_fonts_it_needs(folder):
    pdf = (folder / "report.pdf").read_bytes()
    page = (folder / "index.html").read_text(encoding="utf-8")

    titles = re.findall(r"<h2>([^<]+)</h2>", page)[:-1]  # all but the list of files
    for title in titles:
        assert f"/Title ({title})".encode() in pdf
    assert b"DejaVuSans" in pdf
    assert pages_of(pdf) > len(titles)
    assert len(pdf) < 3_000_000


def test_a_long_table_runs_over_pages_and_ends_where_its_csv_goes_on():
    def pdf(count):
        table = ReportTable(
            "many",
            "Many rows",
            columns(rater="Rater", said="Said"),
            tuple((f"r{i}", "a word " * 60) for i in range(count)),
        )
        return report_pdf(contents_of(Block(table=table)), datetime.now(UTC))

    assert pages_of(pdf(5)) < pages_of(pdf(MOST_ROWS)) == pages_of(pdf(MOST_ROWS * 4))


def test_a_pdf_takes_texts_as_texts():
    block = Block(heading="<b>bold & <i>", text=("a < b", "<para>", "&amp; <a href='x'>"))

    assert report_pdf(contents_of(block, title="<title>"), datetime.now(UTC)).startswith(b"%PDF")


def test_every_figure_names_a_file_of_numbers_that_is_there(folder, numbers):
    drawn = {path.stem for path in (folder / "figures").iterdir()}

    assert set(numbers["figures"]) == drawn
    for figure in numbers["figures"].values():
        assert rows(folder, figure["data"])
        assert (folder / figure["svg"]).is_file()
        assert (folder / figure["png"]).is_file()
        assert figure["alt"]


def test_the_points_of_a_curve_enclose_the_area_of_the_report(folder, numbers):
    assert numbers["figures"]["roc_origin"]["data"] == "tables/roc_origin.csv"
    points = rows(folder, "tables/roc_origin.csv")

    for rater in numbers["findings"]["raters"]:
        own = [row for row in points if row["rater"] == rater["rater"]]
        assert area_of(own) == pytest.approx(rater["auc"]["value"], rel=1e-12)


def test_curves_of_entities_stand_in_a_table_and_not_among_the_numbers():
    findings = find(table_from_rows(rows_of(raters=3), "x"))

    (table,) = [t for t in curve_tables(findings) if t.name == "roc_entity_by_rater"]
    points = list(csv.DictReader(table.to_csv().splitlines()))

    for subset, found in findings.entity.items():
        for one in found.discrimination:
            own = [p for p in points if (p["subset"], p["entity"]) == (subset, one.positive)]
            areas = [
                area_of([p for p in own if p["rater"] == rater]) for rater in ("r0", "r1", "r2")
            ]
            assert np.mean(areas) == pytest.approx(one.area.value, rel=1e-12)
            assert [p["threshold"] for p in own].count("") == 3  # the first of each curve
    numbers = to_json(findings)
    assert '"curves"' not in json.dumps(numbers)
    assert numbers["detection"]["average_hit"] == findings.detection.average_hit.tolist()


def test_the_same_answers_and_time_give_the_same_bytes_of_every_file(tmp_path, monkeypatch):
    table = table_from_rows(rows_of(raters=4), "x")

    def written(name, epoch):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        folder = write_report(table, tmp_path / name).folder
        return {
            path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    first, again = written("a", "1700000000"), written("b", "1700000000")
    later = written("c", "1800000000")

    assert first == again
    assert {name for name in first if first[name] != later[name]} == {
        "index.html",
        "report.json",
        "report.pdf",
    }
    assert {name.rpartition(".")[2] for name in first} >= {"pdf", "md", "R", "csv", "svg", "png"}


def test_the_schema_of_the_numbers_is_the_documented_one(numbers, settings):
    documented = (settings.BASE_DIR / "docs" / "report.md").read_text(encoding="utf-8")

    assert numbers["schema"] in documented
    for key in (*numbers, *numbers["findings"], *numbers["findings"]["facts"]):
        assert f"`{key}`" in documented, key
    for key in numbers["findings"]["chapters"]:
        assert f"`{key}`" in documented, key


def test_every_listed_file_is_there_and_every_figure_is_a_picture(folder):
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
