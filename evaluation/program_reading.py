"""Reading by any program: started once, told a JSON line a trial, it answers with another.

It gets what `machine_reading` gives a machine and nothing else, neither the settings of this server
nor an identifier. What it writes to its standard error reaches whoever started it.
"""

import base64
import hashlib
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType

from evaluation.design.questions import LONGEST_REASON, QUALITY_LEVELS, Question
from evaluation.errors import EvaluationError
from evaluation.machine_reading import Asked, MachineFailed, OnStep, Said, read_by_machine
from evaluation.models import Origin, Side

#: What a program can answer.
ANSWERS = tuple(question for question in Question if question != Question.MARKS)
SILENCE_S = 600.0  # for one answer; the first one may wait for a model to be loaded
GRACE_S = 10.0  # to end by itself when all is read
LONGEST_LINE = 100_000  # bytes
LONGEST_NAME = 120  # of a rater
#: What this server is told by its environment, and a rater is not.
OWN_SETTINGS = ("DERMTURING_", "DATABASE_URL", "DJANGO_", "PG")


def read_by_program(study: str, command: str, *, on_step: OnStep | None = None) -> str:
    """Let a program read a sealed study as a rater of kind AI; a reading that was begun goes on.

    Args:
        study: its short name.
        command: the program and its arguments, as a shell would part them; no shell is started.
        on_step: told how many trials of how many are done.

    Returns:
        The rater's code.

    Raises:
        MachineFailed: the program did not answer a trial; those before it are answered.
        EvaluationError: it cannot be started, or the study is not open.
    """
    with Program(command) as program:
        rater = read_by_machine(
            study,
            program,
            answers=ANSWERS,
            name=_rater_name(command),
            model=program.model,
            on_step=on_step,
        )
    return rater.code


