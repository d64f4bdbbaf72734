"""`manage.py create_coordinator`: an account that may run studies."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.coordinators import create_coordinator
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Create an account."""

    help = "Create a coordinator's account and print its password, once."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the name."""
        parser.add_argument("name")

    def handle(self, *, name: str, **options: Any) -> None:
        """Create it."""
        self.stdout.write(f"{name}: {create_coordinator(name)}")
