"""A draft as its raters will see it: the reading page itself, whose answers go nowhere."""

from base64 import b64encode
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from evaluation.catalogue import open_original
from evaluation.design.items import Item
from evaluation.design.pairs import match_pairs
from evaluation.design.randomness import SeededStream
from evaluation.models import Image, Study, Use
from evaluation.sealing import treatment_of
from evaluation.stimuli import render_stimulus
from evaluation.views.questions import asked_questions

IMAGES = 6


def preview_page(request: HttpRequest, study: Study) -> HttpResponse:
    """Show the reading page of a draft with a few of its images."""
    address = reverse("admin:evaluation_study_preview_answers", args=[study.pk])
    context = {
        "study": study,
        "questions": asked_questions(study),
        "turn": _turn(study, 0),
        "answers": address,
        "reading_name": f"preview-{study.pk}",
        "preview": reverse("admin:evaluation_study_change", args=[study.pk]),
    }
    return render(request, "evaluation/reading.html", context)


def preview_answer(study: Study, token: str) -> HttpResponse:
    """Return the turn after the one that `token` names; the answer is thrown away."""
    number = int(token) + 1 if token.isdigit() else 0
    return JsonResponse({**_turn(study, number), "feedback": None}, status=201)


def _turn(study: Study, number: int) -> dict[str, Any]:
    """Return what the page learns of a turn, as from the API, with the images in it."""
    shown = _images(study)
    return {
        "token": str(number) if number < len(shown) else None,
        "images": [_address(study, image) for image in shown[number]]
        if number < len(shown)
        else [],
        "ahead": [_address(study, i) for i in shown[number + 1]] if number + 1 < len(shown) else [],
        "exposure": study.exposure_ms,
        "previous": None,
        "answered": number,
        "total": len(shown),
        "practice": False,
        "learnt": None,
        "pause": False,
        "minutes": None,
    }


def _images(study: Study) -> list[list[Image]]:
    """Return a few of the drawn images, each by itself or as pairs."""
    drawn = study.drawn.filter(use=Use.STUDY).select_related("image").order_by("image__sha256")
    images = [each.image for each in drawn]
    stream = SeededStream(study.seed, "preview")
    if not study.pairs:
        return [[image] for image in stream.shuffled(images)[:IMAGES]]
    items = [Item(k, i.origin, i.entity, i.generator) for k, i in enumerate(images)]
    pairs = stream.shuffled(match_pairs(items, stream))[:IMAGES]
    sides = [stream.shuffled([pair.real, pair.synthetic]) for pair in pairs]
    return [[images[left], images[right]] for left, right in sides]


def _address(study: Study, image: Image) -> str:
    chance = SeededStream(study.seed, "preview", image.sha256)
    png = render_stimulus(open_original(image), treatment_of(study), chance)
    return f"data:image/png;base64,{b64encode(png).decode()}"
