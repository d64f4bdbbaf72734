"""The desk's pages of image quality: reports that `evaluate_images` left for it, by generator."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analysis.image_quality import ARCHIVE, REPORTS
from analysis.report.serving import archive_of, page_of, part_of


@dataclass(frozen=True)
class Written:
    """A quality report that is there."""

    generator: str
    reference: str
    headline: str
    created: datetime


def quality_folder(generator: str) -> Path | None:
    """Return the folder of a generator's quality report, if there is one."""
    folder = REPORTS / generator
    return folder if (folder / "report.json").is_file() else None


@require_GET
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def quality_list(request: HttpRequest) -> HttpResponse:
    """List all reports."""
    found = []
    for path in sorted(REPORTS.glob("*/report.json")):
        numbers = json.loads(path.read_text(encoding="utf-8"))
        reference = numbers["findings"]["facts"]["reference"]
        created = datetime.fromisoformat(numbers["created"])
        found.append(Written(path.parent.name, reference, numbers["headline"], created))
    context = {
        **admin.site.each_context(request),
        "title": _("Quality of AI images"),
        "reports": found,
    }
    return render(request, "analysis/quality.html", context)


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
