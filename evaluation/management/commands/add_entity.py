"""`manage.py add_entity`: a diagnosis beside the seven that are built in."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.entities import add_entity
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Add a diagnosis to the catalogue."""

    help = "Add a diagnosis, so that images of it can be imported and studied."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare its code and names."""
        parser.add_argument("code", help="as the metadata of images name it")
        parser.add_argument("title", help="what raters read")
        parser.add_argument("--german", default="", metavar="TITLE", help="what they read then")

    def handle(self, *, code: str, title: str, german: str, **options: Any) -> None:
        """Add it."""
        made = add_entity(code, title, german)
        self.stdout.write(f"entity '{made.code}': {made.title}")
