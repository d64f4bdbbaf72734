"""The evaluation app: catalogue, studies, blinded sessions and answers."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvaluationConfig(AppConfig):
    """Everything between the images and the unblinded table."""

    name = "evaluation"
    verbose_name = _("Studies")
    default_auto_field = "django.db.models.BigAutoField"
