"""The learner's pages beside the reading page: progress, its table, the certificate.

Nothing here imports or queries ground truth.
"""

from collections.abc import Callable, Mapping
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from evaluation.entities import known_entities
from evaluation.lessons import Line, Shown, results_csv, shown_in, standing_of, summaries, total
from evaluation.models import Origin, Session, Study
from evaluation.skin.tones import SKINS
from evaluation.skin_names import SKIN_NAMES
from evaluation.views.forms import NameForm
from evaluation.views.reading import for_rater

StrOrPromise = str | Promise
#: Groups of skin tone, in words.
TONES = {**dict(zip(SKINS, SKIN_NAMES, strict=True)), "unknown": _("not known")}


def for_learner(
    view: Callable[[HttpRequest, Session], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give a view the session of a learner who has begun; there is no such page of other studies.

    Whoever has not begun is led to what comes first.
    """

    @wraps(view)
    def of_a_lesson(request: HttpRequest, session: Session) -> HttpResponse:
        if not session.rater.study.teaches:
            raise Http404
        return view(request, session) if session.started_at else redirect("reading")

    return never_cache(for_rater(of_a_lesson))


@for_learner
def progress(request: HttpRequest, session: Session) -> HttpResponse:
    """Show what was met and learnt so far, and what comes next."""
    study = session.rater.study
    shown = shown_in(study, session)
    context = {
        **_standing(session, shown),
        "tables": in_words(summaries(shown, study)),
        "open": study.takes_answers and not session.rater.withdrawn_at,
        "credits": (study.protocol or {})["credits"],
        "form": NameForm(),
    }
    return render(request, "evaluation/progress.html", context)


@for_learner
def results(request: HttpRequest, session: Session) -> HttpResponse:
    """Send the learner's own answers as CSV."""
    shown = shown_in(session.rater.study, session)
    return csv_file(results_csv(shown, named=False), f"{session.rater.study.slug}-results.csv")


@for_learner
def certificate(request: HttpRequest, session: Session) -> HttpResponse:
    """Show a page to print, with the name that the learner gives; the name is not kept."""
    form = NameForm(request.POST)
    shown = shown_in(session.rater.study, session)
    if request.method != "POST" or not form.is_valid() or not shown:
        return redirect("progress")
    context = {
        **_standing(session, shown),
        "name": form.cleaned_data["name"],
        "on": timezone.now(),
        "last": shown[-1].at,
    }
    return render(request, "evaluation/lesson_certificate.html", context)


def csv_file(text: str, name: str) -> HttpResponse:
    """Return CSV to be kept under a name."""
    return HttpResponse(
        text,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def in_words(tables: dict[str, list[Line]]) -> list[tuple[str, list[tuple[str, Line]]]]:
    """Return the tables of progress with their titles, each line with its group's name."""
    names: dict[str, tuple[StrOrPromise, Mapping[str, StrOrPromise]]] = {
        "entity": (_("By diagnosis"), known_entities()),
        "origin": (_("By origin"), {str(each): each.label for each in Origin}),
        "tone": (_("By skin tone"), TONES),
    }
    return [
        (str(title), [(str(words.get(line.group, line.group)), line) for line in tables[name]])
        for name, (title, words) in names.items()
    ]


def _standing(session: Session, shown: list[Shown]) -> dict[str, object]:
    answered, learnt = standing_of(session)
    study: Study = session.rater.study
    return {
        "session": session,
        "study": study,
        "cases": session.images,
        "answered": answered,
        "learnt": learnt,
        "all": total(shown),
    }
