"""What other programs are given: read again, it says what the report says."""

import csv
import json

import numpy as np
import pytest

from analysis import mrmc
from analysis.errors import FolderRefused, TableRefused
from analysis.report.build import write_report
from analysis.report.exports import write_export
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


@pytest.fixture(scope="module")
def folder(readers_page):
    return readers_page.folder


@pytest.fixture(scope="module")
def found(folder):
    return json.loads((folder / "report.json").read_text())["findings"]


def rows(folder, name):
    with (folder / "exports" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def study_of(folder, name):
    """Return ratings (treatments, readers, cases), truth and names, as read from a file."""
    read = rows(folder, name)
    if "readerID" in read[0]:
        truth = {r["caseID"]: r["score"] == "1" for r in read if r["readerID"] == "truth"}
        cells = [
            (r["modalityID"], r["readerID"], r["caseID"], r["score"])
            for r in read
            if r["readerID"] != "truth"
        ]
    else:
        truth = {r["case"]: r["truth"] == "1" for r in read}
        cells = [(r["treatment"], r["reader"], r["case"], r["rating"]) for r in read]
    arms, readers = (sorted({cell[i] for cell in cells}) for i in (0, 1))
    cases = sorted(truth)
    ratings = np.full((len(arms), len(readers), len(cases)), np.nan)
    for arm, reader, case, score in cells:
        place = arms.index(arm), readers.index(reader), cases.index(case)
        assert np.isnan(ratings[place])
        ratings[place] = float(score)
    return ratings, np.array([truth[case] for case in cases]), arms, readers


@pytest.mark.parametrize("name", ["imrmc.csv", "mrmcaov.csv"])
def test_the_area_of_the_report_comes_out_of_the_files(folder, found, name):
    ratings, truth, arms, readers = study_of(folder, name)

    area = mrmc.mean_auc(ratings[0], truth)

    reported = found["detection"]["area"]
    assert arms == ["all"]
    assert readers == [rater["rater"] for rater in found["raters"]]
    assert (area.value, area.low, area.high) == pytest.approx(
        (reported["value"], reported["low"], reported["high"]), rel=1e-12
    )


def test_imrmc_of_r_says_the_same_of_the_same_study(folder, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")
    (figure,) = figures["imrmc_overall_auc"]

    ratings, truth, _, _ = study_of(folder, "imrmc.csv")
    one = mrmc.u_statistic(ratings, truth).estimates[0]
    ratings, truth, arms, _ = study_of(folder, "imrmc_generators.csv")
    found = mrmc.u_statistic(ratings, truth, treatments=arms)
    two = found.differences["genA", "genB"]

    assert (one.value, one.se**2) == pytest.approx((figure["AUCA"], figure["varAUCA"]), rel=1e-5)
    compared = figures["imrmc_auc_by_generator_shared_reals"][2]
    assert (two.value, two.se**2) == pytest.approx(
        (compared["AUCAminusAUCB"], compared["varAUCAminusAUCB"]), rel=1e-5
    )


def test_mrmcaov_of_r_says_the_same_of_the_same_study(folder, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")["mrmcaov_auc_by_generator_jackknife"]

    ratings, truth, arms, _ = study_of(folder, "mrmcaov_generators.csv")
    found = mrmc.obuchowski_rockette(ratings, truth, treatments=arms).differences["genA", "genB"]

    (figure,) = figures["test_diffs"]
    assert (found.value, found.se, found.df) == pytest.approx(
        (figure["Estimate"], figure["StdErr"], figure["df"]), rel=1e-4
    )


def test_rates_and_counts_come_out_of_the_table_for_lme4(folder, found):
    read = rows(folder, "lme4.csv")
    readers, images = (sorted({r[key] for r in read}) for key in ("reader", "image"))
    judged_real = np.full((len(readers), len(images)), np.nan)
    for r in read:
        if r["synthetic"] == "1":
            place = readers.index(r["reader"]), images.index(r["image"])
            judged_real[place] = 1 - int(r["judged_synthetic"])
    shown = ~np.isnan(judged_real).all(axis=0)

    rate = mrmc.proportion(judged_real[:, shown])

    reported = found["origin"]["deception_rate"]
    assert (rate.value, rate.se, rate.n) == pytest.approx(
        (reported["value"], reported["se"], reported["n"]), rel=1e-12
    )
    right = sum(int(r["right_entity"]) for r in read)
    counts = np.array(found["entity"]["all"]["confusion"]["counts"])
    assert (right, len(read)) == (counts.trace(), counts.sum())


def test_plain_answers_are_scores_of_0_and_1_and_what_is_no_first_showing_stays_away(tmp_path):
    given = [{**row, "rating": ""} for row in rows_of(raters=2)]
    again = {**given[0], "repeat": "true"}
    machine = [{**row, "rater": "m", "rater_kind": "ai"} for row in given if row["rater"] == "r0"]
    table = table_from_rows([*given, again, *machine], "x")

    folder = write_report(table, tmp_path / "report").folder

    read = rows(folder, "imrmc.csv")
    assert {r["score"] for r in read} == {"0", "1"}
    assert {r["readerID"] for r in read} == {"truth", "r0", "r1"}
    assert len(read) == 28 + 2 * 28
    assert len(rows(folder, "lme4.csv")) == 2 * 28
    assert not (folder / "exports" / "imrmc_generators.csv").exists()


def test_a_study_of_entities_alone_has_nothing_for_analyses_of_origin(tmp_path):
    given = [{**row, "rating": "", "answered_origin": ""} for row in rows_of()]

    folder = write_report(table_from_rows(given, "x"), tmp_path / "report").folder

    there = sorted(path.name for path in (folder / "exports").iterdir())
    assert there == ["analysis.R", "lme4.csv"]


def test_the_script_reads_every_file_and_column_that_is_written(folder):
    script = (folder / "exports" / "analysis.R").read_text()

    for path in (folder / "exports").glob("*.csv"):
        assert f'"{path.name}"' in script
    for name, columns in (
        ("imrmc.csv", ("readerID", "caseID", "modalityID")),
        ("mrmcaov.csv", ("reader", "treatment", "case", "truth", "rating", "answer")),
        ("lme4.csv", ("reader", "image", "synthetic", "judged_synthetic", "generator", "entity")),
    ):
        assert set(columns) <= set(rows(folder, name)[0])
        assert all(column in script for column in columns)


@pytest.mark.parametrize(
    ("program", "tables"),
    [
        ("imrmc", ["imrmc.csv", "imrmc_generators.csv"]),
        ("mrmcaov", ["mrmcaov.csv", "mrmcaov_generators.csv"]),
        ("lme4", ["lme4.csv"]),
    ],
)
def test_one_program_gets_its_tables_as_in_the_report_and_the_script_that_reads_them(
    simulated_readers, folder, tmp_path, program, tables
):
    out = tmp_path / "new" / "out"

    for _ in range(2):  # the second replaces the first
        paths = write_export(simulated_readers, out, program)

        assert [path.name for path in paths] == [*tables, "analysis.R"]
        assert sorted(out.iterdir()) == sorted(paths)
        for path in paths:
            assert path.read_bytes() == (folder / "exports" / path.name).read_bytes()


def test_an_export_spares_what_it_did_not_write(simulated_readers, folder, tmp_path):
    (tmp_path / "lme4.csv").write_text("mine")  # of that name, but without our script

    for out in (tmp_path, folder):
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

        with pytest.raises(FolderRefused, match="no earlier export for lme4"):
            write_export(simulated_readers, out, "lme4")

        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_program_that_analyses_origin_gets_nothing_where_nobody_was_asked(tmp_path):
    given = [{**row, "rating": "", "answered_origin": ""} for row in rows_of()]

    with pytest.raises(TableRefused, match=r"x: nobody was asked .* choose lme4"):
        write_export(table_from_rows(given, "x"), tmp_path / "out", "imrmc")

    assert not (tmp_path / "out").exists()
