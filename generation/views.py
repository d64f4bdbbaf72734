"""The desk's page that generates images: a form, the images as they are made, each one large."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluation.admin.base import who
from evaluation.catalogue import read_original
from evaluation.errors import EvaluationError
from generation.batches import stop_batch
from generation.engine.generator import GenerationError
from generation.engine.lesions import DRAWN
from generation.forms import WORDS, GenerateForm, filled_in, titled, told, usual
from generation.models import Batch
from generation.shapes import lesion_words, mask_or_refused, picture_of
from generation.showing import Shown, lately, shown_images
from generation.standing import Standing, standing_of
from generation.tasks import start_batch

#: Prompts to begin with.
EXAMPLES = (
    "basal cell carcinoma on the face",
    "a mole on the foot of a man",
    "vascular lesion",
)

#: Fields in which the images are described by choices, in order.
CHOSEN = ("entity", "sex", "age", "site", "tone", "lesion")

View = Callable[..., HttpResponse]


def for_generating(view: View) -> View:
    """Let in who may add batches."""
    allowed = permission_required("generation.add_batch", raise_exception=True)(view)
    return wraps(view)(staff_member_required(allowed))


@require_http_methods(["GET", "POST"])
@for_generating
def generate(request: HttpRequest) -> HttpResponse:
    """Show the form, filled with what the query says; begin a batch when asked."""
    if request.method == "GET":
        form = GenerateForm({**usual(), **request.GET.dict()})
        form.is_valid()
        return _page(request, form)
    form = GenerateForm(request.POST.dict(), request.FILES)
    if form.is_valid():
        try:
            batch = form.plan(who(request))
        except GenerationError as problem:
            form.add_error(None, str(problem))
        else:
            start_batch(batch, who(request))
            return redirect(f"{reverse('generated', args=[batch.pk])}#images")
    return _page(request, form, status=422)


@require_POST
@for_generating
def mask(request: HttpRequest) -> JsonResponse:
    """Return the mask in a file as a lesion is written down, and in words; or what is wrong."""
    try:
        lesion = mask_or_refused(request.FILES.get("mask"))
    except ValidationError as problem:
        return JsonResponse({"problem": " ".join(problem.messages)}, status=422)
    return JsonResponse({"lesion": lesion, "words": lesion_words(lesion)})


@require_GET
@for_generating
def made(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the images of a batch beside the form that asks for more."""
    batch = _batch(pk)
    form = GenerateForm({**usual(), **filled_in(batch)})
    form.is_valid()
    return _page(request, form, batch)


@require_GET
@for_generating
def progress(request: HttpRequest, pk: int) -> JsonResponse:
    """Say how far a batch is, with a tile for each image: made, or still to come."""
    batch = _batch(pk)
    standing = standing_of(batch)
    context = _images(batch, standing)
    return JsonResponse(
        {
            "running": standing.running,
            "made": standing.made,
            "total": standing.total,
            "news": standing.news,
            "tiles": [
                render_to_string("generation/tile.html", {"shown": shown, "batch": batch})
                for shown in context["tiles"]
            ],
            "standing": render_to_string("generation/standing.html", context, request),
        }
    )


@require_POST
@for_generating
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin nothing more of a batch."""
    stop_batch(_batch(pk))
    return redirect(f"{reverse('generated', args=[pk])}#images")


@require_GET
@for_generating
def large(request: HttpRequest, pk: int, image: int) -> HttpResponse:
    """Show one image large, with where it comes from."""
    batch = _batch(pk)
    images = shown_images(batch)
    shown = next((each for each in images if each.image.pk == image), None)
    if shown is None:
        raise Http404
    place = images.index(shown)
    context = {
        **admin.site.each_context(request),
        "title": _("Image %(number)d of %(total)d") % {"number": place + 1, "total": len(images)},
        "batch": batch,
        "shown": shown,
        "before": images[place - 1] if place else None,
        "after": images[place + 1] if place + 1 < len(images) else None,
        "told": told(batch),
        "shape": _shape(batch, shown.seed),
        "solved": GenerateForm({"generator": batch.generator}).vocabulary.solved,
        "again": filled_in(batch),
        "other": urlencode(filled_in(batch, count=1, seed=shown.seed)),
    }
    return render(request, "generation/large.html", context)


@require_GET
@for_generating
def original(request: HttpRequest, pk: int, image: int) -> HttpResponse:
    """Send an original, with its provenance inside."""
    shown = next((each for each in shown_images(_batch(pk)) if each.image.pk == image), None)
    if shown is None:
        raise Http404
    try:
        content = read_original(shown.image)
    except EvaluationError as problem:
        raise Http404 from problem
    return HttpResponse(
        content, content_type="image/png", headers={"Cache-Control": "private, max-age=3600"}
    )


def _batch(pk: int) -> Batch:
    """Return a batch that was made on this page, of one diagnosis."""
    return get_object_or_404(Batch, pk=pk, consecutive=True)


def _shape(batch: Batch, seed: int) -> str:
    """Return the shape that was asked for in the image of a seed as a picture, if any was."""
    lesion = batch.asked.get("lesion")
    return picture_of(lesion, seed) if lesion else ""


def _page(
    request: HttpRequest, form: GenerateForm, batch: Batch | None = None, status: int = 200
) -> HttpResponse:
    generator = form["generator"].value() or ""
    examples = [
        (prompt, urlencode({"generator": generator, "by": WORDS, "prompt": prompt}))
        for prompt in EXAMPLES
    ]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Generate AI images"),
        "form": form,
        "choices": [form[name] for name in CHOSEN if name in form.fields],
        "more": [form[name] for name in ("guidance", "steps", "seed") if name in form.fields],
        "words": form.vocabulary.taught,
        "lost_file": request.GET.get("mask", ""),  # a form that is sent by GET holds its name
        **_mask_of(form),
        "examples": examples,
        "lately": lately(batch),
    }
    if batch:
        context |= _images(batch, standing_of(batch))
    return render(request, "generation/generate.html", context, status=status)


def _mask_of(form: GenerateForm) -> dict[str, str]:
    """Return the mask that a form asks for, in words and as a picture; nothing where none is."""
    lesion = form["lesion"].value() or "" if "lesion" in form.fields else ""
    if not lesion.startswith(DRAWN) or "lesion" in form.errors:
        return {}
    return {"mask_words": lesion_words(lesion), "mask_picture": picture_of(lesion, 0)}


def _images(batch: Batch, standing: Standing) -> dict[str, Any]:
    images = shown_images(batch)
    missing: list[Shown | None] = [None] * (standing.total - standing.made)
    return {
        "batch": batch,
        "titled": titled(batch),
        "shape": _shape(batch, batch.seed),
        "standing": standing,
        "tiles": [*images, *missing],
        "hidden": standing.made - len(images),
        "suspected": sum(each.image.suspected_copy for each in images),
        "again": filled_in(batch),
    }
