"""The data of a closed study as files."""

import csv
import io
import json
import zipfile
from hashlib import sha256
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from analysis.closed_study import closed_study
from analysis.table import read_answers
from evaluation.closing import close_study
from evaluation.entering import debrief, describe_rater, give_consent, start_reading
from evaluation.export import export_study
from evaluation.invitations import invite_rater
from evaluation.models import AuditEvent
from evaluation.sessions import GivenAnswer, record_answer, turn

pytestmark = pytest.mark.django_db

REASON = '=HYPERLINK("x"), said "so";\nand on'


@pytest.fixture
def study(sealed_with):
    """Return a sealed study that one rater has read."""
    study = sealed_with(
        slug="told", questions=["entity", "origin", "confidence", "quality", "marks", "reason"]
    )
    session = invite_rater(study, label="Dr A").rater.sessions.get()
    give_consent(session)
    describe_rater(session, {"role": "resident", "years_dermatology": 3})
    start_reading(session)
    given = GivenAnswer(
        response_ms=900,
        entity="nv",
        origin="real",
        confidence=4,
        quality=2,
        marks=[[3, 40]],
        reason=REASON,
        timing={"method": "element", "hidden_ms": 12},
    )
    while trial := turn(session).current:
        record_answer(session=session, token=trial.token, key=uuid4(), given=given)
    debrief(session, {"ai_percent": 40})
    return study


def files_of(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_data_hold_all_that_raters_said_and_the_report_reads_them_back(study, tmp_path):
    close_study(study)
    call_command("export_study", "told", tmp_path / "told.zip")
    files = files_of((tmp_path / "told.zip").read_bytes())

    answers = list(csv.DictReader(io.StringIO(files["told/answers.csv"])))
    assert len(answers) == 14
    assert {row["rater"] for row in answers} == {study.raters.get().code}
    for row in answers:
        assert json.loads(row["marks"]) == [[3, 40]]
        assert (row["confidence"], row["quality"], row["hidden_ms"]) == ("4", "2", "12")
        assert row["reason"] == f"'{REASON}"  # no formula to a spreadsheet
        assert (row["rater_role"], row["rater_experience"]) == ("resident", "3")
        assert row["rater_dermoscopy"] == ""  # was not said
    [rater] = csv.DictReader(io.StringIO(files["told/raters.csv"]))
    assert (rater["role"], rater["years_dermatology"], rater["ai_percent"]) == (
        "resident",
        "3",
        "40",
    )
    assert "Dr A" not in "".join(files.values())
    assert json.loads(files["told/protocol.json"])["study"] == "told"
    assert sha256(files["told/protocol.json"].encode()).hexdigest() == study.protocol_sha256

    (tmp_path / "answers.csv").write_text(files["told/answers.csv"])
    one, other = closed_study("told"), read_answers(tmp_path / "answers.csv", study.entities)
    assert {name: one.text(name).tolist() for name in one.texts} == {
        name: other.text(name).tolist() for name in other.texts
    }
    assert one.number("response_ms").tolist() == other.number("response_ms").tolist()


def test_every_column_is_explained(study):
    close_study(study)
    files = files_of(export_study(study))
    explained = {
        (row["file"], row["column"])
        for row in csv.DictReader(io.StringIO(files["told/dictionary.csv"]))
    }

    for file in ("answers.csv", "raters.csv"):
        for column in next(csv.reader(io.StringIO(files[f"told/{file}"]))):
            assert (file, column) in explained


def test_nothing_is_written_before_the_study_is_closed(study, tmp_path, admin_client):
    with pytest.raises(CommandError, match="still blinded"):
        call_command("export_study", "told", tmp_path / "told.zip")

    assert not list(tmp_path.iterdir())
    address = reverse("admin:evaluation_study_export", args=[study.pk])
    assert admin_client.get(address).status_code == 404


def test_a_coordinator_downloads_the_data_and_the_trail_says_so(study, admin_client):
    close_study(study)
    page = admin_client.get(reverse("admin:evaluation_study_change", args=[study.pk]))
    address = reverse("admin:evaluation_study_export", args=[study.pk])
    assert address in page.content.decode()

    response = admin_client.get(address)

    assert set(files_of(response.content)) == {
        f"told/{name}"
        for name in (
            "answers.csv",
            "raters.csv",
            "dictionary.csv",
            "protocol.json",
            "record.json",
            "verify.py",
        )
    }
    assert AuditEvent.objects.filter(act="export_study").exists()


def test_the_protocol_can_be_had_and_published_once_it_is_sealed(study, draft, admin_client):
    page = admin_client.get(reverse("admin:evaluation_study_change", args=[study.pk]))
    address = reverse("admin:evaluation_study_protocol", args=[study.pk])
    assert address in page.content.decode()

    protocol = admin_client.get(address).content

    assert sha256(protocol).hexdigest() == study.protocol_sha256
    unsealed = reverse("admin:evaluation_study_protocol", args=[draft.pk])
    assert admin_client.get(unsealed).status_code == 404


def test_a_folder_that_is_not_there_is_said(study):
    close_study(study)
    with pytest.raises(CommandError, match="folder does not exist"):
        call_command("export_study", "told", "/nowhere/at/all.zip")
