"""What an author says of a photograph, and the files that come with it."""

from pathlib import Path
from typing import Any

import numpy as np
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evaluation.entities import ENTITIES
from evaluation.importing import LICENCE
from generation.batches import OWN_WEIGHTS
from generation.deidentification import Wish, check_wish
from generation.engine.generator import GenerationError
from generation.engine.masked import check_keep
from generation.engine.registry import generator_names, vocabulary_of
from generation.forms import SEX_NAMES, SITE_NAMES, SKIN_DEGREES, SKIN_NAMES, SKIN_SCALES
from generation.photographs import Mask, Photograph, Pixels, mask_in, photograph_of
from generation.uploads import content_of

MOST_PIXELS = 13_000_000  # a copy of so many needs about 3 GB of memory
#: Bands of ages by their middle, in years.
AGE_BANDS = {
    **{str(start + 5): f"{start}–{start + 9}" for start in range(0, 90, 10)},
    "95": "90+",
}
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0")
PHOTOGRAPHS = "image/jpeg,image/png"


def masking_generators() -> list[tuple[str, str]]:
    """Return the generators, which all paint around what is kept, as choices."""
    return [(name, name) for name in generator_names(OWN_WEIGHTS) if _is_whole(name)]


def _is_whole(name: str) -> bool:
    try:
        vocabulary_of(name, OWN_WEIGHTS)
    except GenerationError:  # broken weights are named where they are asked for
        return False
    return True


class SubmissionForm(forms.Form):
    """A photograph, its mask, and what is known of it; a valid one holds a checked wish."""

    photograph = forms.FileField(
        label=_("Photograph"),
        help_text=_(
            "JPEG or PNG. Place, time and names that the camera wrote into it are not stored"
        ),
        widget=forms.FileInput(attrs={"accept": PHOTOGRAPHS}),
    )
    mask = forms.FileField(
        label=_("Mask from a file"),
        required=False,
        help_text=_("As large as the photograph: white is kept, black is painted anew"),
        widget=forms.FileInput(attrs={"accept": PHOTOGRAPHS}),
    )
    entity = forms.ChoiceField(label=_("Diagnosis"), choices=list(ENTITIES.items()))
    sex = forms.ChoiceField(
        label=_("Sex"), required=False, choices=[("", _("not said")), *SEX_NAMES.items()]
    )
    age = forms.TypedChoiceField(
        label=_("Age in years"),
        required=False,
        coerce=float,
        empty_value=None,
        choices=[("", _("not said")), *AGE_BANDS.items()],
    )
    site = forms.ChoiceField(
        label=_("Body site"), required=False, choices=[("", _("not said")), *SITE_NAMES.items()]
    )
    tone = forms.TypedChoiceField(
        label=_("Skin"),
        required=False,
        coerce=float,
        empty_value=None,
        help_text=_("Chosen here, not even the colour of the surroundings is told"),
    )
    licence = forms.RegexField(
        rf"\A{LICENCE.pattern}\Z",
        label=_("Licence of the photograph"),
        max_length=40,
        help_text=_("SPDX identifier, such as CC-BY-4.0"),
        error_messages={"invalid": _("This is no SPDX identifier; write for example CC-BY-4.0.")},
        widget=forms.TextInput(attrs={"list": "licences", "spellcheck": "false"}),
    )
    generator = forms.ChoiceField(label=_("Generator"), choices=masking_generators)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Name the skin types in the language of the page."""
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        tones = zip(SKIN_DEGREES, SKIN_NAMES, SKIN_SCALES, strict=True)
        field = self.fields["tone"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [
            ("", _("as around the lesion")),
            *((str(tone), f"{name} · Fitzpatrick ≈ {scales[0]}") for tone, name, scales in tones),
        ]

    def clean_photograph(self) -> Photograph:
        """Decode it: what is not its pixels goes no further."""
        photograph = _decoded(self.cleaned_data["photograph"])
        height, width = photograph.pixels.shape[:2]
        if height * width > MOST_PIXELS:
            raise forms.ValidationError(
                gettext(
                    "It has %(width)d x %(height)d pixels; make it smaller than %(most)d "
                    "megapixels."
                )
                % {"width": width, "height": height, "most": MOST_PIXELS // 10**6}
            )
        return photograph

    def clean_mask(self) -> Mask:
        """Read what is kept."""
        upload = self.cleaned_data["mask"]
        if not upload:
            raise forms.ValidationError(
                gettext("Mark the lesion in the photograph, or choose a mask from a file.")
            )
        try:
            return mask_in(_decoded(upload))
        except GenerationError as problem:
            raise forms.ValidationError(unnamed(problem)) from problem

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot be done."""
        data = super().clean() or {}
        if "photograph" in data and "mask" in data:
            try:
                check_keep(self.pixels, data["mask"])
            except GenerationError as problem:
                self.add_error("mask", str(problem))
        if not self.errors:
            try:
                check_wish(self.wish)
            except GenerationError as problem:
                self.add_error(None, str(problem))
        return data

    @property
    def pixels(self) -> Pixels:
        """Of the photograph."""
        pixels: Pixels = self.cleaned_data["photograph"].pixels
        return np.ascontiguousarray(pixels)

    @property
    def wish(self) -> Wish:
        """What is asked of the skin around the lesion."""
        data = self.cleaned_data
        return Wish(
            generator=data["generator"],
            entity=data["entity"],
            sex=data["sex"] or None,
            age=data["age"],
            site=data["site"] or None,
            tone=data["tone"],
        )


class PreviewForm(forms.Form):
    """A small version of a photograph, in which a mask shall be proposed."""

    photograph = SubmissionForm.base_fields["photograph"]
    clean_photograph = SubmissionForm.clean_photograph


def _decoded(upload: UploadedFile) -> Photograph:
    content = content_of(upload)
    try:
        return photograph_of(Path("file"), content)
    except GenerationError as problem:
        raise forms.ValidationError(unnamed(problem)) from problem


def unnamed(problem: GenerationError) -> str:
    """Return a message without the name of the file: the field says which it is."""
    return str(problem).removeprefix("file: ")
