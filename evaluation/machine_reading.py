"""Reading by a machine: a model reads a study as a rater of kind AI, blinded as people are.

It gets what a rater's browser gets, the stimuli of its own order, one after the other, through the
services behind the pages, and answers through them. Nothing else of a study reaches it.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Asked:
    """What a study asks of each stimulus: its questions, and the entities to choose from."""

    questions: frozenset[str]
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What a machine makes of one stimulus; what it cannot say is empty.

    Attributes:
        entity: the code of one that is asked for.
        synthetic: the probability that the image is synthetic.
    """

    entity: str = ""
    synthetic: float | None = None


#: From the file of a stimulus, as raters get it, to what the machine says of it.
Machine = Callable[[bytes, Asked], Said]


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
        record_event("read_by_machine", study=study, rater=rater.code, model=model)
    sessions = [each for each in rater.sessions.order_by("occasion") if each.is_open]
    for session in sessions:
        _read(session, study, machine, on_step)
    return rater


def _read(session: Session, study: Study, machine: Machine, on_step: OnStep | None) -> None:
    asked = Asked(frozenset(study.questions), tuple(study.entities))
    give_consent(session)
    start_reading(session)
    total = session.trials.count()
    while trial := turn(session).current:
        began = time.monotonic()
        files = [stimulus_bytes(session.key, trial.token)]
        if study.pairs:
            files.append(stimulus_bytes(session.key, trial.token, beside=True))
        said = [machine(file, asked) for file in files if file]
        if len(said) != len(files):
            raise StudyNotOpen(f"study '{study.slug}' handed out no image; is it open still?")
        spent = max(1, round(1000 * (time.monotonic() - began)))
        given = (
            _side(said[0], said[1], study, spent) if study.pairs else _answer(said[0], study, spent)
        )
        record_answer(session=session, token=trial.token, key=uuid4(), given=given)
        if on_step:
            on_step(session.trials.filter(answered=True).count(), total)


def _answer(said: Said, study: Study, spent: int) -> GivenAnswer:
    questions, levels = {*study.questions}, study.confidence_levels
    origin, confidence = "", None
    if said.synthetic is not None:
        origin = Origin.SYNTHETIC if said.synthetic > 0.5 else Origin.REAL
        confidence = _confidence(abs(2 * said.synthetic - 1), levels)
    return GivenAnswer(
        response_ms=spent,
        entity=said.entity if Question.ENTITY in questions else "",
        origin=origin if Question.ORIGIN in questions else "",
        confidence=confidence if Question.CONFIDENCE in questions else None,
        scale=rating(origin, confidence, levels) if Question.SCALE in questions else None,
    )


def _side(left: Said, right: Said, study: Study, spent: int) -> GivenAnswer:
    if left.synthetic is None or right.synthetic is None:
        raise EvaluationError(
            f"study '{study.slug}' asks which of two images is AI; name a detector of origin"
        )
    ahead = left.synthetic - right.synthetic
    asks = Question.CONFIDENCE in {*study.questions}
    return GivenAnswer(
        response_ms=spent,
        side=Side.LEFT if ahead > 0 else Side.RIGHT,
        confidence=_confidence(abs(ahead), study.confidence_levels) if asks else None,
    )


def _confidence(sure: float, levels: int) -> int:
    """Return the level of a certainty from 0 to 1; levels part it evenly."""
    return 1 + min(int(sure * levels), levels - 1)
