"""Lessons as services: which case comes next, what is told after it, how far the learner is.

Nothing here imports or queries ground truth: what a case is lies with the stimulus of a study that
teaches, and is read for answers that are stored only.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from evaluation.csv_text import csv_text
from evaluation.design.items import Kind
from evaluation.design.questions import case_is_right
from evaluation.design.repetition import count_learnt, next_case
from evaluation.models import Answer, ReadingList, Session, Study, Trial
from evaluation.models.session import new_key
from evaluation.skin.tones import SKINS, tone_class

#: The group of what has no angle.
UNKNOWN = "unknown"

CSV_COLUMNS = (
    "learner",
    "showing",
    "case",
    "entity",
    "origin",
    "skin_tone",
    "answered_entity",
    "answered_origin",
    "right",
    "response_ms",
    "answered_at",
)


@dataclass(frozen=True)
class Shown:
    """An answered showing of a case.

    Attributes:
        session: its number.
        showing: from 1, within the session.
        case: number of the stimulus.
        name: of the image, for coordinators.
        tone: group of skin tone.
        right: in all that was asked.
    """

    session: int
    learner: str
    showing: int
    case: int
    name: str
    entity: str
    origin: str
    tone: str
    answered_entity: str
    answered_origin: str
    right: bool
    response_ms: int
    at: datetime


@dataclass(frozen=True)
class Line:
    """How a group of cases stands.

    Attributes:
        group: an entity's code, an origin or a group of skin tone.
        cases: that were met; of a class, by each of its learners.
        first_right: of these, right when they were first shown.
        last_right: right when they were last shown.
    """

    group: str
    cases: int
    first_right: int
    last_right: int


def tone_group(angle: float | None) -> str:
    """Return the group of skin tone to which an individual typology angle in degrees belongs."""
    return UNKNOWN if angle is None else SKINS[tone_class(angle)]


def shown_in(study: Study, session: Session | None = None) -> list[Shown]:
    """Return the answered showings of a study that teaches, of one session or of all.

    In the order of the answers; sessions of withdrawn learners are left out.
    """
    answers = Answer.objects.filter(
        trial__session__rater__study=study, trial__session__rater__withdrawn_at=None, version=1
    )
    if session:
        answers = answers.filter(trial__session=session)
    answers = answers.select_related("trial__stimulus", "trial__session__rater").order_by("pk")
    showings: dict[int, int] = defaultdict(int)
    rows = []
    for answer in answers:
        stimulus, own = answer.trial.stimulus, answer.trial.session
        truth = stimulus.feedback or {}
        showings[own.pk] += 1
        rows.append(
            Shown(
                session=own.pk,
                learner=own.rater.code,
                showing=showings[own.pk],
                case=stimulus.number,
                name=truth["name"],
                entity=truth["entity"],
                origin=truth["origin"],
                tone=tone_group(truth["skin_tone"]),
                answered_entity=answer.entity,
                answered_origin=answer.origin,
                right=is_right(answer),
                response_ms=answer.response_ms,
                at=answer.answered_at,
            )
        )
    return rows


def is_right(answer: Answer) -> bool:
    """Tell whether an answer is right in all that was asked, in a study that teaches."""
    truth = answer.trial.stimulus.feedback or {}
    return case_is_right((truth["origin"], truth["entity"]), (answer.origin, answer.entity))


def standing_of(session: Session) -> tuple[int, int]:
    """Return how many answers a learner has given, and how many cases are learnt."""
    history = _history(session)
    return len(history), count_learnt(history, session.rater.study.times_right or 1)


def next_showing(session: Session) -> Trial | None:
    """Add the trial that follows the answers so far; None once every case is learnt."""
    study = session.rater.study
    own = ReadingList.objects.get(study=study, number=session.rater.reading_list)
    order = [number for number, *_ in own.showings]
    history = _history(session)
    case = next_case(order, history, study.times_right or 1)
    if case is None:
        return None
    return Trial.objects.create(
        session=session,
        position=len(history) + 1,
        stimulus=study.stimuli.get(number=case),
        kind=Kind.CASE,
        token=new_key(),
    )


def _history(session: Session) -> list[tuple[int, bool]]:
    """Return the case of each answer so far, and whether it was right."""
    answers = Answer.objects.filter(trial__session=session, version=1).order_by("pk")
    return [
        (answer.trial.stimulus.number, is_right(answer))
        for answer in answers.select_related("trial__stimulus")
    ]


def summary(
    shown: Sequence[Shown], group: Callable[[Shown], str], order: Iterable[str]
) -> list[Line]:
    """Sum up the cases that were met by what they are.

    Only these: what a case is that was not met yet could be told from the rest of a full table.

    Args:
        shown: answered showings, in order.
        group: what to sum up by.
        order: the groups in the order of the lines; those without a case are left out.
    """
    cases: dict[tuple[int, int], list[Shown]] = defaultdict(list)
    for each in shown:
        cases[each.session, each.case].append(each)
    lines = []
    for name in order:
        own = [showings for showings in cases.values() if group(showings[0]) == name]
        if own:
            first, last = (sum(each[k].right for each in own) for k in (0, -1))
            lines.append(Line(name, len(own), first, last))
    return lines


def total(shown: Sequence[Shown]) -> Line:
    """Return how all cases stand that were met."""
    lines = summary(shown, lambda _: "", [""])
    return lines[0] if lines else Line("", 0, 0, 0)


def summaries(shown: Sequence[Shown], study: Study) -> dict[str, list[Line]]:
    """Return how the cases stand by entity, by origin and by group of skin tone."""
    tones = [*reversed(SKINS), UNKNOWN]
    return {
        "entity": summary(shown, lambda each: each.entity, study.entities),
        "origin": summary(shown, lambda each: each.origin, ("real", "synthetic")),
        "tone": summary(shown, lambda each: each.tone, tones),
    }


def results_csv(shown: Sequence[Shown], *, named: bool) -> str:
    """Return a row an answer as CSV.

    Args:
        shown: answered showings.
        named: say which image of the catalogue a case is; else cases are numbered as they were met.
    """
    met: dict[tuple[int, int], int] = {}
    rows = []
    for each in shown:
        key = (each.session, each.case)
        met.setdefault(key, 1 + sum(session == each.session for session, _ in met))
        rows.append(
            {
                "learner": each.learner,
                "showing": each.showing,
                "case": each.name if named else met[key],
                "entity": each.entity,
                "origin": each.origin,
                "skin_tone": each.tone,
                "answered_entity": each.answered_entity,
                "answered_origin": each.answered_origin,
                "right": each.right,
                "response_ms": each.response_ms,
                "answered_at": each.at,
            }
        )
    return csv_text(CSV_COLUMNS, rows)
