"""The rater's pages: one address that shows what comes next, and the stimuli.

Nothing here imports or queries ground truth.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evaluation.api.reading import COOKIE, current_turn
from evaluation.entering import (
    debrief,
    decline,
    describe_device,
    describe_rater,
    entity_order,
    find_open_link,
    find_session,
    give_consent,
    open_invitation,
    start_reading,
    take_over,
    usual_minutes,
)
from evaluation.errors import InvitationInvalid, StudyNotOpen
from evaluation.invitations import join
from evaluation.models import Session
from evaluation.sessions import stimulus_bytes
from evaluation.views.forms import AboutForm, DebriefForm, DeviceForm
from evaluation.views.questions import asked_questions

#: What raters are told of their own results, in this order.
RESULTS = {
    "real": _("Photographs recognised as real"),
    "synthetic": _("AI images recognised as AI"),
    "pairs": _("Pairs in which you found the AI image"),
    "entity": _("Diagnoses named right"),
}
COOKIE_AGE_S = 90 * 24 * 3600  # a rater may take weeks


def for_rater(
    view: Callable[[HttpRequest, Session], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give a view the session that the rater's link opened; without one, ask for the link."""

    @wraps(view)
    def with_session(request: HttpRequest) -> HttpResponse:
        session = find_session(request.COOKIES.get(COOKIE))
        return view(request, session) if session else _no_way_in(request, "absent", "")

    return with_session


@never_cache
@require_GET
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Open a rater's link: remember the session in a cookie and leave the token behind.

    Whoever is signed in at the desk reads no study.
    """
    if request.user.is_authenticated:
        return _no_way_in(request, "desk", "")
    try:
        session = open_invitation(token)
    except InvitationInvalid as problem:
        return _no_way_in(request, problem.reason, problem.contact)
    response = redirect("reading")
    response.set_cookie(
        COOKIE,
        session.key,
        max_age=COOKIE_AGE_S,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Let whoever came by an open link join; only pressing the button makes a rater of them."""
    if request.user.is_authenticated:
        return _no_way_in(request, "desk", "")
    try:
        study = find_open_link(token).study
        if request.method != "POST":
            return render(request, "evaluation/join.html", {"study": study})
        link = join(token)
    except InvitationInvalid as problem:
        return _no_way_in(request, problem.reason, problem.contact)
    except StudyNotOpen:
        return _no_way_in(request, "full", study.contact)
    return redirect("invitation", link.token)


@never_cache
@for_rater
def reading(request: HttpRequest, session: Session) -> HttpResponse:
    """Show what comes next for this rater: consent, instructions, the images, or thanks."""
    study = session.rater.study
    shared: dict[str, object] = {
        "session": session,
        "study": study,
        "total": session.images,
    }
    over = session.completed_at or session.rater.withdrawn_at or not study.takes_answers
    if study.teaches and session.started_at and over:
        return redirect("progress")
    if session.completed_at:
        results = session.rater.results or {}
        told = [(RESULTS[what], *results[what]) for what in RESULTS if what in results]
        asked = study.debrief and not study.closed_at and session.debrief is None
        form = DebriefForm() if asked else None
        return render(request, "evaluation/done.html", {**shared, "results": told, "form": form})
    ahead = study.opens_at is not None and study.opens_at > timezone.now()
    not_yet = ahead and not study.closed_at
    if session.rater.withdrawn_at or (not study.takes_answers and not not_yet):
        return render(request, "evaluation/ended.html", shared, status=410)
    if not_yet or not session.is_open:
        return render(request, "evaluation/waiting.html", shared)
    if session.consented_at is None:
        return _consent_page(request, session)
    shared["questions"] = asked_questions(study, entity_order(session))
    if session.started_at is None:
        return _before_reading(request, session, shared)
    shared |= {
        "turn": current_turn(session),
        "answers": reverse("answers"),
        "reading_name": f"{session.rater.code}-{session.occasion}",
        "window": take_over(session),
    }
    return render(request, "evaluation/reading.html", shared)


def _consent_page(
    request: HttpRequest, session: Session, *, unticked: bool = False
) -> HttpResponse:
    context = {
        "session": session,
        "study": session.rater.study,
        "total": session.images,
        "minutes": usual_minutes(session),
        "unticked": unticked,
    }
    status = 422 if unticked else 200
    return render(request, "evaluation/consent.html", context, status=status)


def _before_reading(
    request: HttpRequest, session: Session, shared: dict[str, object]
) -> HttpResponse:
    """Show the first of the pages before the images that is not done yet."""
    study = session.rater.study
    if study.questionnaire and session.rater.about is None:
        return render(request, "evaluation/about.html", {**shared, "form": AboutForm()})
    if study.device_check and session.device is None:
        return render(request, "evaluation/device.html", {**shared, "form": DeviceForm()})
    return render(request, "evaluation/instructions.html", shared)


@require_POST
@for_rater
def consent(request: HttpRequest, session: Session) -> HttpResponse:
    """Take the rater's consent, or their refusal; without the box ticked, ask again."""
    study = session.rater.study
    if request.POST.get("agree") == "no":
        decline(session)
        return render(request, "evaluation/declined.html", {"study": study})
    if request.POST.get("agree") != "yes":
        return _consent_page(request, session, unticked=True)
    give_consent(session)
    return redirect("reading")


@require_POST
@for_rater
def about(request: HttpRequest, session: Session) -> HttpResponse:
    """Keep what the rater says of themselves."""
    form = AboutForm(request.POST)
    if not form.is_valid():
        context = {"session": session, "study": session.rater.study, "form": form}
        return render(request, "evaluation/about.html", context, status=422)
    describe_rater(session, form.answers())
    return redirect("reading")


@require_POST
@for_rater
def device(request: HttpRequest, session: Session) -> HttpResponse:
    """Keep what the rater's screen is and shows; nothing that is wrong with it stops anybody."""
    form = DeviceForm(request.POST)
    if not form.is_valid():
        context = {"session": session, "study": session.rater.study, "form": form}
        return render(request, "evaluation/device.html", context, status=422)
    describe_device(session, form.cleaned_data)
    return redirect("reading")


@require_POST
@for_rater
def ending(request: HttpRequest, session: Session) -> HttpResponse:
    """Keep what the rater says after the last image."""
    form = DebriefForm(request.POST)
    if not form.is_valid():
        context = {"session": session, "study": session.rater.study, "total": session.images}
        return render(request, "evaluation/done.html", {**context, "form": form}, status=422)
    debrief(session, form.answers())
    return redirect("reading")


@require_POST
@for_rater
def start(request: HttpRequest, session: Session) -> HttpResponse:
    """Begin the reading."""
    start_reading(session)
    return redirect("reading")


@require_GET
def stimulus(request: HttpRequest, token: str, *, beside: bool = False) -> HttpResponse:
    """Send a stimulus, if it is this rater's current or next one; headers never differ."""
    content = stimulus_bytes(request.COOKIES.get(COOKIE), token, beside=beside)
    if content is None:
        raise Http404
    return HttpResponse(
        content,
        content_type="image/png",
        headers={
            "Content-Length": str(len(content)),
            "Content-Disposition": "inline",
            "Cache-Control": "private, no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


def _no_way_in(request: HttpRequest, reason: str, contact: str) -> HttpResponse:
    return render(
        request,
        "evaluation/no_way_in.html",
        {"reason": reason, "contact": contact or settings.CONTACT},
        status=403,
    )
