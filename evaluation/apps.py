"""The evaluation app: catalogue, studies, blinded sessions and answers."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class EvaluationConfig(AppConfig):
    """Everything between the images and the unblinded table."""

    name = "evaluation"
    verbose_name = _("Studies")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the web process's role use the tables that a migration may have added."""
        from evaluation.guards import grant_to_web

        post_migrate.connect(lambda **_: grant_to_web(), sender=self, weak=False)
