"""Lesions on the desk's pages: taken from what is typed or uploaded, said and shown again."""

import base64
from io import BytesIO

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from PIL import Image

from generation.engine.generator import GenerationError
from generation.engine.lesions import (
    DRAWN,
    LARGEST,
    STORED,
    Flaw,
    MaskRefused,
    mask_of,
    written_from_image,
    written_from_text,
)
from generation.uploads import content_of

FLAWS = {
    Flaw.UNREADABLE: _(
        "%(name)s is no PNG or JPEG that can be read; save the mask as PNG and choose it again."
    ),
    Flaw.NOT_SQUARE: _(
        "%(name)s has %(width)d x %(height)d pixels; make it square, as the images are, with at "
        "most %(most)d, and choose it again."
    ),
    Flaw.EMPTY: _(
        "%(name)s is dark all over; make the lesion white and all else black, and choose it again."
    ),
    Flaw.FULL: _(
        "%(name)s is bright all over; make the lesion white and all else black, and choose it "
        "again."
    ),
}


def mask_field() -> forms.FileField:
    """Return the field that takes a lesion's mask."""
    return forms.FileField(
        label=_("or its mask"),
        required=False,
        help_text=_("A square PNG, white where the lesion is"),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
    )


def written_or_refused(lesion: str) -> str:
    """Return a lesion as it is written down, empty where none is given; a field's own error."""
    try:
        return written_from_text(lesion) if lesion else ""
    except GenerationError as problem:
        raise forms.ValidationError(str(problem)) from problem


def mask_or_refused(upload: UploadedFile | None) -> str:
    """Return an uploaded mask as it is written down, empty where none is; a field's own error."""
    if upload is None:
        return ""
    name = upload.name or ""
    try:
        return written_from_image(content_of(upload), name)
    except MaskRefused as problem:
        width, height = problem.size
        told = {"name": name, "width": width, "height": height, "most": LARGEST}
        raise forms.ValidationError(str(FLAWS[problem.flaw]) % told) from problem


def lesion_words(lesion: str) -> str:
    """Return a lesion in words: a mask by its share of the image."""
    if not lesion.startswith(DRAWN):
        return lesion
    share = mask_of(lesion, 0, STORED).mean()
    return gettext("a mask of %(percent)s %% of the image") % {"percent": f"{100 * share:.0f}"}


def picture_of(lesion: str, seed: int) -> str:
    """Return the mask of a lesion, bright on dark, as an address that holds the picture itself."""
    content = BytesIO()
    Image.fromarray(mask_of(lesion, seed, STORED)).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
