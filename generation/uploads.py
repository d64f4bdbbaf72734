"""Files that come with a form of the desk."""

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from evaluation.decoding import LARGEST_FILE


def content_of(upload: UploadedFile) -> bytes:
    """Return what is in an uploaded file; a field's own error where it is too large."""
    size = upload.size or 0
    if size > LARGEST_FILE:
        raise forms.ValidationError(
            gettext("It has %(size)d MB; save it with at most %(most)d MB.")
            % {"size": size // 10**6, "most": LARGEST_FILE // 10**6}
        )
    content: bytes = upload.read()
    return content
