"""`manage.py create_account`: an account for the desk."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.accounts import Role, create_account
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Create an account."""

    help = "Create an account of the desk and print its password, once."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the name and what it may do."""
        parser.add_argument("name")
        parser.add_argument(
            "--role",
            action="append",
            choices=[str(role) for role in Role],
            help="coordinator runs studies (the default), officer closes and unblinds them, "
            "analyst reads reports and data of closed ones; author submits photographs to be "
            "de-identified, reviewer sees these originals, editor approves the copies; may be "
            "repeated",
        )

    def handle(self, *, name: str, role: list[str] | None, **options: Any) -> None:
        """Create it."""
        self.stdout.write(f"{name}: {create_account(name, role or [Role.COORDINATOR])}")
