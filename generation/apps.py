"""The generation app: making synthetic images, and training what makes them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    """Batches of synthetic images."""

    name = "generation"
    verbose_name = _("Generation")
    default_auto_field = "django.db.models.BigAutoField"
