"""What the reading page asks and says: whose turn it is, and the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.design.items import Kind
from evaluation.design.questions import LONGEST_REASON, QUALITY_LEVELS, Question
from evaluation.entering import find_session, take_over
from evaluation.entities import entity_title
from evaluation.errors import AnswerConflict, ContinuedElsewhere, StudyNotOpen
from evaluation.lessons import is_right
from evaluation.models import Answer, Origin, Session, Side, Study, Trial
from evaluation.sessions import (
    GivenAnswer,
    Turn,
    correctable,
    last_answer,
    note_shown,
    postpone,
    practise_again,
    reading_seconds,
    record_answer,
    turn,
)
from evaluation.stimuli import SIZE

#: The cookie that names a rater's session.
COOKIE = "reading"
MOST_MARKS = 20
METHODS = ("element", "frame")
#: What a page may say of its timing beside the method: amounts, and the window's two sides.
AMOUNTS = ("hidden_ms", "frame_ms", "exposed_ms", "pixel_ratio", "zooms", "largest_zoom")
LARGEST_AMOUNT = 1e9


class RaterCookie(SessionAuthentication):
    """A rater is known by the session that their link opened, not by an account."""

    def authenticate(self, request: Request) -> tuple[Session, None] | None:
        """Return the rater's session in place of a user."""
        session = find_session(request._request.COOKIES.get(COOKIE), for_answer=True)
        if session is None:
            return None
        self.enforce_csrf(request)
        return session, None

    def authenticate_header(self, request: Request) -> str:
        """Name the way in, so that a lost cookie gives 401 and not 403."""
        return "Link"


