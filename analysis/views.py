"""The coordinator's pages of reports: built when first asked for, then kept in `var/reports`."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from analysis.closed_study import closed_context, closed_study
from analysis.errors import AnalysisError
from analysis.pilot import Pilot, pilot_of
from analysis.planning import Assumptions, expectation, prospect
from analysis.planning_report import drawing, plan, sentences
from analysis.quality_views import quality_folder
from analysis.report.build import SCHEMA, write_report
from analysis.report.publish import Link
from analysis.report.serving import archive_of, page_of, part_of
from evaluation.dataset import closed_studies
from evaluation.errors import StillBlinded, UnknownStudy

ARCHIVE = "report.zip"
PLANNED_RATERS = (1, 3, 5, 10, 15, 20, 30)
ASSUMED = ("rate", "margin", "rater_sd", "image_sd", "difference")


class ReportView(View):
    """Finds the report of a study for a coordinator, or says why there is none."""

    @method_decorator(staff_member_required)
    @method_decorator(permission_required("evaluation.view_study", raise_exception=True))
    def dispatch(self, request: HttpRequest, slug: str, **kwargs: str) -> HttpResponseBase:
        """Answer with the report's files; 404 for unknown studies, 409 for blinded ones."""
        try:
            self.folder = report_folder(slug)
        except UnknownStudy as problem:
            raise Http404(str(problem)) from problem
        except StillBlinded:
            return self.without_report(slug, "", blinded=True)
        except AnalysisError as problem:
            return self.without_report(slug, str(problem), blinded=False)
        return super().dispatch(request, slug=slug, **kwargs)

    def without_report(self, slug: str, why: str, *, blinded: bool) -> HttpResponse:
        """Say that there are no numbers yet."""
        context = {"slug": slug, "why": why, "blinded": blinded}
        return render(self.request, "analysis/no_report.html", context, status=409)


class PageView(ReportView):
    """The report's page."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Serve it."""
        return page_of(self.folder)


class ArchiveView(ReportView):
    """All files of the report at once."""

    def get(self, request: HttpRequest, slug: str) -> FileResponse:
        """Pack them."""
        return archive_of(self.folder, f"{slug}-report")


class PartView(ReportView):
    """One file of the report, as its page links to it."""

    def get(self, request: HttpRequest, slug: str, name: str) -> FileResponse:
        """Serve it if the report lists it."""
        return part_of(self.folder, name)


class PlanForm(forms.Form):
    """The assumptions of a plan."""

    images = forms.IntegerField(
        label=gettext_lazy("AI images a rater"), min_value=2, max_value=500, initial=70
    )
    margin = forms.FloatField(
        label=gettext_lazy("Margin"),
        min_value=0.01,
        max_value=0.49,
        initial=0.1,
        help_text=gettext_lazy("how far from 0.5 still counts as chance"),
    )
    power = forms.FloatField(
        label=gettext_lazy("Wanted chance of showing it"),
        min_value=0.05,
        max_value=0.99,
        initial=0.8,
    )
    rate = forms.FloatField(
        label=gettext_lazy("Expected deception rate"), min_value=0.01, max_value=0.99, initial=0.5
    )
    rater_sd = forms.FloatField(
        label=gettext_lazy("Differences between raters"),
        min_value=0,
        max_value=3,
        initial=0.35,
        help_text=gettext_lazy("standard deviation in probits; 0.35 is usual"),
    )
    image_sd = forms.FloatField(
        label=gettext_lazy("Differences between images"), min_value=0, max_value=3, initial=0.5
    )
    difference = forms.FloatField(
        label=gettext_lazy("Compare two generators that differ by"),
        required=False,
        min_value=-0.99,
        max_value=0.99,
        help_text=gettext_lazy("how much higher the other one's rate is; empty for one rate"),
    )

    def __init__(self, *args: Any, pilots: Mapping[str, str], **kwargs: Any) -> None:
        """Offer closed studies as pilots: titles by their short names."""
        super().__init__(*args, **kwargs)
        self.fields["pilot"] = forms.ChoiceField(
            label=gettext_lazy("Pilot"),
            required=False,
            choices=[("", gettext_lazy("none")), *pilots.items()],
            help_text=gettext_lazy("its answers tell the differences between raters and images"),
        )

    def clean(self) -> None:
        """Refuse what cannot be planned, and find out how to plan the rest."""
        if self.errors:
            return
        given = self.cleaned_data
        self.assumed = Assumptions(**{name: given[name] for name in ASSUMED})
        for problem in self.assumed.problems():
            self.add_error("difference", problem)
        if self.errors:
            return
        self.pilot: Pilot | None = None
        try:
            if given["pilot"]:
                self.pilot = pilot_of(closed_study(given["pilot"]), self.assumed.difference)
        except AnalysisError as refused:
            self.add_error("pilot", str(refused))
        variances = self.pilot.variances if self.pilot else None
        self.expect = expectation(self.assumed, variances, simulations=300)


@staff_member_required
def plan_page(request: HttpRequest) -> HttpResponse:
    """Say how many raters and images a study needs."""
    usual = {name: field.initial for name, field in PlanForm.base_fields.items()}
    reads = request.user.has_perm("evaluation.view_study")
    form = PlanForm(
        {**usual, **request.GET.dict()} if request.GET else None,
        pilots=closed_studies() if reads else {},
    )
    context = {**admin.site.each_context(request), "title": _("Plan a study"), "form": form}
    if form.is_bound and form.is_valid():
        given, assumed, expect = form.cleaned_data, form.assumed, form.expect
        prospects = plan(PLANNED_RATERS, [given["images"]], expect)
        drawn = drawing(prospects, assumed, given["power"])
        context |= {
            "pilot": form.pilot.words if form.pilot else "",
            "prospects": prospects,
            "sentences": sentences(prospects, assumed, given["power"], expect),
            "figure": b64encode(drawn.png).decode(),
            "alt": drawn.alt,
        }
    return render(request, "analysis/plan.html", context)


class ReachForm(forms.Form):
    """The size of a study that is being put together."""

    raters = forms.IntegerField(min_value=1, max_value=200)
    images = forms.IntegerField(min_value=2, max_value=1000)


@staff_member_required
def reach(request: HttpRequest) -> HttpResponse:
    """Say what a study of this size could show, under the usual assumptions."""
    form = ReachForm(request.GET)
    found = None
    if form.is_valid():
        found = prospect(form.cleaned_data["raters"], form.cleaned_data["images"], simulations=200)
    return render(request, "analysis/reach.html", {"prospect": found})


report = PageView.as_view()
archive = ArchiveView.as_view()
part = PartView.as_view()


def report_folder(slug: str) -> Path:
    """Return the folder of a closed study's report, written first if its answers are new.

    Raises:
        UnknownStudy: there is no such study.
        StillBlinded: it is not closed.
        TableRefused: nobody has answered.
    """
    table, context = closed_study(slug), closed_context(slug)
    columns = {**table.texts, **table.numbers, **table.flags}
    links = [
        Link(f"Quality of {generator}", reverse("quality_part", args=[generator]))
        for generator in sorted({str(name) for name in table.text("generator") if name})
        if quality_folder(generator)
    ]
    seen = json.dumps(
        [
            SCHEMA,
            table.entities,
            table.caveats,
            asdict(replace(context, pictures=None)),
            [link.address for link in links],
            {name: column.tolist() for name, column in columns.items()},
        ]
    )
    folder = settings.VAR_DIR / "reports" / f"{slug}-{sha256(seen.encode()).hexdigest()[:16]}"
    if not folder.exists():
        write_report(table, folder, archive=ARCHIVE, context=context, links=links)
    return folder
