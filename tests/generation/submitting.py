"""What is submitted to be de-identified, and a generator that paints it in no time."""

import io
from dataclasses import replace

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Picture

from generation import deidentification
from generation.submissions import forms, proposing, services

GPS = 0x8825


def paint_with_tiny(weights, monkeypatch):
    """Let the generators in the folder `weights` paint, once a photograph and in two steps."""
    for module in (deidentification, services, forms, proposing):
        monkeypatch.setattr(module, "OWN_WEIGHTS", weights)
    asked = services.wish_of
    monkeypatch.setattr(services, "wish_of", lambda each: replace(asked(each), steps=2))
    monkeypatch.setattr(services, "CANDIDATES", 1)


def shown():
    """Return a photograph (288, 384, 3) with texture everywhere."""
    return np.random.default_rng(1).integers(60, 200, (288, 384, 3)).astype(np.uint8)


def disc(shape=(288, 384), radius=60, at=(144, 192)):
    rows, columns = np.indices(shape)
    return np.hypot(rows - at[0], columns - at[1]) <= radius


def picture(pixels, form="PNG", **how):
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, form, **how)
    return out.getvalue()


def asked(photograph=None, mask=None, **changes):
    """Return what the form sends."""
    exif = Picture.Exif()
    exif[0x010E] = "Jane Doe"
    exif.get_ifd(GPS)[1] = "N"
    if photograph is None:
        photograph = picture(shown(), "JPEG", quality=95, exif=exif)
    return {
        "photograph": SimpleUploadedFile("Jane Doe.jpg", photograph),
        "mask": SimpleUploadedFile("mask.png", picture(disc()) if mask is None else mask),
        "entity": "mel",
        "sex": "female",
        "age": "45",
        "site": "back",
        "tone": "",
        "licence": "CC-BY-4.0",
        "generator": "tiny",
        **changes,
    }
