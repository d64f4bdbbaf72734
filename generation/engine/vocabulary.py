"""What a generator can be asked for, known without loading it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evaluation.skin.tones import SKINS, tone_class
from generation.engine.generator import CONTROLS, GenerationError, ImageRequest
from generation.engine.prompts import (
    AGES,
    NAMES,
    entity_in,
    names_of,
    vocabulary,
    words_of,
)

SEXES = ("female", "male")
ATTRIBUTES = ("sex", "age", "site", "tone")
MASKED = ("canvas", "keep")
LONGEST = 32  # words of a prompt
GUIDANCE, STEPS = 1.5, 18  # of a cascade
LEAST_GUIDANCE, MOST_GUIDANCE = 1.0, 100.0
LEAST_STEPS, MOST_STEPS = 2, 1000
OLDEST = 110  # years
LEAST_TONE, MOST_TONE = -90, 180  # degrees


@dataclass(frozen=True)
class Vocabulary:
    """What a generator can be asked for.

    Attributes:
        entities: codes.
        sites: of the body, in words; empty if it takes any words.
        attributes: those of `ATTRIBUTES` that it honours.
        closed: whether it knows the words of our own wordings only.
        prompted: whether it reads prompts.
        shaped: whether it is told where the lesion is, how large and of which shape.
        solved: whether a solver paints, in a number of steps and with guidance.
        guidance: that suits an entity, where it is not `GUIDANCE`.
        steps: that suit it.
    """

    entities: tuple[str, ...]
    sites: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    closed: bool = True
    prompted: bool = True
    shaped: bool = False
    solved: bool = True
    guidance: Mapping[str, float] = field(default_factory=dict)
    steps: int = STEPS
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive the words of prompts."""
        object.__setattr__(self, "words", vocabulary(self.entities, self.sites))

    @classmethod
    def of_shapes(cls, entities: Sequence[str]) -> "Vocabulary":
        """Return that of a generator which paints at once over a map of skin and lesion."""
        return cls(tuple(entities), attributes=("tone",), prompted=False, shaped=True, solved=False)

    @property
    def controls(self) -> frozenset[str]:
        """Which fields of a request it honours, of `CONTROLS`."""
        more = {
            "prompt": self.prompted,
            "lesion": self.shaped,
        }
        return frozenset((*self.attributes, *MASKED)) | {name for name in more if more[name]}

    @property
    def usual(self) -> dict[str, object]:
        """What paints an image of which neither is asked: guidance by entity, and steps."""
        if not self.solved:
            return {}
        guidance = {entity: self.guidance.get(entity, GUIDANCE) for entity in self.entities}
        return {"guidance": guidance, "steps": self.steps}

    def settled(self, request: ImageRequest) -> ImageRequest:
        """Return a request with the guidance and steps that it leaves to the generator."""
        if not self.solved:
            return request
        guidance, steps = request.guidance, request.steps
        if guidance is None:
            guidance = self.guidance.get(request.entity, GUIDANCE)
        return replace(request, guidance=guidance, steps=self.steps if steps is None else steps)

    @property
    def taught(self) -> list[str]:
        """The words that a prompt may hold beside ages."""
        untaught = set() if "tone" in self.attributes else {"skin", *" ".join(SKINS).split()}
        return [word for word in self.words if not word.isdigit() and word not in untaught]

    def check(self, request: ImageRequest) -> None:
        """Refuse what a generator with this vocabulary cannot honour.

        Raises:
            GenerationError: an unknown value, a control that would be ignored, or a prompt that
                says something else than the request.
        """
        _row("entity", request.entity, self.entities)
        check_solving(request.guidance, request.steps)
        asked = {name for name in CONTROLS if getattr(request, name) is not None}
        if ignored := sorted(asked - self.controls):
            raise GenerationError(
                f"this generator does not honour {', '.join(ignored)}; "
                "leave it out or choose a generator that does"
            )
        if not LEAST_TONE <= (request.tone or 0) <= MOST_TONE:
            raise GenerationError(
                f"tone is {request.tone:g} degrees; use {LEAST_TONE} to {MOST_TONE}"
            )
        if request.age is not None and not 0 <= request.age <= OLDEST:
            raise GenerationError(f"age is {request.age:g} years; use 0 to {OLDEST}")
        _row("sex", request.sex, SEXES)
        if self.closed:
            _row("site", request.site, self.sites)
        if request.prompt is not None:
            if beside := [name for name in ATTRIBUTES if name in asked]:
                raise GenerationError(
                    f"a prompt says all that the image shall be; put {', '.join(beside)} into its "
                    "words, or leave the prompt out"
                )
            said = entity_in(request.prompt, self.entities)
            if said not in (None, request.entity):
                raise GenerationError(
                    f"the prompt '{request.prompt}' names {said}, but {request.entity} is asked for"
                )
            if self.closed:
                self.tokens(request.prompt)
                if said is None:  # the words alone decide what is shown
                    raise GenerationError(
                        f"the prompt '{request.prompt}' names no diagnosis; put one in, such as "
                        f"{names_of(request.entity)[0]}"
                    )

    def sizes(self) -> tuple[int, ...]:
        """Return how many values the entity and each attribute have."""
        return len(self.entities), len(SEXES), len(AGES), len(self.sites), len(SKINS)

    def rows(self, request: ImageRequest) -> list[int]:
        """Return the number of the entity and of each attribute; 0 for what is not given.

        Raises:
            GenerationError: a value that is not known, with those that are.
        """
        age, tone = request.age, request.tone
        return [
            _row("entity", request.entity, self.entities),
            _row("sex", request.sex, SEXES),
            0 if age is None else 1 + int(np.clip(round(age / 5), 0, len(AGES) - 1)),
            _row("site", request.site, self.sites),
            0 if tone is None else 1 + tone_class(tone),
        ]

    def tokens(self, prompt: str) -> list[int]:
        """Return the numbers of a prompt's words, filled up with zeros.

        Raises:
            GenerationError: it has words that are not known, too many, or none.
        """
        words = words_of(prompt)
        if unknown := [word for word in words if not word.isdigit() and word not in self.taught]:
            raise GenerationError(
                f"the prompt's word '{unknown[0]}' is unknown to this generator; it knows ages and "
                f"{', '.join(self.taught)}"
            )
        if not 0 < len(words) <= LONGEST:
            raise GenerationError(f"the prompt has {len(words)} words; use 1 to {LONGEST}")
        numbers = [1 + self.words.index(word) for word in words]
        return numbers + [0] * (LONGEST - len(numbers))


#: Of generators that read free text.
OPEN = Vocabulary(tuple(NAMES), attributes=ATTRIBUTES, closed=False)


def check_solving(guidance: float | None, steps: int | None) -> None:
    """Refuse guidance and steps that make no sense.

    Raises:
        GenerationError: either is too small or too large, or guidance is no number.
    """
    if guidance is not None and not LEAST_GUIDANCE <= guidance <= MOST_GUIDANCE:
        raise GenerationError(
            f"guidance is {guidance}; use {LEAST_GUIDANCE:g} (none) to {MOST_GUIDANCE:g}"
        )
    if steps is not None and not LEAST_STEPS <= steps <= MOST_STEPS:
        raise GenerationError(f"steps is {steps}; use {LEAST_STEPS} to {MOST_STEPS}")


def _row(what: str, value: str | None, known: Sequence[str]) -> int:
    if value is None:
        return 0
    if value not in known:
        raise GenerationError(f"{what} '{value}' is unknown; use one of {', '.join(known)}")
    return 1 + known.index(value)
