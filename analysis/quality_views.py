"""The desk's pages of image quality: reports by generator, and the form that has one written."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from analysis.quality_reports import ARCHIVE, REPORTS, problem_file
from analysis.report.serving import archive_of, page_of, part_of
from analysis.tasks import make_quality_report
from evaluation.material import dataset_names, generator_names


@dataclass(frozen=True)
class Written:
    """A quality report that is there."""

    generator: str
    reference: str
    headline: str
    created: datetime


class CompareForm(forms.Form):
    """Whose images are compared, and with which photographs."""

    generator = forms.ChoiceField(
        label=gettext_lazy("Images of"), choices=lambda: [(n, n) for n in generator_names()]
    )
    reference = forms.ChoiceField(
        label=gettext_lazy("Real images of"), choices=lambda: [(n, n) for n in dataset_names()]
    )


def quality_folder(generator: str) -> Path | None:
    """Return the folder of a generator's quality report, if there is one."""
    folder = REPORTS / generator
    return folder if (folder / "report.json").is_file() else None


@require_http_methods(["GET", "POST"])
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def quality_list(request: HttpRequest) -> HttpResponse:
    """List all reports; have one written when asked."""
    may_compare = request.user.has_perm("evaluation.change_study")
    if request.method == "POST" and not may_compare:
        raise PermissionDenied
    form = CompareForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        begun = timezone.now()
        generator = form.cleaned_data["generator"]
        make_quality_report.enqueue(generator, form.cleaned_data["reference"])
        asked = urlencode({"generator": generator, "since": begun.isoformat()})
        return redirect(f"{reverse('quality_list')}?{asked}")
    reports = [_written(path) for path in sorted(REPORTS.glob("*/report.json"))]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Quality of AI images"),
        "reports": reports,
        "form": form,
        "may_compare": may_compare and generator_names() and dataset_names(),
        **_asked(request, reports),
    }
    return render(request, "analysis/quality.html", context, status=422 if form.errors else 200)


def _written(path: Path) -> Written:
    numbers = json.loads(path.read_text(encoding="utf-8"))
    reference = numbers["findings"]["facts"]["reference"]
    created = datetime.fromisoformat(numbers["created"])
    return Written(path.parent.name, reference, numbers["headline"], created)


def _asked(request: HttpRequest, reports: list[Written]) -> dict[str, Any]:
    """Return where the report stands that was asked for: running, or what hindered it."""
    generator = request.GET.get("generator", "")
    since = parse_datetime(request.GET.get("since", ""))
    if since is None or generator not in generator_names():
        return {}
    written = any(one.generator == generator and one.created >= since for one in reports)
    problem = problem_file(generator)
    hindered = problem.is_file() and problem.stat().st_mtime >= since.timestamp()
    return {
        "generator": generator,
        "running": not written and not hindered,
        "problem": problem.read_text(encoding="utf-8") if hindered else "",
    }


@require_GET
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def quality_part(request: HttpRequest, slug: str, name: str = "") -> HttpResponseBase:
    """Serve the report's page, one of its files, or all of them."""
    folder = quality_folder(slug)
    if folder is None:
        raise Http404(_("There is no quality report of this generator."))
    if not name:
        return page_of(folder)
    if name == ARCHIVE:
        return archive_of(folder, f"{slug}-quality")
    return part_of(folder, name)
