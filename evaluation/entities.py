"""The diagnostic entities: the seven of the published study, and those that a catalogue adds."""

import re

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from evaluation.errors import EvaluationError
from evaluation.models import OwnEntity

#: Built in: HAM10000's codes in the order of the published study (Shavlokhova et al. 2023).
ENTITIES: dict[str, Promise] = {
    "mel": _("Melanoma"),
    "nv": _("Melanocytic nevus"),
    "akiec": _("Actinic keratosis / intraepithelial carcinoma"),
    "bkl": _("Benign keratosis"),
    "bcc": _("Basal cell carcinoma"),
    "df": _("Dermatofibroma"),
    "vasc": _("Vascular lesion"),
}


def known_entities() -> dict[str, str]:
    """Return the names of all entities by their codes, in the language of the page."""
    own = OwnEntity.objects.all()
    german = (get_language() or "").startswith("de")
    return {code: str(title) for code, title in ENTITIES.items()} | {
        each.code: (german and each.title_de) or each.title for each in own
    }


def entity_title(code: str) -> str:
    """Return the translated name of an entity, or its code where it is unknown."""
    if code in ENTITIES:
        return str(ENTITIES[code])
    return known_entities().get(code, code)


def add_entity(code: str, title: str, title_de: str = "") -> OwnEntity:
    """Add an entity to the catalogue, so that images of it can be imported and studied.

    Args:
        code: short, as images' metadata name it.
        title: what raters read, in English and in languages without a title of their own.
        title_de: in German.

    Raises:
        EvaluationError: the code is taken or malformed, or there is no title.
    """
    if problem := entity_problem(code, title):
        raise EvaluationError(problem)
    return OwnEntity.objects.create(code=code, title=capfirst(title), title_de=capfirst(title_de))


def entity_problem(code: str, title: str) -> str | None:
    """Return why there can be no such entity, or None."""
    if not re.fullmatch(r"[a-z0-9_-]{1,16}", code):
        return f"the code '{code}' is not 1 to 16 small letters, digits, - or _"
    if code in known_entities():
        return f"an entity '{code}' exists already; choose another code"
    if not title.strip():
        return f"entity '{code}' has no title; write what raters shall read"
    return None
