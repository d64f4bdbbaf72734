"""The diagnostic entities, in the order of the published study (Shavlokhova et al. 2023)."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Entity:
    """A diagnostic entity: its code in HAM10000 and its name."""

    code: str
    title: str | Promise


ENTITIES: dict[str, Entity] = {
    entity.code: entity
    for entity in (
        Entity("mel", _("Melanoma")),
        Entity("nv", _("Melanocytic nevus")),
        Entity("akiec", _("Actinic keratosis / intraepithelial carcinoma")),
        Entity("bkl", _("Benign keratosis")),
        Entity("bcc", _("Basal cell carcinoma")),
        Entity("df", _("Dermatofibroma")),
        Entity("vasc", _("Vascular lesion")),
    )
}


def entity_title(code: str) -> str:
    """Return the translated name of an entity, or its code where it is none of the seven."""
    return str(ENTITIES[code].title) if code in ENTITIES else code
