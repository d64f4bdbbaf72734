"""Reading by a machine: a model reads a study as a rater of kind AI, blinded as people are.

It gets what a rater's browser gets, the stimuli of its own order, one after the other, through the
services behind the pages, and answers through them. Nothing else of a study reaches it.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db.models import Q

from evaluation.audit_trail import record_event
from evaluation.design.questions import Question, rating
from evaluation.entering import give_consent, start_reading
from evaluation.errors import EvaluationError, StudyNotOpen
from evaluation.invitations import invite_rater
from evaluation.models import Origin, Rater, Session, Side, StimulusTruth, Study
from evaluation.sessions import GivenAnswer, record_answer, stimulus_bytes, turn
from evaluation.studies import get_study

OnStep = Callable[[int, int], None]

#: An answer says at least one of these.
MAIN = (Question.ENTITY, Question.ORIGIN, Question.SIDE, Question.SCALE)


@dataclass(frozen=True)
class Asked:
    """What a study asks in each trial.

    Attributes:
        questions: in the order of its pages.
        entities: the codes to choose from.
        confidence_levels: how sure one may be, from 1; the one scale has twice as many levels.
    """

    questions: tuple[str, ...]
    entities: tuple[str, ...]
    confidence_levels: int


@dataclass(frozen=True)
class Said:
    """What a machine answers in one trial, by question; what it cannot say is empty.

    See `evaluation.sessions.GivenAnswer`. What is not asked is dropped.
    """

    entity: str = ""
    origin: str = ""
    side: str = ""
    confidence: int | None = None
    scale: int | None = None
    quality: int | None = None
    reason: str = ""


#: From the files of a trial's stimuli, as raters get them (two in a pair), to the answers.
Machine = Callable[[tuple[bytes, ...], Asked], Said]


class MachineFailed(EvaluationError):
    """A machine did not answer, or not what was asked; the message says how to mend it."""


def judged(asked: Asked, entity: str = "", synthetic: Sequence[float] = ()) -> Said:
    """Return the answers that follow from a diagnosis and from what is likely synthetic.

    Confidence is how far a probability lies from one half, or two lie apart, in even steps.

    Args:
        asked: by the study.
        entity: the code of one that is asked for.
        synthetic: the probability that each stimulus is synthetic; empty if nothing is known.
    """
    if not synthetic:
        return Said(entity)
    levels = asked.confidence_levels
    if len(synthetic) == 2:
        ahead = synthetic[0] - synthetic[1]
        side = Side.LEFT if ahead > 0 else Side.RIGHT
        return Said(side=side, confidence=_level(abs(ahead), levels))
    origin = Origin.SYNTHETIC if synthetic[0] > 0.5 else Origin.REAL
    confidence = _level(abs(2 * synthetic[0] - 1), levels)
    return Said(entity, origin, confidence=confidence, scale=rating(origin, confidence, levels))


def _level(sure: float, levels: int) -> int:
    """Return the level of a certainty from 0 to 1; levels part it evenly."""
    return 1 + min(int(sure * levels), levels - 1)


def shows_any_of(
    slug: str, *, digests: Collection[str], lesions: Collection[str], names: Collection[str] = ()
) -> bool:
    """Tell whether a study shows images, or lesions, that a machine was trained on.

    Args:
        slug: of the study.
        digests: SHA-256 of the originals.
        lesions: what they are called.
        names: of images, where no other image can have them.

    Raises:
        UnknownStudy: there is no such study.
    """
    trained = Q(original_sha256__in=digests) | Q(lesion__in=lesions) | Q(name__in=names)
    return StimulusTruth.objects.filter(trained, stimulus__study=get_study(slug)).exists()


def read_by_machine(
    slug: str,
    machine: Machine,
    *,
    answers: Collection[str],
    name: str,
    model: str,
    on_step: OnStep | None = None,
) -> Rater:
    """Let a machine read a sealed study as a rater of kind AI; a reading that was begun goes on.

    Args:
        slug: of the study.
        machine: what reads.
        answers: questions that it can answer; others stay empty.
        name: of the rater, for coordinators; the data have a code.
        model: what the machine is, with the hash of its weights; kept in the audit trail.
        on_step: told how many trials of how many are done.

    Returns:
        The rater.

    Raises:
        UnknownStudy: there is no such study.
        StudyNotOpen: it is not open, or all its reading lists are given out.
        MachineFailed: it did not answer a trial; those before it are answered.
        EvaluationError: the study asks nothing that the machine can answer.
    """
    study = get_study(slug)
    if not {*answers} & {*study.questions} - {Question.CONFIDENCE}:
        raise EvaluationError(
            f"study '{slug}' asks for {', '.join(study.questions)}, and this machine answers "
            f"{', '.join(answers)} only"
        )
    if not study.takes_answers:
        raise StudyNotOpen(f"study '{slug}' takes no answers; seal it, and open it, first")
    rater = study.raters.filter(kind=Rater.Kind.AI, label=name).first()
    if rater is None:
        rater = invite_rater(study, label=name, kind=Rater.Kind.AI).rater
    readings = study.events.filter(act="read_by_machine", detail__rater=rater.code)
    last = readings.order_by("pk").last()
    if last is None or last.detail["model"] != model:  # changed since the reading began
        record_event("read_by_machine", study=study, rater=rater.code, model=model)
    sessions = [each for each in rater.sessions.order_by("occasion") if each.is_open]
    for session in sessions:
        _read(session, study, machine, on_step)
    return rater


def _read(session: Session, study: Study, machine: Machine, on_step: OnStep | None) -> None:
    asked = Asked(tuple(study.questions), tuple(study.entities), study.confidence_levels)
    give_consent(session)
    start_reading(session)
    total = session.trials.count()
    while trial := turn(session).current:
        done = session.trials.filter(answered=True).count()
        began = time.monotonic()
        files = [stimulus_bytes(session.key, trial.token)]
        if study.pairs:
            files.append(stimulus_bytes(session.key, trial.token, beside=True))
        stimuli = tuple(file for file in files if file)
        if len(stimuli) != len(files):
            raise StudyNotOpen(f"study '{study.slug}' handed out no image; is it open still?")
        try:
            answers = _answers(machine(stimuli, asked), asked)
        except MachineFailed as problem:
            raise MachineFailed(f"trial {done + 1} of {total}: {problem}") from problem
        spent = max(1, round(1000 * (time.monotonic() - began)))
        given = GivenAnswer(response_ms=spent, **answers)
        record_answer(session=session, token=trial.token, key=uuid4(), given=given)
        if on_step:
            on_step(done + 1, total)


def _answers(said: Said, asked: Asked) -> dict[str, Any]:
    """Return what was said of what is asked."""
    answers = {name: value for name, value in vars(said).items() if name in asked.questions}
    if not any(answers.get(name) for name in MAIN):
        raise MachineFailed(
            f"the machine answered none of {', '.join(q for q in asked.questions if q in MAIN)}"
            + ("; name a detector of origin" if Question.SIDE in asked.questions else "")
        )
    return answers