class AnswerSerializer(serializers.Serializer):
    """An answer as the page sends it, checked against the study's questions."""

    token = serializers.CharField(max_length=43)
    key = serializers.UUIDField()
    window = serializers.CharField(max_length=16, required=False)
    correction = serializers.BooleanField(default=False)
    response_ms = serializers.IntegerField(min_value=1, max_value=86_399_999)
    timing = serializers.JSONField(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add a field for each question of the study."""
        study = self.context["study"]
        asked = {name: _field(Question(name), study) for name in study.questions}
        return {**super().get_fields(), **asked}

    def validate_timing(self, value: object) -> dict[str, object]:
        """Take what is expected, fractions as the database will give them back for the chain."""
        if not isinstance(value, dict) or value.get("method") not in METHODS:
            raise serializers.ValidationError("method must be element or frame")
        amounts = {name: value[name] for name in AMOUNTS if value.get(name) is not None}
        viewport = value.get("viewport", [])
        if not isinstance(viewport, list) or len(viewport) > 2:
            raise serializers.ValidationError("viewport must be two numbers")
        for amount in (*amounts.values(), *viewport):
            if type(amount) not in (int, float) or not 0 <= amount <= LARGEST_AMOUNT:
                raise serializers.ValidationError("amounts must be numbers from 0 up")
        rounded = {
            name: round(amount, 3) if isinstance(amount, float) else amount
            for name, amount in amounts.items()
        }
        return {"method": value["method"], **rounded, "viewport": [int(side) for side in viewport]}


def _field(question: Question, study: Study) -> serializers.Field:
    """Return what checks the answer to one question."""
    if question is Question.ENTITY:
        return serializers.ChoiceField(choices=study.entities)
    if question is Question.ORIGIN:
        return serializers.ChoiceField(choices=Origin.values)
    if question is Question.SIDE:
        return serializers.ChoiceField(choices=Side.values)
    if question is Question.MARKS:
        place = serializers.IntegerField(min_value=0, max_value=SIZE - 1)
        places = serializers.ListField(child=place, min_length=2, max_length=2)
        return serializers.ListField(child=places, max_length=MOST_MARKS, required=False)
    if question is Question.REASON:
        return serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True)
    levels = {
        Question.CONFIDENCE: study.confidence_levels,
        Question.SCALE: 2 * study.confidence_levels,
        Question.QUALITY: QUALITY_LEVELS,
    }
    return serializers.IntegerField(min_value=1, max_value=levels[question])


def current_turn(session: Session) -> dict[str, object]:
    """Return the turn for a page that shows it now."""
    standing = turn(session)
    if standing.current:
        note_shown(standing.current)
    return turn_as_json(session, standing)


def turn_as_json(session: Session, standing: Turn) -> dict[str, object]:
    """Return all that a rater's page learns of a turn: random addresses and counts."""
    study, current = session.rater.study, standing.current
    previous = correctable(session, standing)
    pause = _is_pause(standing, study.break_every)
    return {
        "token": current.token if current else None,
        "images": _addresses(current),
        "ahead": _addresses(standing.following),
        "exposure": current.exposure_ms if current else None,
        "previous": _as_answered(previous, study) if previous else None,
        "answered": standing.answered,
        "total": standing.total,
        "practice": standing.practice,
        "learnt": standing.learnt,
        "pause": pause,
        "minutes": max(1, round(reading_seconds(session) / 60)) if pause else None,
    }


def _is_pause(standing: Turn, every: int | None) -> bool:
    if not every or standing.current is None or standing.practice:
        return False
    return standing.answered > 0 and standing.answered % every == 0


def _addresses(trial: Trial | None) -> list[str]:
    """Return where a trial's image is, or its two from left to right."""
    if trial is None:
        return []
    address = reverse("stimulus", args=[trial.token])
    return [address] if trial.beside_id is None else [address, f"{address}/right"]


def _as_answered(trial: Trial, study: Study) -> dict[str, object]:
    """Return a trial as its rater answered it, for a correction."""
    given = last_answer(trial)
    return {
        "token": trial.token,
        "images": _addresses(trial),
        "values": {name: getattr(given, name) for name in study.questions},
    }


class ReadingView(APIView):
    """Base of what only a rater with an open session may call."""

    authentication_classes = (RaterCookie,)
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse whoever has not come by a link."""
        super().initial(request, *args, **kwargs)
        if not isinstance(request.user, Session):
            raise NotAuthenticated(f"open your link again; questions: {settings.CONTACT}")


class AnswersView(ReadingView):
    """Answers come in here, one by one."""

    def post(self, request: Request) -> Response:
        """Record an answer and return the next turn.

        Another answer that stands already gives 409 and the current turn; so does an answer from
        a window that no longer reads, without a turn. A study that is not open gives 410.
        """
        session = request.user
        study = session.rater.study
        given = AnswerSerializer(data=request.data, context={"study": study})
        given.is_valid(raise_exception=True)
        data = dict(given.validated_data)
        try:
            answer, standing = record_answer(
                session=session,
                token=data.pop("token"),
                key=data.pop("key"),
                correction=data.pop("correction"),
                window=data.pop("window", None),
                given=GivenAnswer(**data),
            )
        except ContinuedElsewhere as problem:
            return Response({"detail": str(problem), "turn": None}, status.HTTP_409_CONFLICT)
        except AnswerConflict as conflict:
            # The window goes on with the next image, so the reading is its own again.
            now = {"turn": current_turn(session), "window": take_over(session)}
            return Response({"detail": str(conflict), **now}, status.HTTP_409_CONFLICT)
        except StudyNotOpen as closed:
            return Response({"detail": str(closed)}, status.HTTP_410_GONE)
        reply = {
            **turn_as_json(session, standing),
            "feedback": _feedback(answer, study),
            "lesson": _lesson(answer) if study.teaches else None,
        }
        return Response(reply, status.HTTP_201_CREATED)


class PostponeView(ReadingView):
    """An image that does not arrive is put off to the end here."""

    def post(self, request: Request) -> Response:
        """Return the turn after that."""
        session = request.user
        standing = postpone(session, str(request.data.get("token", "")))
        if standing.current:
            note_shown(standing.current)
        return Response(turn_as_json(session, standing))


class PracticeView(ReadingView):
    """The practice is taken again here."""

    def post(self, request: Request) -> Response:
        """Return the turn after that: the first practice image, unless the study has begun."""
        session = request.user
        practise_again(session)
        return Response(current_turn(session))


def _feedback(answer: Answer, study: Study) -> str | None:
    """Return what the study tells after this image: in practice and lessons, and on a staircase."""
    if answer.trial.kind not in (Kind.PRACTICE, Kind.CASE) and not study.staircase:
        return None
    shown = (answer.trial.stimulus, answer.trial.beside)
    told: list[dict[str, str]] = [each.feedback for each in shown if each and each.feedback]
    explained = [each["explanation"] for each in told if each["explanation"]]
    return " ".join([_truth(told), *explained])


def _lesson(answer: Answer) -> dict[str, object]:
    """Return what a lesson tells beside what the case was."""
    said = [entity_title(answer.entity)] if answer.entity else []
    if answer.origin:
        said.append(str(Origin(answer.origin).label))
    return {
        "right": is_right(answer),
        "answered": ", ".join(said),
        "features": (answer.trial.stimulus.feedback or {})["features"],
    }


def _truth(told: Sequence[Mapping[str, str]]) -> str:
    """Say what an image was, or the two of a pair."""
    origin, title = told[0]["origin"], entity_title(told[0]["entity"])
    if len(told) == 2:
        if origin == Origin.SYNTHETIC:
            return _("The left image was made by AI, the right one is a photograph: %s.") % title
        return _("The right image was made by AI, the left one is a photograph: %s.") % title
    if origin == Origin.REAL:
        return _("This is a real photograph. It shows: %s.") % title
    return _("This image was made by AI. It is meant to show: %s.") % title
