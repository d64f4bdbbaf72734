"""How the questions of a study read on the page: one place for their words and keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluation.design.questions import CHOICE_KEYS, OPTIONAL, QUALITY_LEVELS, Question
from evaluation.entities import known_entities
from evaluation.models import Origin, Side, Study

#: Keys that bear a sign.
CAPS = {"arrowleft": "←", "arrowright": "→"}


@dataclass(frozen=True)
class Option:
    """One choice: what is stored, the key that chooses it, how it reads."""

    value: str
    key: str
    title: str

    @property
    def cap(self) -> str:
        """What stands on the key."""
        return CAPS.get(self.key, self.key.upper())


@dataclass(frozen=True)
class AskedQuestion:
    """A question as the page asks it.

    Attributes:
        form: choices, pair, levels, marks or text.
        low, high: what the ends of a scale of levels mean.
    """

    name: Question
    legend: str
    form: str
    options: tuple[Option, ...] = ()
    low: str = ""
    high: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be answered."""
        return self.name not in OPTIONAL


LEGENDS: dict[Question, Promise] = {
    Question.ENTITY: gettext_lazy("What does it show?"),
    Question.ORIGIN: gettext_lazy("Is it real?"),
    Question.SIDE: gettext_lazy("Which one was made by AI?"),
    Question.CONFIDENCE: gettext_lazy("How sure are you of that?"),
    Question.SCALE: gettext_lazy("Is it real?"),
    Question.QUALITY: gettext_lazy("How good is the image?"),
    Question.MARKS: gettext_lazy("What gave it away?"),
    Question.REASON: gettext_lazy("In your words"),
}


def asked_questions(study: Study, entities: Sequence[str] = ()) -> list[AskedQuestion]:
    """Return the questions of `study` in its order.

    Args:
        study: what asks.
        entities: its diagnoses in the order of a rater's buttons; else in the study's.
    """
    return [_asked(Question(name), study, entities or study.entities) for name in study.questions]


def _asked(name: Question, study: Study, codes: Sequence[str]) -> AskedQuestion:
    legend = str(LEGENDS[name])
    if name is Question.ENTITY:
        titles = known_entities()
        entities = tuple(
            Option(code, key, titles.get(code, code))
            for key, code in zip(CHOICE_KEYS, codes, strict=False)
        )
        return AskedQuestion(name, legend, "choices", entities)
    if name is Question.ORIGIN:
        origins = (
            Option(Origin.REAL, "r", _("Real photograph")),
            Option(Origin.SYNTHETIC, "a", _("Made by AI")),
        )
        return AskedQuestion(name, legend, "pair", origins)
    if name is Question.SIDE:
        sides = (
            Option(Side.LEFT, "arrowleft", _("The left one")),
            Option(Side.RIGHT, "arrowright", _("The right one")),
        )
        return AskedQuestion(name, legend, "pair", sides)
    if name is Question.CONFIDENCE:
        levels = _levels(study.confidence_levels)
        return AskedQuestion(name, legend, "levels", levels, _("guessing"), _("certain"))
    if name is Question.SCALE:
        levels = _levels(2 * study.confidence_levels)
        ends = _("definitely real"), _("definitely AI")
        return AskedQuestion(name, legend, "levels", levels, *ends)
    if name is Question.QUALITY:
        levels = _levels(QUALITY_LEVELS)
        return AskedQuestion(name, legend, "levels", levels, _("very poor"), _("very good"))
    return AskedQuestion(name, legend, "marks" if name is Question.MARKS else "text")


def _levels(count: int) -> tuple[Option, ...]:
    """Return levels from 1; the tenth is chosen by the key 0."""
    numbers: Iterable[int] = range(1, count + 1)
    return tuple(Option(str(n), str(n % 10), str(n)) for n in numbers)
