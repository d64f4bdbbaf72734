"""Prompts: the one place where what is asked of an image becomes words, and words are read."""

import re
import string
from collections.abc import Iterator, Sequence

import numpy as np

from evaluation.skin.tones import SKINS, tone_class
from evaluation.skin.tones import TONES as TONES  # what learns to read prompts takes them from here
from generation.engine.generator import GenerationError, ImageRequest

#: What the entities are called, the commonest name first.
NAMES = {
    "mel": ("melanoma", "malignant melanoma"),
    "nv": ("melanocytic nevus", "nevus", "naevus", "mole"),
    "akiec": ("actinic keratosis", "intraepithelial carcinoma", "bowen's disease"),
    "bkl": ("benign keratosis", "seborrheic keratosis", "solar lentigo"),
    "bcc": ("basal cell carcinoma", "basalioma"),
    "df": ("dermatofibroma",),
    "vasc": ("vascular lesion", "angioma", "hemangioma"),
}
PEOPLE = {"male": ("man", "male"), "female": ("woman", "female"), "": ("person", "patient")}
TEMPLATE = "a dermoscopic image of {entity}{place}{person}"
#: What a template may name: the entity in words, and where and on whom, empty if unknown.
FIELDS = ("entity", "place", "person")
#: The ways of saying the same that a generator of ours learns; the first one is used by default.
WORDINGS = (
    TEMPLATE,
    "dermoscopic image of a {entity}{place}{person}",
    "dermoscopy of {entity}{place}{person}",
    "photograph of an {entity}{place}{person}",
    "{entity}{place}{person}",
    "{entity}",
)
AGES = range(0, 90, 5)  # years; ages are taken as the nearest of them


def check_template(template: str) -> None:
    """Refuse a template that cannot be filled in.

    Raises:
        GenerationError: it names something else, or no entity.
    """
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError as problem:
        raise GenerationError(f"template '{template}': {problem}") from None
    if unknown := sorted(named - set(FIELDS)):
        raise GenerationError(
            f"template '{template}' names {{{unknown[0]}}}; use "
            f"{', '.join(f'{{{name}}}' for name in FIELDS)}"
        )
    if "entity" not in named:
        raise GenerationError(f"template '{template}' names no {{entity}}; put it in")


def prompt_of(request: ImageRequest, template: str = TEMPLATE) -> str:
    """Return the words for a request: its own prompt, or the template filled in."""
    if request.prompt is not None:
        return request.prompt
    person = PEOPLE.get(request.sex or "", PEOPLE[""])[0]
    return _fill(template, request, names_of(request.entity)[0], person)


def any_prompt_of(request: ImageRequest, rng: np.random.Generator) -> str:
    """Return the words for a request in a wording and with names drawn at random."""
    person = str(rng.choice(PEOPLE.get(request.sex or "", PEOPLE[""])))
    template = str(rng.choice(WORDINGS[:-1]))
    if (request.sex, request.age, request.site, request.tone) == (None, None, None, None):
        template = str(rng.choice(WORDINGS))
    return _fill(template, request, str(rng.choice(names_of(request.entity))), person)


def _fill(template: str, request: ImageRequest, entity: str, person: str) -> str:
    place = f" on the {request.site}" if request.site else ""
    age = f"{request.age:.0f}-year-old " if request.age is not None else ""
    skin = f" with {SKINS[tone_class(request.tone)]} skin" if request.tone is not None else ""
    whom = f" of a {age}{person}{skin}" if age or request.sex or skin else ""
    return template.format(entity=entity, place=place, person=whom)


def names_of(entity: str) -> tuple[str, ...]:
    """Return what an entity is called; one that we do not know goes by its code."""
    return NAMES.get(entity, (entity,))


def words_of(prompt: str) -> list[str]:
    """Return a prompt's words in small letters; ages as the nearest of `AGES`."""
    return [
        str(min(5 * round(int(word) / 5), AGES[-1])) if word.isdigit() else word
        for word in re.findall(r"\d{1,3}|[^\W\d_]+(?:'[a-z]+)?", prompt.lower())
    ]


def vocabulary(entities: Sequence[str], sites: Sequence[str]) -> tuple[str, ...]:
    """Return all words that the wordings can hold, sorted."""

    def texts() -> Iterator[str]:
        for entity in entities:
            yield from names_of(entity)
        for people in PEOPLE.values():
            yield from people
        for template in WORDINGS:
            yield template.format(entity="", place="", person="")
        yield from sites
        yield "on the of a year old with skin"
        yield from SKINS
        yield from map(str, AGES)

    return tuple(sorted({word for text in texts() for word in words_of(text)}))


def entity_in(prompt: str, entities: Sequence[str]) -> str | None:
    """Return the entity that a prompt names, the longest name first; None if it names none.

    Raises:
        GenerationError: it names several.
    """
    text = f" {' '.join(words_of(prompt))} "
    found: list[str] = []
    names = [(name, entity) for entity in entities for name in names_of(entity)]
    for name, entity in sorted(names, key=lambda each: -len(each[0])):
        said = f" {' '.join(words_of(name))} "
        if said in text:
            found.append(entity)
            text = text.replace(said, " ")
    if len(set(found)) > 1:
        raise GenerationError(
            f"the prompt '{prompt}' names {' and '.join(dict.fromkeys(found))}; name one diagnosis"
        )
    return found[0] if found else None
