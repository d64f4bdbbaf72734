"""The public page of a seal: what was fixed before the first answer, under its fingerprint.

Whoever has the fingerprint may look; while the study is read, the page holds hashes only, since
the protocol tells how many images are AI.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from evaluation.models import Study
from evaluation.seal import canonical


def seal(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Show the seal of a study, and once it is closed what the seal committed to."""
    study = get_object_or_404(Study, fingerprint=fingerprint)
    closing = study.events.filter(act="close_study").first()
    return render(request, "evaluation/seal.html", {"study": study, "closing": closing})


def protocol(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Send the protocol of a closed study, byte for byte as it was hashed."""
    study = get_object_or_404(Study, fingerprint=fingerprint)
    if not study.closed_at:
        raise Http404("published once the study is closed")
    return HttpResponse(canonical(study.protocol), content_type="application/json")
