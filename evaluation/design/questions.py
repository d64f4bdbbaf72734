"""The questions that a study may ask about each image, in an order of its own."""

from collections.abc import Sequence
from enum import StrEnum


class Question(StrEnum):
    """A question; its value names it in protocols, pages and answers."""

    ENTITY = "entity"
    ORIGIN = "origin"
    SIDE = "side"  # which image of a pair is AI
    CONFIDENCE = "confidence"  # in the answer on origin
    SCALE = "scale"  # origin and confidence in one: definitely real .. definitely AI
    QUALITY = "quality"
    MARKS = "marks"  # places in the image that gave it away
    REASON = "reason"


#: The published study's questions.
DEFAULT = (Question.ENTITY, Question.ORIGIN, Question.CONFIDENCE)
DEFAULT_OF_PAIRS = (Question.SIDE, Question.CONFIDENCE)
#: What a rater may leave empty.
OPTIONAL = frozenset({Question.MARKS, Question.REASON})
QUALITY_LEVELS = 5
LONGEST_REASON = 1000  # characters
#: The keys of choices in their order; r, a, c and f mean something else.
CHOICE_KEYS = "1234567890bdeghijklmnopqstuvwxyz"
MOST_ENTITIES = len(CHOICE_KEYS)
#: What can be asked of a pair of images.
OF_PAIRS = frozenset({Question.SIDE, Question.CONFIDENCE, Question.REASON})


def question_problems(
    questions: Sequence[str], *, pairs: bool = False, timed: bool = False
) -> list[str]:
    """Return why these questions cannot be asked together; nothing if they can.

    Args:
        questions: in the order of the page.
        pairs: they are asked of a pair of images.
        timed: the image is gone when they are answered.
    """
    known = [str(question) for question in Question]
    wrong = [
        f"question '{name}' is unknown; use some of {', '.join(known)}"
        for name in questions
        if name not in known
    ]
    asked = set(questions)
    if len(asked) < len(questions):
        wrong.append("a question is asked twice")
    if pairs:
        wrong += [
            f"question '{name}' is about one image and cannot be asked of a pair; leave it out"
            for name in questions
            if name in known and name not in OF_PAIRS
        ]
        if Question.SIDE not in asked:
            wrong.append("pairs are shown, but which one is AI is not asked; ask for the side")
        return wrong
    if Question.SIDE in asked:
        wrong.append("the side is asked, but no pairs are shown; show pairs or leave it out")
    if timed and Question.MARKS in asked:
        wrong.append("marks cannot be set on an image that is gone; leave them out")
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


def case_is_right(truth: tuple[str, str], answered: tuple[str, str]) -> bool:
    """Tell whether a case is right in all that was asked of origin and entity.

    Args:
        truth: origin and entity.
        answered: likewise, empty where not asked.
    """
    return all(said in ("", true) for said, true in zip(answered, truth, strict=True))
