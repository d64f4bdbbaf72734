"""The pages of de-identification: submit a photograph, see where it stands, decide on it."""

from collections.abc import Callable
from functools import wraps

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluation.admin.base import who
from evaluation.catalogue import encoded
from evaluation.errors import EvaluationError
from generation.engine.generator import GenerationError
from generation.models import Submission
from generation.submissions import services
from generation.submissions.forms import LICENCES, PreviewForm, SubmissionForm, unnamed
from generation.submissions.links import (
    LIFETIME,
    NOT_YOURS,
    LinkRefused,
    link_token,
    linked_submission,
)
from generation.submissions.proposing import proposed_mask
from generation.submissions.services import (
    MAY_APPROVE,
    MAY_REVIEW,
    MAY_SUBMIT,
    MAY_TAKE,
    ROLES,
    may_see_copy,
    seen_by,
)
from generation.submissions.showing import page_of, rows_of
from generation.tasks import compare_image, start_copy

#: Of pixels that not everybody may see: embedded nowhere else.
PRIVATE = {"Cross-Origin-Resource-Policy": "same-origin"}

View = Callable[..., HttpResponse]


def for_any(*permissions: str) -> Callable[[View], View]:
    """Let in accounts with at least one of some permissions; what they get is kept nowhere."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not any(who(request).has_perm(each) for each in permissions):
                raise PermissionDenied
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "private, no-store")
            return response

        return staff_member_required(guarded)

    return decorate


@require_GET
@for_any(*ROLES)
def submissions(request: HttpRequest) -> HttpResponse:
    """List the submissions that the account may know of: those that wait for it first."""
    context = {
        **admin.site.each_context(request),
        "title": _("De-identified photographs"),
        "waiting": rows_of(who(request), waiting=True),
        "others": rows_of(who(request), waiting=False),
        "may_submit": who(request).has_perm(MAY_SUBMIT),
    }
    return render(request, "generation/submissions/list.html", context)


@require_http_methods(["GET", "POST"])
@for_any(MAY_SUBMIT)
def submit(request: HttpRequest) -> HttpResponse:
    """Show the form, filled with what the query says; take a photograph in."""
    if request.method == "GET":
        return _form(request, SubmissionForm(initial=request.GET.dict()))
    form = SubmissionForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            submission = services.submit_photograph(
                author=who(request),
                photograph=form.pixels,
                keep=form.cleaned_data["mask"],
                wish=form.wish,
                licence=form.cleaned_data["licence"],
            )
        except (GenerationError, EvaluationError) as problem:
            form.add_error(None, str(problem))
        else:
            start_copy(submission)
            return redirect("submission", submission.pk)
    return _form(request, form, status=422)


@require_POST
@for_any(MAY_SUBMIT)
def propose(request: HttpRequest) -> HttpResponse:
    """Propose a mask for a photograph, or a small version of it, which is stored nowhere."""
    form = PreviewForm(request.POST, request.FILES)
    if not form.is_valid():
        return _plain("; ".join(str(said) for each in form.errors.values() for said in each), 422)
    try:
        mask = proposed_mask(form.cleaned_data["photograph"])
    except GenerationError as problem:
        return _plain(unnamed(problem), 422)
    return HttpResponse(encoded(mask, ""), content_type="image/png", headers=PRIVATE)


@require_GET
@for_any(*ROLES)
def submission(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where a submission stands, what was checked, and what its viewer may do now."""
    found = _submission(request, pk)
    token = request.GET.get("look", "")
    if token:
        try:
            _opened(request, token, pk)
        except LinkRefused as refused:
            messages.error(request, str(refused))
            return redirect("submission", pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Submission %d") % pk,
        "page": page_of(found, who(request)),
        "look": token,
        "minutes": LIFETIME.seconds // 60,
    }
    return render(request, "generation/submissions/submission.html", context)


