"""The front page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def front(request: HttpRequest) -> HttpResponse:
    """Say what this is, and where raters and coordinators go."""
    return render(request, "evaluation/front.html")
