"""The front page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from evaluation.models import OpenLink, Study


def front(request: HttpRequest) -> HttpResponse:
    """Say what this is, and where raters and coordinators go; a demonstration has a class, too."""
    links = OpenLink.objects.filter(study__kind=Study.Kind.TEACHING, revoked_at=None)
    lesson = links.order_by("pk").first() if settings.DEMONSTRATION else None
    return render(request, "evaluation/front.html", {"lesson": lesson})
