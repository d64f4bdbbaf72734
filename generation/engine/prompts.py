"""Prompts: the one place where a request becomes words for generators that read text."""

import string

from generation.engine.generator import GenerationError, ImageRequest

#: What models of language and images call the entities.
WORDS = {
    "mel": "melanoma",
    "nv": "melanocytic nevus",
    "akiec": "actinic keratosis",
    "bkl": "benign keratosis",
    "bcc": "basal cell carcinoma",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
}
TEMPLATE = "a dermoscopic image of {entity}{place}{person}"
#: What a template may name: the entity in words, and where and on whom, empty if unknown.
FIELDS = ("entity", "place", "person")


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
    place = f" on the {request.site}" if request.site else ""
    age = f"{request.age:.0f}-year-old " if request.age is not None else ""
    sex = {"male": "man", "female": "woman"}.get(request.sex or "", "person")
    person = f" of a {age}{sex}" if age or request.sex else ""
    return template.format(entity=WORDS[request.entity], place=place, person=person)
