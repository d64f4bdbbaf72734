"""Sessions as services: find the current trial, hand out its image, record the answer.

Nothing here imports or queries ground truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Sum
from django.utils import timezone

from evaluation.audit_trail import record_event
from evaluation.chain import answer_content
from evaluation.design.items import Kind
from evaluation.design.questions import answered_origin
from evaluation.entering import find_session
from evaluation.errors import AnswerConflict, ContinuedElsewhere, StudyNotOpen
from evaluation.lessons import next_showing, standing_of
from evaluation.models import (
    Answer,
    Origin,
    Session,
    Side,
    Study,
    Trial,
)
from evaluation.models.sealed import stimuli_store
from evaluation.models.session import new_key
from evaluation.seal import next_link

# Asked at every image: as SQL they take a third of what Django needs to write them anew.
NEXT_TRIALS = """
    SELECT trial.*, count(*) OVER () AS unanswered FROM evaluation_trial trial
    WHERE session_id = %s AND NOT answered
    ORDER BY kind = 'practice' DESC, postponed, position LIMIT %s
"""
HANDED_OUT = """
    WITH ahead AS MATERIALIZED (
        SELECT token, stimulus_id, beside_id FROM evaluation_trial trial
        WHERE session_id = (
            SELECT id FROM evaluation_session WHERE key = %s AND started_at IS NOT NULL
        ) AND NOT answered
        ORDER BY kind = 'practice' DESC, postponed, position LIMIT 2
    )
    SELECT (SELECT file FROM evaluation_stimulus WHERE id = stimulus_id),
        (SELECT file FROM evaluation_stimulus WHERE id = beside_id)
    FROM ahead WHERE token = %s
"""
# What may change under a reading, read anew with the session's row locked; the study's row is
# shared, so that it is closed before this answer or after it, never between.
LOCK = """
    SELECT session.started_at, session."window", session.head, rater.withdrawn_at,
        study.closes_at, study.closed_at
    FROM evaluation_session session
    JOIN evaluation_rater rater ON rater.id = rater_id
    JOIN evaluation_study study ON study.id = study_id
    WHERE session.id = %s FOR NO KEY UPDATE OF session FOR KEY SHARE OF study
"""
NOTE_SHOWN = """
    UPDATE evaluation_trial
    SET shown_at = coalesce(shown_at, now()), times_shown = times_shown + 1 WHERE id = %s
"""


STORE = """
    WITH answer AS (
        INSERT INTO evaluation_answer ({columns}) VALUES ({values}) RETURNING id
    ), reading AS (
        UPDATE evaluation_session SET head = %(digest)s,
            completed_at = CASE WHEN %(completed)s THEN now() ELSE completed_at END
        WHERE id = %(session)s
    ), answered AS (
        UPDATE evaluation_trial SET answered = true WHERE id = %(trial_id)s AND NOT answered
    ), shown AS (
        UPDATE evaluation_trial
        SET shown_at = coalesce(shown_at, now()), times_shown = times_shown + 1
        WHERE id = %(following)s
    )
    SELECT id FROM answer
"""


@dataclass(frozen=True)
class GivenAnswer:
    """What a rater said about one stimulus; what was not asked is left empty.

    Attributes:
        entity: code.
        origin: real or synthetic.
        side: where the synthetic image of a pair stands, left or right.
        confidence: in the origin or side, from 1.
        scale: from 1, definitely real, to twice the levels of confidence, definitely synthetic.
        quality: of the image, from 1 to 5.
        marks: places [x, y] that gave it away, in pixels of the stimulus.
        reason: in the rater's words.
        response_ms: from the painted image to the answer, without the time the page was hidden.
        timing: how that was measured.
    """

    response_ms: int
    entity: str = ""
    origin: str = ""
    side: str = ""
    confidence: int | None = None
    scale: int | None = None
    quality: int | None = None
    marks: list[list[int]] = field(default_factory=list)
    reason: str = ""
    timing: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """Whose turn it is, and how far along.

    Attributes:
        current: the trial to answer; None at the end.
        following: the one after it, to fetch ahead.
        answered, total: trials, of the practice while it lasts, then of the study; where it
            teaches, answers so far, and cases.
        practice: whether the current trial is practice.
        learnt: cases, where it teaches.
    """

    current: Trial | None
    following: Trial | None
    answered: int
    total: int
    practice: bool
    learnt: int | None = None


def turn(session: Session) -> Turn:
    """Return where the session stands, from the stored order."""
    return _standing(session, _next_trials(session, 2))


def _next_trials(session: Session, count: int) -> list[Trial]:
    """Return the next trials to be answered, at most `count`."""
    return list(Trial.objects.raw(NEXT_TRIALS, [session.pk, count]))


def _standing(session: Session, ahead: Sequence[Trial], since: int = 0) -> Turn:
    """Return whose turn it is, given the next two trials and how many were answered since."""
    if session.rater.study.teaches:
        answered, learnt = standing_of(session)
        return Turn(next(iter(ahead), None), None, answered, session.images, False, learnt)
    if not ahead:
        return Turn(None, None, session.images, session.images, False)
    current, following = ahead[0], ahead[1] if len(ahead) > 1 else None
    left = current.unanswered - since  # type: ignore[attr-defined]
    if current.kind == Kind.PRACTICE:
        answered = session.practice_images + session.images - left
        return Turn(current, following, answered, session.practice_images, True)
    return Turn(current, following, session.images - left, session.images, False)


def correctable(session: Session, standing: Turn) -> Trial | None:
    """Return the trial before the current one where the study lets its answer be corrected."""
    if not session.rater.study.corrections or standing.practice or not standing.answered:
        return None
    if standing.current is None:
        return None
    return session.trials.filter(answers__version=1).order_by("-answers__pk").first()


def last_answer(trial: Trial) -> GivenAnswer | None:
    """Return what the rater said last in a trial."""
    answer = trial.answers.order_by("version").last()
    return _content(answer) if answer else None


def reading_seconds(session: Session) -> float:
    """Return how long the rater has looked at images so far."""
    spent = Answer.objects.filter(trial__session=session).aggregate(ms=Sum("response_ms"))["ms"]
    return (spent or 0) / 1000


def note_shown(trial: Trial) -> None:
    """Record that a trial was put before the rater, once more if the page was loaded again."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_SHOWN, [trial.pk])


