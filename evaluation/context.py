"""What every page knows."""

from django.http import HttpRequest

from evaluation.models import Dataset


def demonstration(request: HttpRequest) -> dict[str, bool]:
    """Tell the templates whether phantoms stand in for photographs."""
    return {"phantoms": Dataset.objects.filter(phantom=True).exists()}
