"""The record of a study: it proves itself, and every single change of it is found."""

import csv
import json
import subprocess
import sys
from copy import deepcopy
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from evaluation import verify
from evaluation.auditing import draft_of, keep_certificate
from evaluation.closing import close_study
from evaluation.entering import debrief, describe_rater, give_consent, start_reading
from evaluation.export import VERIFIER
from evaluation.incidents import void_answer, withdraw_rater
from evaluation.invitations import invite_rater
from evaluation.models import Session
from evaluation.sealing import seal_study
from evaluation.sessions import GivenAnswer, note_shown, practise_again, record_answer, turn
from evaluation.verifying import verify_export
from tests.conftest import add_synthetic_image, square_phantom

pytestmark = pytest.mark.django_db

TIMING = {"method": "element", "hidden_ms": 3, "frame_ms": 16.7, "viewport": [1280, 720]}
DESIGNS = {
    "all at once": {
        "practice_images": 2,
        "checks": 1,
        "checks_from": "obvious",
        "checks_needed": 1,
        "corrections": True,
        "repeats_percent": 25,
        "questions": ["entity", "origin", "confidence", "quality", "marks", "reason"],
    },
    "one scale": {"questions": ["scale"], "occasions": 2, "washout_days": 0, "margin": "0.1"},
    "pairs": {"pairs": True, "questions": ["side", "confidence"]},
}


def begin(session):
    give_consent(session)
    describe_rater(session, {"role": "resident", "years_dermatology": 3})
    start_reading(session)
    session.refresh_from_db()


def read(session, given, *, again=False, correct=False):
    """Answer everything; practise twice, correct the first answer, if asked to."""
    begin(session)
    while trial := turn(session).current:
        note_shown(trial)
        record_answer(session=session, token=trial.token, key=uuid4(), given=given)
        if again and not turn(session).practice:
            practise_again(session)
            again = False
        elif correct and not turn(session).practice and turn(session).answered == 1:
            record_answer(
                session=session, token=trial.token, key=uuid4(), given=given, correction=True
            )


def said(study, number):
    """Return an answer to each of the study's questions."""
    every = {
        "entity": "mel",
        "origin": ("real", "synthetic")[number % 2],
        "side": ("left", "right")[number % 2],
        "confidence": 2 + number,
        "scale": 4 + 3 * number,
        "quality": 3,
        "marks": [[1, 2]],
        "reason": "-sure, of all\nthings",
    }
    return GivenAnswer(
        response_ms=900, timing=TIMING, **{name: every[name] for name in study.questions}
    )


def read_study(draft_with, settings):
    """Seal, read and close a small study, with what can happen on the way."""
    for entity in ("mel", "nv"):
        add_synthetic_image(
            pixels=square_phantom(entity, 77),
            name=f"obvious-{entity}",
            entity=entity,
            generator="obvious",
        )
    study = draft_with(slug="proven", entities=["mel", "nv"], raters_at_most=3, **settings)
    found = {"passed": False, "refused": False, "checks": [{"p": 0.01, "says": "leaks"}]}
    keep_certificate("proven", draft_of("proven").subject, found, b"")
    study = seal_study(study, reason="a test")
    for number in range(2):
        rater = invite_rater(study).rater
        for session in rater.sessions.order_by("occasion"):
            study_can = {"again": study.practice_images > 0, "correct": study.corrections}
            read(session, said(study, number), **(study_can if number == 0 else {}))
            debrief(session, {"ai_percent": 40, "gave_away": "=too smooth"})
    void_answer(rater.sessions.get(occasion=1), 1, reason="a fly on the screen")
    withdraw_rater(rater, reason="asked to")
    invite_rater(study)
    return close_study(study, reason="enough")


@pytest.fixture(params=DESIGNS)
def export(request, draft_with, tmp_path):
    """Return the folder of an export."""
    study = read_study(draft_with, DESIGNS[request.param])
    call_command("export_study", "proven", tmp_path / "proven.zip")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", "proven.zip", "."], cwd=tmp_path)
    folder = tmp_path / "proven"
    folder.joinpath("fingerprint").write_text(study.fingerprint)
    return folder


def is_found(folder):
    try:
        return not all(holds for _, holds in verify.checks(folder))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return True  # said as "the files are no record"