class Program:
    """A program that reads, to be started by `with`; called with a trial, it answers."""

    def __init__(self, command: str, *, silence: float = SILENCE_S) -> None:
        """Find it.

        Args:
            command: see `read_by_program`.
            silence: seconds that an answer may take.

        Raises:
            EvaluationError: there is no such program.
        """
        try:
            self.words = shlex.split(command)
        except ValueError as problem:
            raise EvaluationError(f"--program {command}: {problem}; mend the quotes") from problem
        found = shutil.which(self.words[0]) if self.words else None
        if found is None:
            raise EvaluationError(
                f"--program {command}: {self.words[0] if self.words else 'nothing'} is no program "
                "that can be started here; give its path, and make it executable, or begin with "
                "what runs it, such as python3"
            )
        self.silence = silence
        files = {word: Path(word) for word in self.words[1:] if Path(word).is_file()}
        hashes = {self.words[0]: Path(found), **files}
        self.model = "; ".join(
            [command, *(f"{word} {_sha256(path)}" for word, path in hashes.items())]
        )

    def __enter__(self) -> "Program":
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)
        }
        try:
            self.process = subprocess.Popen(
                self.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the command, which ends it
            )
        except OSError as problem:
            raise EvaluationError(
                f"--program {self.words[0]} cannot be started: {problem.strerror}"
            ) from problem
        assert self.process.stdin
        assert self.process.stdout
        self.told, self.said = self.process.stdin, self.process.stdout
        self.waiting = ThreadPoolExecutor(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it: by itself if all went well."""
        if kind is None:
            self.told.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_S)
        self._kill()
        self.waiting.shutdown()
        self.told.close()
        self.said.close()

    def __call__(self, stimuli: tuple[bytes, ...], asked: Asked) -> Said:
        """Return what the program says in a trial.

        Raises:
            MachineFailed: it is silent, has ended, or does not say what is asked.
        """
        told = {
            "questions": [question for question in asked.questions if question in ANSWERS],
            "entities": asked.entities,
            "confidence_levels": asked.confidence_levels,
            "stimuli": [base64.b64encode(stimulus).decode() for stimulus in stimuli],
        }
        self._refuse_unasked()
        answer = self.waiting.submit(self._exchange, json.dumps(told).encode() + b"\n")
        try:
            line = answer.result(self.silence)
        except TimeoutError as problem:
            self._kill()
            raise MachineFailed(
                f"the program has not answered within {self.silence:g} s; it must write one line a "
                "trial and flush it, in Python by print(..., flush=True)"
            ) from problem
        if not line:
            raise MachineFailed(self._end())
        return said_in(line, asked)

    def _refuse_unasked(self) -> None:
        """Refuse what was written between the trials, which would be taken for the next answer."""
        if select.select([self.said], [], [], 0)[0] and (
            line := os.read(self.said.fileno(), LONGEST_LINE)
        ):
            raise MachineFailed(
                f"before it was asked the program wrote {_shown(line)}; it must write one line "
                "a trial, and all else to its standard error"
            )

    def _exchange(self, line: bytes) -> bytes:
        """Write a trial and return the answer; nothing if the program has ended."""
        left = memoryview(line)
        try:
            while left:
                left = left[self.told.write(left) :]
        except BrokenPipeError:
            return b""
        return self.said.readline(LONGEST_LINE)

    def _end(self) -> str:
        """Return how the program ended without an answer."""
        mend = "what it said of that stands above; mend it, and the same command goes on here"
        try:
            status = self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return f"the program closed its standard output before it answered; {mend}"
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return f"the program ended {how} before it answered; {mend}"

    def _kill(self) -> None:
        """End the program and what it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def said_in(line: bytes, asked: Asked) -> Said:
    """Return the answers in a line of JSON, by question.

    Raises:
        MachineFailed: it is no JSON object, answers what is not asked, or answers otherwise than
            raters can.
    """
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise MachineFailed(
            f"the program wrote {_shown(line)}, which is no JSON object; it must write one line "
            'such as {"entity": "mel"}, and all else to its standard error'
        )
    questions = [question for question in asked.questions if question in ANSWERS]
    if strange := [name for name in given if name not in questions]:
        raise MachineFailed(
            f"the program answered '{strange[0]}', which is not asked; asked are "
            f"{', '.join(questions)}"
        )
    answers = {name: value for name, value in given.items() if value is not None}
    checks = _checks(asked)
    for name, value in answers.items():
        if wanted := checks[name](value):
            raise MachineFailed(f"the program answered {json.dumps(value)} for {name}; {wanted}")
    for one, other in (("origin", "confidence"), ("confidence", "origin"), ("side", "confidence")):
        if one in answers and other in questions and other not in answers:
            raise MachineFailed(
                f"the program answered {one} and not {other}; answer both, or neither"
            )
    if Question.SIDE in questions and "side" not in answers:
        raise MachineFailed("the program did not answer side, which every trial of pairs needs")
    if not {"entity", "origin", "side", "scale"} & {*answers}:
        raise MachineFailed(
            f"the program answered none of {', '.join(questions)}; answer one at least"
        )
    return Said(**answers)


def _checks(asked: Asked) -> dict[str, Callable[[object], str]]:
    """Return what says how an answer to each question is to be given, "" if it is so."""

    def one_of(choices: tuple[str, ...], value: object) -> str:
        return "" if value in choices else f"use one of {', '.join(choices)}"

    def up_to(most: int, value: object) -> str:
        right = type(value) is int and 1 <= value <= most
        return "" if right else f"use a whole number from 1 to {most}"

    def text(value: object) -> str:
        right = isinstance(value, str) and len(value) <= LONGEST_REASON
        return "" if right else f"use a text of {LONGEST_REASON} characters at most"

    levels = asked.confidence_levels
    return {
        Question.ENTITY: partial(one_of, asked.entities),
        Question.ORIGIN: partial(one_of, tuple(Origin.values)),
        Question.SIDE: partial(one_of, tuple(Side.values)),
        Question.CONFIDENCE: partial(up_to, levels),
        Question.SCALE: partial(up_to, 2 * levels),
        Question.QUALITY: partial(up_to, QUALITY_LEVELS),
        Question.REASON: text,
    }


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rater_name(command: str) -> str:
    """Return what coordinators read; two commands have two names, however long."""
    name = f"AI + {command}"
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(command.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - len(digest) - 2]}… {digest}"
