"""`manage.py close_study`: end the reading and open the ground truth."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.closing import close_study
from evaluation.errors import EvaluationError
from evaluation.studies import get_study


class Command(ProductCommand):
    """End the reading."""

    help = "Close a study: no more answers, and its report can be made."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the study."""
        parser.add_argument("study")
        parser.add_argument("--reason", default="", help="needed while raters have not finished")

    def handle(self, *, study: str, reason: str, **options: Any) -> None:
        """Close it."""
        close_study(get_study(study), reason=reason)
        self.stdout.write(f"study '{study}' is closed; next: manage.py report {study} --out DIR")
