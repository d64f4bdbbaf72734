"""What may be submitted: photographs, masks and words that cannot be taken are named."""

import io

import numpy as np
import pytest
from django.urls import reverse

from evaluation.models import AuditEvent
from generation import uploads
from generation.models import Submission
from generation.submissions import forms
from tests.generation.submitting import asked, disc, picture, shown

pytestmark = pytest.mark.django_db


def _bomb():
    """A PNG of 100 megapixels in a few kB."""
    return picture(np.zeros((10_000, 10_000), np.uint8), optimize=False)


BAD = {
    "a text": ({"photograph": b"no photograph"}, "Photograph: is neither JPEG nor PNG"),
    "a page": (
        {"photograph": b"<html><script>alert(1)</script></html>"},
        "Photograph: is neither JPEG nor PNG",
    ),
    "cut off": ({"photograph": picture(shown())[:5000]}, "Photograph: is broken"),
    "a mask of another size": (
        {"mask": picture(disc((384, 288)))},
        "has 288 x 384 pixels, its photograph 384 x 288",
    ),
    "an empty mask": ({"mask": picture(np.zeros((288, 384), bool))}, "Mask from a file: is empty"),
    "a full mask": ({"mask": picture(np.ones((288, 384), bool))}, "Mask from a file: is full"),
    "no mask": ({"mask": ""}, "Mark the lesion in the photograph"),
    "a photograph for a mask": ({"mask": picture(shown())}, "is no mask, it has greys"),
    "no licence": ({"licence": "free for all!"}, "This is no SPDX identifier"),
    "a licence in words": ({"licence": "CC BY"}, "This is no SPDX identifier"),
    "an unknown site": ({"site": "face"}, "site &#x27;face&#x27; is unknown; use one of back"),
    "another generator": ({"generator": "../tiny"}, "../tiny is not one of the available"),
}


def test_what_cannot_be_taken_is_named_and_not_stored(tiny, browsers):
    for case, (changes, words) in BAD.items():
        form = asked()
        for name, content in changes.items():
            form[name] = io.BytesIO(content) if isinstance(content, bytes) else content

        reply = browsers["author"].post(reverse("submit"), form)

        assert reply.status_code == 422, case
        assert words in reply.content.decode(), case
    assert not Submission.objects.exists()
    assert not AuditEvent.objects.filter(act="submit_photograph").exists()


def test_bombs_and_giants_are_refused_by_their_header_or_size(tiny, browsers, monkeypatch):
    reply = browsers["author"].post(reverse("submit"), asked(photograph=_bomb()))
    assert "has 10000 x 10000 pixels; make it smaller than" in reply.content.decode()

    monkeypatch.setattr(forms, "MOST_PIXELS", 1000)
    reply = browsers["author"].post(reverse("submit"), asked())
    assert "It has 384 x 288 pixels; make it smaller" in reply.content.decode()
    monkeypatch.setattr(uploads, "LARGEST_FILE", 1000)
    reply = browsers["author"].post(reverse("submit"), asked())
    assert "MB; save it with at most" in reply.content.decode()
    assert not Submission.objects.exists()
