"""Programs that read: what they are told, what is taken from them, how they fail."""

import base64
import hashlib
import json
import shlex
import sys

import pytest
from django.core.management import CommandError, call_command

from evaluation import program_reading
from evaluation.errors import EvaluationError
from evaluation.machine_reading import Asked, MachineFailed, Said, read_by_machine
from evaluation.models import Answer, Rater
from evaluation.program_reading import Program, read_by_program, said_in

ASKED = Asked(("entity", "origin", "confidence"), ("mel", "nv"), 5)
PAIRS = Asked(("side", "confidence"), ("mel", "nv"), 5)
RIGHT = '{"entity": "nv", "origin": "real", "confidence": 2}'


@pytest.fixture
def program(tmp_path):
    """Write a program whose loop does what is said with each line; return its command."""

    def write(*body, before="", name="reader.py"):
        file = tmp_path / name
        loop = "".join(f"    {line}\n" for line in body)
        file.write_text(f"import json, os, sys, time\n{before}\nfor line in sys.stdin:\n{loop}")
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(file))}"

    return write


def test_a_program_is_told_the_stimuli_and_the_questions_and_nothing_else(
    sealed, program, tmp_path, monkeypatch
):
    monkeypatch.setenv("DERMTURING_SECRET_KEY", "secret")
    monkeypatch.setenv("API_KEY", "own")
    log = tmp_path / "log"
    command = program(
        f"open({str(log)!r}, 'a').write(line)",
        f"print({RIGHT!r}, flush=True)",
        before=f"open({str(log)!r}, 'w').write(json.dumps(dict(os.environ)) + '\\n')",
    )

    code = read_by_program(sealed.slug, command)

    environment, *told = [json.loads(line) for line in log.read_text().splitlines()]
    rater = sealed.raters.get(code=code)
    trials = list(rater.sessions.get().trials.order_by("position"))
    shown = [trial.stimulus.file.open("rb").read() for trial in trials]
    assert [[base64.b64decode(s) for s in one.pop("stimuli")] for one in told] == [
        [file] for file in shown
    ]
    assert all(
        one
        == {
            "questions": sealed.questions,
            "entities": sealed.entities,
            "confidence_levels": sealed.confidence_levels,
        }
        for one in told
    )
    assert shown[0].startswith(b"\x89PNG")
    assert environment["API_KEY"] == "own"
    assert not [
        name for name in environment if name.startswith(("DERMTURING", "DATABASE", "DJANGO", "PG"))
    ]
    answers = Answer.objects.filter(trial__session__rater=rater)
    assert {(a.entity, a.origin, a.confidence) for a in answers} == {("nv", "real", 2)}
    assert len(answers) == len(trials)


def test_the_audit_trail_keeps_the_command_and_the_hashes_of_its_files(sealed, program, tmp_path):
    command = program(f"print({RIGHT!r}, flush=True)")

    read_by_program(sealed.slug, command)

    (event,) = sealed.events.filter(act="read_by_machine")
    digest = hashlib.sha256((tmp_path / "reader.py").read_bytes()).hexdigest()
    assert event.detail["model"].startswith(f"{command}; ")
    assert event.detail["model"].endswith(f"reader.py {digest}")
    assert sealed.raters.get().label.startswith("AI + ")


def test_a_mended_program_goes_on_as_the_same_rater_and_the_trail_says_that_it_changed(
    sealed, program
):
    command = program(
        "done += 1",
        "done > 3 and sys.exit(7)",
        f"print({RIGHT!r}, flush=True)",
        before="done = 0",
    )
    total = sealed.reading_lists.first().showings
    with pytest.raises(CommandError) as failed:
        call_command("ai_rater", sealed.slug, "--program", command)
    answered = Answer.objects.count()

    program(f"print({RIGHT!r}, flush=True)")
    read_by_program(sealed.slug, command)

    assert str(failed.value).startswith(f"trial 4 of {len(total)}: the program ended with status 7")
    assert answered == 3
    assert sealed.raters.count() == 1
    assert Answer.objects.count() == len(total)
    one, other = sealed.events.filter(act="read_by_machine").order_by("pk")
    assert one.detail["rater"] == other.detail["rater"]
    assert one.detail["model"] != other.detail["model"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit(3)", r"the program ended with status 3 before it answered; .* same command"),
        ("os.kill(os.getpid(), 9)", "the program ended by signal 9 before it answered"),
        ("print('melanoma', flush=True)", "wrote 'melanoma', which is no JSON object"),
        ("print(flush=True)", "wrote '', which is no JSON object"),
        ("print('[' * 200_000, flush=True)", "which is no JSON object"),
        ("print('[1]', flush=True)", r"wrote '\[1\]', which is no JSON object"),
        ("""print('{"entity": "wart"}', flush=True)""", 'answered "wart" for entity; use one of'),
        ("time.sleep(60)", r"has not answered within 1 s; .* flush=True"),
        ("pass", "has not answered within 1 s"),
    ],
)
def test_what_a_program_does_wrong_is_told_with_the_mend(program, body, said):
    with pytest.raises(MachineFailed, match=said), Program(program(body), silence=1) as started:
        started((b"stimulus" * 20_000,), ASKED)

    assert started.process.poll() is not None


