"""The desk's pages of the audit of a study's blinding."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from analysis.blinding_audit import certificate_page
from analysis.leakage.certificate import summary
from analysis.report.serving import PAGE_POLICY
from analysis.tasks import make_audit
from evaluation.admin.base import who
from evaluation.auditing import Standing, standing_of
from evaluation.errors import UnknownStudy
from evaluation.seal import canonical, digest


def _standing(slug: str) -> Standing:
    try:
        return standing_of(slug)
    except UnknownStudy as problem:
        raise Http404(str(problem)) from problem


@require_http_methods(["GET", "POST"])
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def audit_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show where a study stands with its audit; begin one when asked."""
    standing = _standing(slug)
    if request.method == "POST":
        if not request.user.has_perm("evaluation.change_study"):
            raise PermissionDenied
        if not standing.draft:
            messages.error(request, _("A sealed study cannot be audited any more."))
            return redirect("audit", slug)
        begun = timezone.now()
        make_audit.enqueue(slug, who(request).pk)
        return redirect(
            f"{reverse('audit', args=[slug])}?{urlencode({'since': begun.isoformat()})}"
        )
    asked = parse_datetime(request.GET.get("since", ""))
    running = asked is not None and (standing.last is None or standing.last[0] < asked)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Blinding of %s") % standing.title,
        "slug": slug,
        "standing": standing,
        "running": running,
        "problem": standing.last[1] if standing.last else "",
        "may_change": request.user.has_perm("evaluation.change_study"),
    }
    if standing.document:
        context |= {"summary": summary(standing.document), "sha256": digest(standing.document)}
    return render(request, "analysis/audit.html", context)


@require_GET
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def audit_certificate(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the certificate; while a study is read, without images whose origin it tells."""
    standing = _standing(slug)
    if standing.document is None:
        raise Http404(_("The study has no certificate."))
    page = standing.page or certificate_page(standing.document, standing.title)
    return HttpResponse(
        page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    )


@require_GET
@staff_member_required
@permission_required("evaluation.view_study", raise_exception=True)
def audit_document(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the signed certificate; its file has the hash that the protocol holds."""
    standing = _standing(slug)
    if standing.document is None:
        raise Http404(_("The study has no certificate."))
    name = f'attachment; filename="{slug}-certificate.json"'
    return HttpResponse(
        canonical(standing.document),
        content_type="application/json",
        headers={"Content-Disposition": name},
    )
