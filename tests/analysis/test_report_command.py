"""`manage.py report`, as typed."""

import csv
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.analysis.conftest import rows_of


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.csv"
    rows = rows_of(raters=1)
    with path.open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def manage(*words, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", "report", *map(str, words)],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_table_of_answers_needs_no_database(answers, tmp_path):
    done = manage(
        "--answers",
        answers,
        "--out",
        tmp_path / "out",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"report written: {tmp_path / 'out' / 'index.html'}"
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_bad_table_ends_with_one_line_and_status_1_and_nothing_written(answers, tmp_path):
    answers.write_text(answers.read_text().replace(",real,", ",genuine,", 1))

    done = manage("--answers", answers, "--out", tmp_path / "out")

    assert done.returncode == 1
    assert done.stderr.strip() == (
        "CommandError: answers.csv, row 2: origin 'genuine' is unknown; use real or synthetic"
    )
    assert not (tmp_path / "out").exists()


def test_a_study_or_a_table_must_be_named_and_not_both(answers, tmp_path):
    for words in ([], ["study", "--answers", answers]):
        done = manage(*words, "--out", tmp_path / "out")

        assert done.returncode == 1
        assert "name a study, or a table with --answers FILE.csv" in done.stderr
        assert done.stderr.count("\n") == 1


def test_an_unreachable_database_gets_one_line(tmp_path):
    done = manage(
        "study", "--out", tmp_path / "out", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )

    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: the database cannot be reached")
    assert done.stderr.count("\n") == 1


def test_one_format_alone_is_written(answers, tmp_path):
    done = manage("--answers", answers, "--out", tmp_path / "out", "--format", "lme4")

    assert (done.returncode, done.stderr) == (0, "")
    written = [tmp_path / "out" / name for name in ("lme4.csv", "analysis.R")]
    assert done.stdout.split() == [str(path) for path in written]
    with written[0].open() as exported, answers.open() as given:
        rows = list(csv.DictReader(exported))
        assert {
            (row["reader"], row["image"], row["answered_entity"], float(row["response_ms"]))
            for row in rows
        } == {
            (row["rater"], row["image"], row["answered_entity"], float(row["response_ms"]))
            for row in csv.DictReader(given)
        }


def test_a_margin_fixed_before_the_data_comes_with_the_table(answers, tmp_path):
    done = manage("--answers", answers, "--out", tmp_path / "out", "--margin", "0.1")

    assert (done.returncode, done.stderr) == (0, "")
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    assert numbers["findings"]["facts"]["margin"] == 0.1
    assert numbers["findings"]["chapters"]["verdict"]["measures"]["deception_rate"]["margin"] == 0.1


def test_a_margin_that_makes_no_sense_or_is_not_the_studys_is_refused(answers, tmp_path):
    for words, problem in (
        (["--answers", answers, "--margin", "0.5"], "choose between 0 and 0.5"),
        (["--answers", answers, "--margin", "nan"], "choose between 0 and 0.5"),
        (["study", "--margin", "0.1"], "a study brings the margin of its protocol"),
        (["--answers", answers, "--margin", "0.1", "--format", "lme4"], "leave out --margin"),
    ):
        done = manage(*words, "--out", tmp_path / "out")

        assert done.returncode == 1
        assert problem in done.stderr
        assert done.stderr.count("\n") == 1