def changed(value):
    """Return a value with one of its fields changed, left out or put in twice; each in turn."""
    if isinstance(value, dict):
        for key in value:
            yield f"without {key}", {k: v for k, v in value.items() if k != key}
            for what, inner in changed(value[key]):
                yield f"{key}: {what}", {**value, key: inner}
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield f"without [{number}]", value[:number] + value[number + 1 :]
            yield f"[{number}] twice", [*value[: number + 1], *value[number:]]
            for what, inner in changed(each):
                yield f"[{number}]: {what}", [*value[:number], inner, *value[number + 1 :]]
    elif isinstance(value, bool) or value is None:
        yield f"{value}", 0 if value is None else not value
    elif isinstance(value, str):
        yield f"'{value}'", ("0" if value[:1] != "0" else "1") + value[1:]
    else:
        yield f"{value}", value + 1


def test_an_export_holds_by_itself_on_any_computer(export, tmp_path):
    record = json.loads((export / "record.json").read_text())
    receipt = record["sessions"][0]["head"]
    known = [(export / "fingerprint").read_text(), receipt]

    def verified(*arguments):
        command = [sys.executable, "-I", "-S", export / "verify.py", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert verified(export, *known) == (0, "Everything holds.\n")
    status, told = verified(export, "ab" * 32)
    assert (status, told) == (1, f"CHANGED: {'ab' * 32}: not in this record\n")
    (export / "record.json").write_text("{}")
    assert verified(export)[0] == 1


def test_every_single_change_of_the_record_and_the_protocol_is_found(export):
    assert not is_found(export)
    for name in ("record.json", "protocol.json"):
        written = (export / name).read_text()
        missed, tried = [], 0
        for what, other in changed(json.loads(written)):
            (export / name).write_text(json.dumps(other))
            tried += 1
            if not is_found(export):
                missed.append(what)
        (export / name).write_text(written)
        assert tried > (300 if name == "record.json" else 50)
        assert not missed


def test_every_single_change_of_the_tables_is_found(export):
    for name in ("answers.csv", "raters.csv"):
        written = (export / name).read_text()
        with (export / name).open(newline="") as file:
            table = list(csv.reader(file))
        for line, row in enumerate(table):
            for column in range(len(row)):
                other = deepcopy(table)
                other[line][column] += "1"
                with (export / name).open("w", newline="") as file:
                    csv.writer(file, lineterminator="\n").writerows(other)
                assert is_found(export), f"{name}, line {line}, {table[0][column]}"
        (export / name).write_text(written)
    assert not is_found(export)


def test_the_command_says_what_holds_and_what_was_changed(export, tmp_path, capsys):
    call_command("verify_study", tmp_path / "proven.zip", (export / "fingerprint").read_text())
    told = capsys.readouterr().out
    assert "orders follow from the seed" in told
    assert "Everything holds" in told

    record = json.loads((export / "record.json").read_text())
    session = next(each for each in record["sessions"] if each["answers"])
    session["answers"][0]["response_ms"] += 1
    (export / "record.json").write_text(json.dumps(record))
    with pytest.raises(CommandError, match=r"2 of .* checks fail"):
        call_command("verify_study", export)
    assert f"CHANGED  answers of {session['session']}" in capsys.readouterr().out


def test_orders_that_somebody_chose_are_found(export):
    """A seal over lists that the seed does not give: the seal holds, the draw does not."""
    record = json.loads((export / "record.json").read_text())
    first = record["lists"][0]["showings"]
    first[-1], first[-2] = first[-2], first[-1]
    (export / "record.json").write_text(json.dumps(record))

    holds = dict(verify_export(export))

    assert not holds["orders follow from the seed"]
    assert not holds["draw and orders"]


@pytest.mark.parametrize("export", ["pairs"], indirect=True)
def test_an_answer_changed_in_the_database_itself_is_found(export, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE evaluation_answer DISABLE TRIGGER USER")
        cursor.execute("UPDATE evaluation_answer SET confidence = 5 WHERE confidence = 2")
        assert cursor.rowcount
        cursor.execute("ALTER TABLE evaluation_answer ENABLE TRIGGER USER")
    call_command("export_study", "proven", tmp_path / "again.zip")

    holds = verify_export(tmp_path / "again.zip")

    code = Session.objects.order_by("pk").first().rater.code
    assert (f"answers of {code}-1", False) in holds


@pytest.mark.parametrize("export", ["pairs"], indirect=True)
def test_what_is_no_export_is_said_in_a_line(export, tmp_path):
    (tmp_path / "notes.txt").write_text("no zip")
    (export / "record.json").unlink()

    with pytest.raises(CommandError, match="cannot be read as a zip"):
        call_command("verify_study", tmp_path / "notes.txt")
    with pytest.raises(CommandError, match="is no record of a study"):
        call_command("verify_study", export)


def test_the_verifier_stays_short_and_needs_nothing():
    lines = VERIFIER.read_text().splitlines()
    imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}

    assert len(lines) <= 150
    assert imported <= set(sys.stdlib_module_names)
