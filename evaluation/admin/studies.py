"""Studies in the admin: create, seal, invite, watch, close, report."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from evaluation.admin.base import PlainAdmin, who
from evaluation.admin.preview import preview_answer, preview_page
from evaluation.admin.study_acts import ACTS, NEEDS, Act, site_of
from evaluation.admin.study_form import (
    FIELDSETS,
    QUESTIONS,
    ArchiveForm,
    StockForm,
    StudyForm,
)
from evaluation.certificates import certificate_of
from evaluation.design.questions import Question
from evaluation.entities import entity_title
from evaluation.errors import EvaluationError
from evaluation.export import export_study
from evaluation.letters import (
    invitation_letter,
    invitations_to_send,
    may_send,
    reminder_letter,
    reminders_to_send,
)
from evaluation.models import Image, Study, Trial, Use
from evaluation.monitoring import progress_csv, rater_progress, standing
from evaluation.seal import canonical
from evaluation.sealing import taught_images
from evaluation.studies import ai_images_a_rater, draw_table

#: Fields that hold lists of codes, and what shows them.
IN_WORDS = {name: f"{name}_in_words" for name in ("generators", "entities", "questions")}


@admin.register(Study)
class StudyAdmin(PlainAdmin):
    """One page a study, with the next step on it."""

    form = StudyForm
    add_title = _("Create a study")
    list_display = ("title", "state_label", "raters_count", "last_activity", "next_step")
    prepopulated_fields = {"slug": ("title",)}
    change_form_template = "admin/evaluation/study/change_form.html"
    change_list_template = "admin/evaluation/study/change_list.html"
    fieldsets = FIELDSETS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Study]:
        """Count raters, and find their last sign of life, in the same query."""
        shown = Trial.objects.filter(session__rater__study=OuterRef("pk")).order_by()
        last = shown.values("session__rater__study").annotate(last=Max("shown_at")).values("last")
        finished = Q(raters__sessions__completed_at__isnull=False)
        return (
            super()
            .get_queryset(request)
            .filter(kind=Study.Kind.READING)
            .annotate(
                invited=Count("raters", distinct=True),
                finished=Count("raters", filter=finished, distinct=True),
                last_shown=Subquery(last),
            )
        )

    @admin.display(description=_("state"))
    def state_label(self, study: Study) -> str:
        """Where the study stands."""
        return str(study.state.label)

    @admin.display(description=_("raters finished"))
    def raters_count(self, study: Study) -> str:
        """How many of the invited raters have finished."""
        return f"{study.finished} / {study.invited}"  # type: ignore[attr-defined]

    @admin.display(description=_("last activity"))
    def last_activity(self, study: Study) -> datetime | None:
        """When an image was last put before a rater for the first time."""
        return study.last_shown  # type: ignore[attr-defined]

    @admin.display(description=_("next step"))
    def next_step(self, study: Study) -> str:
        """What there is to do."""
        if study.state == Study.State.DRAFT:
            return str(_("check the draw, then seal"))
        if study.state == Study.State.CLOSED:
            return str(_("read the report"))
        if not study.invited:  # type: ignore[attr-defined]
            return str(_("invite raters"))
        done = study.finished == study.invited  # type: ignore[attr-defined]
        return str(_("close it, or invite more raters") if done else _("wait for the raters"))

    def get_form(
        self, request: HttpRequest, obj: Study | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        """Tell the form who fills it in; Django makes a class of it for each request."""
        form = super().get_form(request, obj, change, **kwargs)
        form.actor = who(request)  # type: ignore[attr-defined]
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Give the form's script its words and the addresses that it asks."""
        words = {
            "steps": _("Steps"),
            "review": _("Review"),
            "next": _("Next"),
            "yes": _("yes"),
            "no": _("no"),
            "study": context["original"].pk if context.get("original") else "",
            "stock": reverse("admin:evaluation_study_stock"),
            "reach": reverse("reach"),
        }
        return super().render_change_form(request, {**context, "words": words}, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        """Add the acts on a study."""
        own = [
            path(
                f"<int:pk>/{name}",
                require_POST(self.admin_site.admin_view(self._view_of(name, act))),
                name=f"evaluation_study_{name}",
            )
            for name, act in ACTS.items()
        ]
        looks = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"evaluation_study_{name}",
            )
            for name, view in (
                ("monitor", self._monitor),
                ("progress", self._progress),
                ("export", self._export),
                ("protocol", self._protocol),
                ("preview", self._preview),
                ("preview_answers", self._preview_answers),
            )
        ]
        pages = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"evaluation_study_{name}")
            for name, view in (("stock", self._stock), ("archive", self._archive))
        ]
        return [*pages, *own, *looks, *super().get_urls()]

    def _archive(self, request: HttpRequest) -> HttpResponse:
        """Bring in a closed study from another server."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ArchiveForm(request.POST or None, request.FILES or None, actor=who(request))
        if request.method == "POST" and form.is_valid():
            self.message_user(request, _("The study is here: everything in it holds."))
            return redirect("admin:evaluation_study_change", form.study.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import a closed study"),
            "form": form,
            "opts": self.opts,
        }
        return render(request, "admin/evaluation/study/archive.html", context)

    def _stock(self, request: HttpRequest) -> HttpResponse:
        """Show what there is of each diagnosis, for the form's choice of images."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = StockForm(request.GET)
        form.is_valid()  # what is not chosen yet, or nonsense, is left out
        return render(request, "admin/evaluation/study/stock.html", form.stock())

    def _monitor(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far the raters are, on a page that renews itself."""
        study = self._run(request, pk)
        raters = rater_progress(study)
        context = {
            **self.admin_site.each_context(request),
            "title": study.title,
            "study": study,
            "raters": raters,
            "standing": standing(raters),
        }
        return render(request, "admin/evaluation/study/monitor.html", context)

    def _preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a draft as its raters will see it."""
        return preview_page(request, self._draft(request, pk))

    def _preview_answers(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take an answer of the preview, which goes nowhere."""
        study = self._draft(request, pk)
        try:
            token = str(json.loads(request.body)["token"])
        except (ValueError, KeyError, TypeError):
            return HttpResponseBadRequest("no token")
        return preview_answer(study, token)

    def _draft(self, request: HttpRequest, pk: int) -> Study:
        study = self._seen(request, pk)
        if study.sealed_at:
            raise Http404("images of a sealed study are shown to its raters only")
        return study

    def _progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the same as CSV."""
        study = self._run(request, pk)
        name = f'attachment; filename="{study.slug}-progress.csv"'
        return HttpResponse(
            progress_csv(rater_progress(study)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": name},
        )

    def _protocol(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the sealed protocol, which tells the origin of no image, to be published."""
        study = self._seen(request, pk)
        if not study.sealed_at:
            raise Http404("a draft has no protocol yet")
        name = f'attachment; filename="{study.slug}-protocol.json"'
        return HttpResponse(
            canonical(study.protocol),
            content_type="application/json",
            headers={"Content-Disposition": name},
        )

    def _export(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the data of a closed study."""
        study = self._seen(request, pk)
        if not study.closed_at:
            raise Http404("only a closed study has data")
        name = f'attachment; filename="{study.slug}.zip"'
        return HttpResponse(
            export_study(study, actor=who(request)),
            content_type="application/zip",
            headers={"Content-Disposition": name},
        )

    def _seen(self, request: HttpRequest, pk: int) -> Study:
        study = get_object_or_404(Study, pk=pk)
        if not self.has_view_permission(request, study):
            raise PermissionDenied
        return study

    def _run(self, request: HttpRequest, pk: int) -> Study:
        """Return a study to those who run it, and so know its raters by name."""
        study = self._seen(request, pk)
        if not self.has_change_permission(request, study):
            raise PermissionDenied
        return study

    def _view_of(self, name: str, act: Act) -> Callable[..., HttpResponse]:
        """Return a view that does `act`, says what came of it, and returns to the study's page."""

        def view(request: HttpRequest, pk: int) -> HttpResponse:
            study = self._seen(request, pk)
            if not who(request).has_perm(NEEDS.get(name, "evaluation.change_study")):
                raise PermissionDenied
            try:
                self.message_user(request, act(request, study))
            except EvaluationError as problem:
                self.message_user(request, str(problem), level=messages.ERROR)
            return redirect("admin:evaluation_study_change", pk)

        return view

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the study with its raters and its next step."""
        study = get_object_or_404(Study, pk=object_id)
        if study.teaches:  # acts lead here
            return redirect("admin:evaluation_collection_class", study.pk)
        raters = rater_progress(study) if study.sealed_at else []
        shown = {
            "study": study,
            "raters": raters,
            "standing": standing(raters),
            "open_links": study.open_links.filter(revoked_at=None),
            "site": site_of(request),
            "may_send": may_send(),
            "to_send": len(invitations_to_send(study)),
            "to_remind": len(reminders_to_send(study)),
            "letters": [
                make(study, str(_("(the rater's link)")))
                for make in (invitation_letter, reminder_letter)
            ],
            "images": study.drawn.count(),
            "draw": [] if study.sealed_at else draw_table(study),
            "certificate": certificate_of(study),
            "taught": 0 if study.sealed_at else taught_images(study).count(),
            "practice": Image.objects.filter(
                drawn_for__study=study, drawn_for__use=Use.PRACTICE
            ).order_by("pk"),
            "ai_images": ai_images_a_rater(study),
            "may_unblind": who(request).has_perm(NEEDS["close"]),
            "may_change": self.has_change_permission(request, study),
            "show_save": study.sealed_at is None,
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def save_model(
        self, request: HttpRequest, obj: Study, form: forms.ModelForm, change: bool
    ) -> None:
        """Do nothing: the form's services have saved."""

    def get_readonly_fields(
        self, request: HttpRequest, obj: Study | None = None
    ) -> tuple[str, ...]:
        """Freeze everything once a study is sealed."""
        return (*self.form.Meta.fields, *IN_WORDS.values()) if obj and obj.sealed_at else ()

    def get_fieldsets(self, request: HttpRequest, obj: Study | None = None) -> Any:
        """Say in words what a sealed study holds as codes."""
        if not (obj and obj.sealed_at):
            return self.fieldsets
        return [
            (title, {**options, "fields": [IN_WORDS.get(f, f) for f in options["fields"]]})
            for title, options in self.fieldsets
        ]

    @admin.display(description=_("AI images by"))
    def generators_in_words(self, study: Study) -> str:
        """Return the generators."""
        return ", ".join(study.generators)

    @admin.display(description=_("Diagnoses"))
    def entities_in_words(self, study: Study) -> str:
        """Return the diagnoses, in the order of the buttons."""
        return ", ".join(entity_title(code) for code in study.entities)

    @admin.display(description=_("Questions"))
    def questions_in_words(self, study: Study) -> str:
        """Return the questions, in the order of the page."""
        return ", ".join(str(QUESTIONS[Question(name)]) for name in study.questions)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Study | None = None
    ) -> dict[str, Sequence[str]]:
        """Suggest a short name for a new study only."""
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        """Only a draft may go."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or obj.sealed_at is None)
