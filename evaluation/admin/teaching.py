"""Teaching in the admin: collections of cases, and the classes that are opened from them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from evaluation.admin.base import PlainAdmin, who
from evaluation.admin.study_acts import site_of
from evaluation.entities import entity_title
from evaluation.errors import EvaluationError
from evaluation.lessons import Line, Shown, results_csv, shown_in, standing_of, summaries, total
from evaluation.models import Case, Collection, Session, Study
from evaluation.teaching import LEAST_CASES, MOST_TIMES_RIGHT, QUESTIONS, open_class
from evaluation.views.lessons import csv_file, in_words
from evaluation.views.questions import LEGENDS


class CaseInline(admin.TabularInline):
    """The cases, with what there is to see in each; they come in from the catalogue."""

    model = Case
    extra = 0
    fields = ("thumbnail", "told", "features")
    readonly_fields = ("thumbnail", "told")
    formfield_overrides = {CharField: {"widget": forms.Textarea(attrs={"rows": 4, "cols": 60})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """Leave out what a study that is open for reading shows."""
        return super().get_queryset(request).filter(image__sealed=False).select_related("image")

    @admin.display(description=_("image"))
    def thumbnail(self, case: Case) -> SafeString:
        """The image, small, with a link to its page."""
        return format_html(
            '<a href="{}"><img src="{}" width="96" alt="{}"></a>',
            reverse("admin:evaluation_image_change", args=[case.image_id]),
            reverse("admin:evaluation_image_thumbnail", args=[case.image_id]),
            case.image.name,
        )

    @admin.display(description=_("what it is"))
    def told(self, case: Case) -> str:
        """What learners are told beside the key features."""
        image = case.image
        return " · ".join(
            str(each)
            for each in (entity_title(image.entity), image.get_origin_display(), image.explanation)
            if each
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Cases are chosen in the catalogue, where they can be seen."""
        return False


class ClassForm(forms.Form):
    """What is chosen when a class is opened."""

    title = forms.CharField(label=_("Title"), max_length=120, help_text=_("Learners see this"))
    contact = forms.CharField(label=_("Whom learners may ask"), max_length=120, required=False)
    questions = forms.MultipleChoiceField(
        label=_("Questions"),
        choices=[(str(each), LEGENDS[each]) for each in QUESTIONS],
        initial=[str(each) for each in QUESTIONS],
        widget=forms.CheckboxSelectMultiple,
    )
    times_right = forms.IntegerField(
        label=_("Right so many times in a row, until a case is learnt"),
        initial=2,
        min_value=1,
        max_value=MOST_TIMES_RIGHT,
    )
    learners = forms.IntegerField(
        label=_("Learners at most"), initial=50, min_value=1, max_value=500
    )


@admin.register(Collection)
class CollectionAdmin(PlainAdmin):
    """A collection, its cases, and its classes."""

    add_title = _("Put a teaching collection together")
    list_display = ("name", "cases_count", "classes_count")
    fields = ("name",)
    inlines = (CaseInline,)
    change_form_template = "admin/evaluation/collection/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Count cases and classes in the same query."""
        counted = {name: Count(name, distinct=True) for name in ("cases", "classes")}
        return (
            super()
            .get_queryset(request)
            .annotate(n_cases=counted["cases"], n_classes=counted["classes"])
        )

    @admin.display(description=_("cases"))
    def cases_count(self, collection: Collection) -> int:
        """How many cases it holds."""
        return collection.n_cases  # type: ignore[attr-defined]

    @admin.display(description=_("classes"))
    def classes_count(self, collection: Collection) -> int:
        """How many classes were opened from it."""
        return collection.n_classes  # type: ignore[attr-defined]

    def get_inlines(self, request: HttpRequest, obj: Collection | None) -> Any:
        """A collection has a name before it has cases."""
        return self.inlines if obj else ()

    def get_urls(self) -> list[URLPattern]:
        """Add the page of a class, its results, and the opening of one."""
        view = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/open",
                require_POST(view(self._open)),
                name="evaluation_collection_open",
            ),
            path("class/<int:pk>/", view(self._class), name="evaluation_collection_class"),
            path(
                "class/<int:pk>/results", view(self._results), name="evaluation_collection_results"
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the cases with the classes, and the form that opens one."""
        classes = Study.objects.filter(collection__pk=object_id).annotate(n=Count("raters"))
        shown = {"classes": classes, "class_form": ClassForm(), "least": LEAST_CASES}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _open(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Open a class."""
        collection = get_object_or_404(Collection, pk=pk)
        if not self.has_change_permission(request, collection):
            raise PermissionDenied
        form = ClassForm(request.POST)
        try:
            if not form.is_valid():
                raise EvaluationError(form.errors.as_text())
            study = open_class(
                collection,
                slug=_free_slug(form.cleaned_data["title"]),
                actor=who(request),
                **form.cleaned_data,
            )
        except EvaluationError as problem:
            for line in str(problem).splitlines():
                self.message_user(request, line, level=messages.ERROR)
            return redirect("admin:evaluation_collection_change", pk)
        self.message_user(request, _("The class is open. Invite the learners now."))
        return redirect("admin:evaluation_collection_class", study.pk)

    def _class(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a class: its learners with their links, and how they get on."""
        study = self._run(request, pk)
        shown = shown_in(study)
        context = {
            **self.admin_site.each_context(request),
            "title": study.title,
            "study": study,
            "site": site_of(request),
            "learners": [_learner(each, shown) for each in _sessions(study)],
            "tables": in_words(summaries(shown, study)),
            "open_links": study.open_links.filter(revoked_at=None),
        }
        return render(request, "admin/evaluation/collection/class.html", context)

    def _results(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send all answers of a class as CSV."""
        study = self._run(request, pk)
        return csv_file(results_csv(shown_in(study), named=True), f"{study.slug}-results.csv")

    def _run(self, request: HttpRequest, pk: int) -> Study:
        """Return a class to those who run it, and so know its learners by name."""
        study = get_object_or_404(Study, pk=pk, kind=Study.Kind.TEACHING)
        if not self.has_change_permission(request, study.collection):
            raise PermissionDenied
        return study


def _free_slug(title: str) -> str:
    """Return a short name that no study has."""
    wanted = slugify(title)[:40] or "class"
    taken = set(Study.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (wanted, *numbered) if slug not in taken)


def _sessions(study: Study) -> QuerySet[Session]:
    return Session.objects.filter(rater__study=study).select_related("rater__study")


def _learner(session: Session, shown: list[Shown]) -> dict[str, Any]:
    """Return a row of the class's table."""
    own = [each for each in shown if each.session == session.pk]
    answered, learnt = standing_of(session)
    line: Line = total(own)
    return {
        "session": session,
        "rater": session.rater,
        "answered": answered,
        "learnt": learnt,
        "all": line,
        "last": own[-1].at if own else None,
        "link": session.rater.invitations.filter(revoked_at=None).order_by("pk").last(),
    }
