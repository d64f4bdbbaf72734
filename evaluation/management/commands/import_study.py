"""`manage.py import_study`: bring in a closed study that another server has exported."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.archive import import_study
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Verify an export and make a study of it."""

    help = "Import a closed study from its export, after verifying all of it; images stay behind."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the export, and what the reader knows from elsewhere."""
        parser.add_argument("export", type=Path, metavar="EXPORT", help="zip, or its folder")
        parser.add_argument(
            "known",
            nargs="*",
            metavar="HEX",
            help="the published fingerprint, raters' receipts; each must belong to the study",
        )

    def handle(self, *, export: Path, known: list[str], **options: Any) -> None:
        """Import it."""
        study = import_study(export, known)
        self.stdout.write(
            f"study '{study.slug}' is here, closed, with {study.raters.count()} raters; "
            f"next: manage.py report {study.slug} --out DIR"
        )
