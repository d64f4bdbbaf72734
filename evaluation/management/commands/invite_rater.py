"""`manage.py invite_rater`: add a rater to a sealed study and print their link."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from evaluation.invitations import invite_rater, link_of
from evaluation.studies import get_study


class Command(ProductCommand):
    """Add a rater."""

    help = "Invite a rater to a sealed study and print the link to send."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare study and rater."""
        parser.add_argument("study")
        parser.add_argument("--label", default="", help="name or e-mail, for your eyes only")
        parser.add_argument(
            "--site", default="http://127.0.0.1:8000", help="address of this server"
        )

    def handle(self, *, study: str, label: str, site: str, **options: Any) -> None:
        """Invite, and print the link."""
        self.stdout.write(link_of(invite_rater(get_study(study), label=label), site))