def stimulus_bytes(key: str | None, token: str, *, beside: bool = False) -> bytes | None:
    """Return the stimulus at `token` if it is the current, the next or the correctable one.

    Args:
        key: of the rater's session, which must have begun.
        token: the trial's address.
        beside: return the right one of a pair.
    """
    with connection.cursor() as cursor:
        cursor.execute(HANDED_OUT, [key or "", token])
        names = cursor.fetchone()
    if names is None and (session := find_session(key)):
        last = correctable(session, turn(session))
        if last and last.token == token:
            names = [each and each.file.name for each in (last.stimulus, last.beside)]
    name = names[beside] if names else None
    if not name:
        return None
    with stimuli_store().open(name) as stimulus:
        return stimulus.read()


def record_answer(
    *,
    session: Session,
    token: str,
    key: UUID,
    given: GivenAnswer,
    correction: bool = False,
    window: str | None = None,
) -> tuple[Answer, Turn]:
    """Store what the rater said about the current stimulus, exactly once.

    Where the study allows it, an answer to the previous stimulus is kept as a correction.

    The same `key` with the same content returns the stored answer, so that a retry is harmless.

    Args:
        session: the rater's.
        token: the trial's address, as the page got it.
        key: made by the page, one for each answer.
        given: what the rater said.
        correction: the rater means to replace what they said of the previous stimulus.
        window: where the rater answers; None for a program, which has none.

    Returns:
        The answer, and whose turn it is then.

    Raises:
        AnswerConflict: another answer stands already (another tab or device), the key was used
            for another answer, or the trial's turn has not come.
        ContinuedElsewhere: the rater has opened the reading in another window since.
        StudyNotOpen: the study takes no more answers, or the rater has not begun.
    """
    try:
        with transaction.atomic():
            _lock(session)
            study = session.rater.study
            withdrawn = session.rater.withdrawn_at is not None
            if withdrawn or not study.takes_answers or session.started_at is None:
                raise StudyNotOpen("this study takes no more answers")
            ahead = _next_trials(session, 3)
            if not ahead or ahead[0].token != token:
                standing = _standing(session, ahead)
                answer = _record_elsewhere(session, standing, token, key, given, correction)
                return answer, standing
            if window is not None and window != session.window:
                raise ContinuedElsewhere("the reading goes on in another window")
            if study.teaches:
                answer = _add_answer(session, ahead[0], key, given)
                return answer, _go_on(session)
            standing = _standing(session, ahead[1:], since=1)
            if study.staircase:
                _move_exposure(study, ahead[0], standing.current, given)
            answer = _add_answer(session, ahead[0], key, given, following=standing)
            return answer, standing
    except IntegrityError as repeated:
        raise AnswerConflict("this answer was used for another image") from repeated


def _add_answer(
    session: Session,
    trial: Trial,
    key: UUID,
    given: GivenAnswer,
    *,
    version: int = 1,
    following: Turn | None = None,
) -> Answer:
    """Store an answer as the next link of the session's chain; put what follows before the rater.

    The reading is completed where nothing follows.
    """
    answer = Answer(trial=trial, key=key, version=version, **vars(given))
    answer.digest = session.head = next_link(session.head, answer_content(trial, answer))
    coming = following.current if following else None
    completed = following is not None and coming is None
    row: dict[str, Any] = {
        str(field.column): field.get_db_prep_save(getattr(answer, field.attname), connection)
        for field in Answer._meta.concrete_fields
        if not field.primary_key
    }
    store = STORE.format(
        columns=", ".join(row), values=", ".join(f"%({column})s" for column in row)
    )
    place: dict[str, Any] = {
        "session": session.pk,
        "following": coming.pk if coming else None,
        "completed": completed,
    }
    with connection.cursor() as cursor:
        cursor.execute(store, {**row, **place})
        [answer.pk] = cursor.fetchone()
    if completed:
        _record_completion(session)
    return answer


