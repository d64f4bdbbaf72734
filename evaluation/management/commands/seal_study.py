"""`manage.py seal_study`: freeze a draft and open it for reading."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from evaluation.sealing import seal_study
from evaluation.studies import get_study


class Command(ProductCommand):
    """Freeze a draft."""

    help = "Seal a study: render its stimuli, freeze its protocol, open it for reading."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the study."""
        parser.add_argument("study")
        parser.add_argument(
            "--reason",
            default="",
            metavar="WORDS",
            help="why it is sealed without a certificate that passes (see audit_blinding)",
        )

    def handle(self, *, study: str, reason: str, **options: Any) -> None:
        """Seal it."""
        sealed = seal_study(get_study(study), reason=reason)
        self.stdout.write(f"fingerprint {sealed.fingerprint}")
        for what, number in vars(sealed.seal).items():
            self.stdout.write(f"{what:11} {number}")