def test_more_than_a_line_a_trial_is_not_taken_for_the_next_answer(sealed, program):
    command = program(f"print({RIGHT!r}); print('done', flush=True)")

    with pytest.raises(
        MachineFailed, match=r"trial 2 of \d+: before it was asked the program wrote 'done'"
    ):
        read_by_program(sealed.slug, command)

    assert Answer.objects.count() == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program --fast", "no-such-program is no program that can be started here"),
        ("'unfinished", "No closing quotation; mend the quotes"),
        ("'' x", "is no program"),
    ],
)
def test_a_program_that_is_not_there_is_refused(command, said):
    with pytest.raises(EvaluationError, match=said):
        Program(command)


def test_what_cannot_be_started_uses_up_no_reading_list(sealed, tmp_path):
    file = tmp_path / "reader"
    file.write_text("no program")
    file.chmod(0o755)

    for command, said in (
        (str(file), "cannot be started: Exec format error"),
        ("no-such-program", "is no program that can be started here"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("ai_rater", sealed.slug, "--program", command)

    assert not sealed.raters.exists()


def test_its_standard_error_reaches_whoever_started_it_and_no_shell_is_between(
    sealed, program, capfd
):
    command = program(
        f"print({RIGHT!r}, flush=True)", before="print(sys.argv[1:], file=sys.stderr)"
    )

    call_command("ai_rater", sealed.slug, "--program", f"{command} '$HOME;' 'two words'")

    told = capfd.readouterr()
    assert "['$HOME;', 'two words']" in told.err
    assert "make sure that none of it is shown" in told.out
    assert sealed.raters.filter(kind=Rater.Kind.AI).count() == 1


def test_a_program_that_goes_on_when_all_is_read_is_ended(sealed, program, monkeypatch):
    monkeypatch.setattr(program_reading, "GRACE_S", 0.2)
    file = program(f"print({RIGHT!r}, flush=True)")
    path = shlex.split(file)[1]
    with open(path, "a") as more:
        more.write("time.sleep(600)\n")

    with Program(file) as started:
        started((b"x",), ASKED)

    assert started.process.poll() == -9


@pytest.mark.parametrize(
    ("asked", "line", "said"),
    [
        (ASKED, {"origin": "real", "confidence": 6}, "6 for confidence; use a whole number from 1"),
        (ASKED, {"origin": "real", "confidence": 0}, "from 1 to 5"),
        (ASKED, {"origin": "real", "confidence": 2.5}, "2.5 for confidence; use a whole number"),
        (ASKED, {"origin": "real", "confidence": True}, "true for confidence"),
        (ASKED, {"origin": "fake", "confidence": 1}, '"fake" for origin; use one of real, synth'),
        (ASKED, {"entity": ["mel"]}, r'\["mel"\] for entity; use one of mel, nv'),
        (ASKED, {"diagnosis": "mel"}, "'diagnosis', which is not asked; asked are entity, origin"),
        (ASKED, {"origin": "real"}, "answered origin and not confidence"),
        (ASKED, {"entity": "mel", "confidence": 3}, "answered confidence and not origin"),
        (ASKED, {}, "answered none of entity, origin, confidence"),
        (ASKED, {"entity": None}, "answered none of"),
        (PAIRS, {}, "did not answer side"),
        (PAIRS, {"side": "left"}, "answered side and not confidence"),
    ],
)
def test_answers_that_raters_could_not_give_are_refused(asked, line, said):
    with pytest.raises(MachineFailed, match=said):
        said_in(json.dumps(line).encode(), asked)


def test_what_a_program_cannot_say_may_stay_empty():
    origin = said_in(b'{"origin": "synthetic", "confidence": 5, "entity": null}', ASKED)
    entity = said_in(b'{"entity": "mel"}', ASKED)
    scale = Asked(("scale", "quality", "reason", "marks"), (), 3)

    assert (origin.entity, origin.origin, origin.confidence) == ("", "synthetic", 5)
    assert (entity.entity, entity.origin, entity.confidence) == ("mel", "", None)
    assert said_in(b'{"scale": 6, "reason": "blur"}', scale).reason == "blur"
    with pytest.raises(MachineFailed, match="7 for scale; use a whole number from 1 to 6"):
        said_in(b'{"scale": 7}', scale)


def test_of_a_pair_a_program_gets_both_images_from_left_to_right(sealed_with, program):
    pairs = sealed_with(slug="pairs", pairs=True, questions=["side", "confidence"], seed=1)
    command = program(
        "left, right = json.loads(line)['stimuli']",
        "print(json.dumps({'side': 'left' if left < right else 'right', 'confidence': 1}), "
        "flush=True)",
    )

    code = read_by_program("pairs", command)

    for trial in pairs.raters.get(code=code).sessions.get().trials.all():
        left, right = (
            base64.b64encode(each.file.open("rb").read()) for each in (trial.stimulus, trial.beside)
        )
        assert trial.answers.get().side == ("left" if left < right else "right")


def test_a_machine_that_answers_nothing_is_told_so(sealed):
    with pytest.raises(MachineFailed, match=r"trial 1 of \d+: the machine answered none of entity"):
        read_by_machine(sealed.slug, lambda *_: Said(), answers=("entity",), name="n", model="m")
