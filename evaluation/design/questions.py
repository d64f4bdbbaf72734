"""The questions that a study may ask about each image, in an order of its own."""

from collections.abc import Sequence
from enum import StrEnum


class Question(StrEnum):
    """A question; its value names it in protocols, pages and answers."""

    ENTITY = "entity"
    ORIGIN = "origin"
    CONFIDENCE = "confidence"  # in the answer on origin
    SCALE = "scale"  # origin and confidence in one: definitely real .. definitely AI
    QUALITY = "quality"
    MARKS = "marks"  # places in the image that gave it away
    REASON = "reason"


#: The published study's questions.
DEFAULT = (Question.ENTITY, Question.ORIGIN, Question.CONFIDENCE)
#: What a rater may leave empty.
OPTIONAL = frozenset({Question.MARKS, Question.REASON})
QUALITY_LEVELS = 5


def question_problems(questions: Sequence[str]) -> list[str]:
    """Return why these questions cannot be asked together; nothing if they can."""
    known = [str(question) for question in Question]
    wrong = [
        f"question '{name}' is unknown; use some of {', '.join(known)}"
        for name in questions
        if name not in known
    ]
    asked = set(questions)
    if len(asked) < len(questions):
        wrong.append("a question is asked twice")
    if not asked & {Question.ENTITY, Question.ORIGIN, Question.SCALE}:
        wrong.append("neither the diagnosis nor the origin is asked for; ask for one of them")
    if Question.SCALE in asked and asked & {Question.ORIGIN, Question.CONFIDENCE}:
        wrong.append("the one scale asks for origin and confidence; leave those two out")
    if Question.CONFIDENCE in asked and Question.ORIGIN not in asked:
        wrong.append("confidence is asked without the origin that it is about; ask for both")
    return wrong


def rating(origin: str, confidence: int | None, levels: int) -> int | None:
    """Merge origin and confidence into one scale: 1 surely real .. 2 `levels` surely synthetic."""
    if not origin or confidence is None:
        return None
    return levels + confidence if origin == "synthetic" else levels + 1 - confidence


def answered_origin(origin: str, scale: int | None, levels: int) -> str | None:
    """Return the origin that was answered, on the one scale or by itself; None if not asked."""
    if scale is not None:
        return "synthetic" if scale > levels else "real"
    return origin or None


def check_is_right(truth: tuple[str, str], answered: tuple[str | None, str | None]) -> bool:
    """Tell whether an attention check is right: in origin, or in entity where only that is asked.

    Args:
        truth: origin and entity.
        answered: likewise, None or empty where not asked.
    """
    origin, entity = answered
    return origin == truth[0] if origin else entity == truth[1]