@require_POST
@for_any(MAY_REVIEW)
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link to the original for this reviewer, and show it beside the copy."""
    token = link_token(_submission(request, pk), who(request))
    return redirect(f"{reverse('submission', args=[pk])}?{urlencode({'look': token})}#original")


@require_GET
@for_any(MAY_REVIEW)
def original(request: HttpRequest, token: str) -> HttpResponse:
    """Send an original to the reviewer for whom the link was made."""
    try:
        found = _submission(request, linked_submission(token, who(request)))
        content = services.look_at_original(found, who(request))
    except LinkRefused as refused:
        raise PermissionDenied(str(refused)) from refused
    except EvaluationError as problem:
        raise Http404 from problem
    return HttpResponse(content, content_type="image/jpeg", headers=PRIVATE)


@require_GET
@for_any(*ROLES)
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a copy to those who may see it now."""
    found = _submission(request, pk)
    if not may_see_copy(who(request), found):
        raise Http404
    try:
        content = services.read_copy(found)
    except EvaluationError as problem:
        raise Http404 from problem
    return HttpResponse(content, content_type="image/png", headers=PRIVATE)


@require_GET
@for_any(*ROLES)
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an approved copy with its report."""
    try:
        content = services.export_copy(_submission(request, pk), who(request))
    except EvaluationError as problem:
        raise PermissionDenied(str(problem)) from problem
    name = f"deidentified-{pk}.zip"
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
@for_any(MAY_SUBMIT)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a copy made again after one has failed."""

    def act(found: Submission) -> None:
        services.make_another(found, who(request))
        start_copy(found)

    return _do(request, pk, act, _("The copy is being made again."))


@require_POST
@for_any(MAY_REVIEW)
def passed_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Pass a submission on to the editors."""
    clean = request.POST.get("nothing_left") == "on"
    return _do(
        request,
        pk,
        lambda found: services.pass_on(found, who(request), nothing_left=clean),
        _("Passed on to the editors."),
    )


@require_POST
@for_any(MAY_REVIEW, MAY_APPROVE)
def returned(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a submission back to its author."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        pk,
        lambda found: services.return_submission(found, who(request), reason=reason),
        _("Returned to its author."),
    )


@require_POST
@for_any(MAY_APPROVE)
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a copy out."""
    return _do(
        request,
        pk,
        lambda found: services.approve_copy(found, who(request)),
        _("Approved: the copy can be exported now."),
    )


@require_POST
@for_any(MAY_APPROVE)
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an original."""
    return _do(
        request,
        pk,
        lambda found: services.delete_original(found, who(request)),
        _("The original is deleted."),
    )


@require_POST
@for_any(MAY_TAKE)
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an approved copy into the catalogue, and compare it with the photographs there."""

    def act(found: Submission) -> None:
        image = services.take_into_catalogue(found, who(request))
        compare_image.enqueue(image.pk)

    return _do(request, pk, act, _("The copy is in the catalogue, as a generated image."))


def _do(
    request: HttpRequest, pk: int, act: Callable[[Submission], None], done: str
) -> HttpResponse:
    """Do one step, say what came of it, and show the submission."""
    try:
        act(_submission(request, pk))
        messages.success(request, done)
    except EvaluationError as problem:
        messages.error(request, str(problem))
    return redirect("submission", pk)


def _submission(request: HttpRequest, pk: int) -> Submission:
    return get_object_or_404(seen_by(who(request)), pk=pk)


def _opened(request: HttpRequest, token: str, pk: int) -> None:
    """Check that a token opens this submission's original for this reviewer.

    Raises:
        LinkRefused: it does not.
    """
    if not who(request).has_perm(MAY_REVIEW) or linked_submission(token, who(request)) != pk:
        raise LinkRefused(NOT_YOURS)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)


def _form(request: HttpRequest, form: SubmissionForm, status: int = 200) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("De-identify a photograph"),
        "form": form,
        "licences": LICENCES,
    }
    return render(request, "generation/submissions/submit.html", context, status=status)