def _record_completion(session: Session) -> None:
    record_event(
        "complete_session",
        study=session.rater.study,
        rater=session.rater.code,
        occasion=session.occasion,
        head=session.head,
    )


def _go_on(session: Session) -> Turn:
    """Put the next case of a lesson before the learner, or complete the session."""
    coming = next_showing(session)
    if coming is None:
        session.completed_at = timezone.now()
        session.save(update_fields=["completed_at"])
        _record_completion(session)
        return _standing(session, [])
    note_shown(coming)
    return _standing(session, [coming])


def _lock(session: Session) -> None:
    """Lock the session's row, which serialises double submits and two windows, and read it anew."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [session.pk])
        started, window, head, withdrawn, closes, closed = cursor.fetchone()
    session.started_at, session.window, session.head = started, window, head
    session.rater.withdrawn_at = withdrawn
    session.rater.study.closes_at, session.rater.study.closed_at = closes, closed


def _move_exposure(study: Study, trial: Trial, following: Trial | None, given: GivenAnswer) -> None:
    """Set the exposure of the next trial; each block, and the study after practice, starts anew."""
    if following is None or following.block != trial.block or trial.kind == Kind.PRACTICE:
        return
    right = is_right(trial, given, study.confidence_levels)
    following.exposure_ms = study.stairs.after(trial.exposure_ms or 0, right=right)
    following.save(update_fields=["exposure_ms"])


def is_right(trial: Trial, given: GivenAnswer, levels: int) -> bool:
    """Tell whether an answer on the origin is right, in a trial whose truth is told after it."""
    truth = (trial.stimulus.feedback or {})["origin"]
    if given.side:
        return (given.side == Side.LEFT) == (truth == Origin.SYNTHETIC)
    return answered_origin(given.origin, given.scale, levels) == truth


def postpone(session: Session, token: str) -> Turn:
    """Put the current trial at the end, since its image does not arrive; return whose turn it is.

    Where it is not the current trial, nothing changes.
    """
    with transaction.atomic():
        Session.objects.select_for_update(no_key=True).get(pk=session.pk)
        ahead = _next_trials(session, 2)
        if len(ahead) == 2 and ahead[0].token == token:
            last = session.trials.aggregate(last=Max("postponed"))["last"]
            session.trials.filter(pk=ahead[0].pk).update(postponed=last + 1)
            if ahead[0].block == ahead[1].block:  # the staircase stays on its step
                session.trials.filter(pk=ahead[1].pk).update(exposure_ms=ahead[0].exposure_ms)
        return turn(session)


def practise_again(session: Session) -> None:
    """Put all practice images before the rater once more, at addresses of their own.

    Where practice still goes on, or an image of the study is answered, nothing changes.
    """
    with transaction.atomic():
        Session.objects.select_for_update(no_key=True).get(pk=session.pk)
        ahead = _next_trials(session, 1)
        left = ahead[0].unanswered if ahead else 0  # type: ignore[attr-defined]
        if left < session.images or (ahead and ahead[0].kind == Kind.PRACTICE):
            return
        done = session.trials.filter(kind=Kind.PRACTICE).order_by("-position")
        again = list(done[: session.practice_images])[::-1]
        last = session.trials.aggregate(last=Max("position"))["last"]
        Trial.objects.bulk_create(
            Trial(
                session=session,
                position=position,
                stimulus_id=trial.stimulus_id,
                beside_id=trial.beside_id,
                kind=Kind.PRACTICE,
                block=trial.block,
                exposure_ms=session.rater.study.exposure_ms,
                token=new_key(),
            )
            for position, trial in enumerate(again, start=last + 1)
        )


def _record_elsewhere(
    session: Session, standing: Turn, token: str, key: UUID, given: GivenAnswer, correction: bool
) -> Answer:
    """Take a retry or a correction; refuse anything else that is not about the current trial."""
    trial = session.trials.filter(token=token).first()
    if trial is None:
        raise AnswerConflict("this image is not part of your reading")
    stored = trial.answers.filter(key=key).first()
    if stored and _content(stored) == given:
        return stored
    versions = trial.answers.count()
    if stored is None and correction and trial == correctable(session, standing):
        return _add_answer(session, trial, key, given, version=versions + 1)
    if versions:
        raise AnswerConflict(
            "this image is answered already, in another window or on another device"
        )
    raise AnswerConflict("it is not this image's turn")


def _content(answer: Answer) -> GivenAnswer:
    return GivenAnswer(**{each.name: getattr(answer, each.name) for each in fields(GivenAnswer)})
