"""`manage.py verify_study`: check that an export is what was sealed, read and closed."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from evaluation.verifying import verify_export


class Command(ProductCommand):
    """Recompute everything that the seal and the chains promise."""

    help = "Check an export: seal, ground truth, orders, every answer, the audit trail, the tables."
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
        """Check it."""
        checked = verify_export(export, known)
        for what, holds in checked:
            self.stdout.write(f"{'holds  ' if holds else 'CHANGED'}  {what}")
        broken = sum(not holds for _, holds in checked)
        if broken:
            raise CommandError(f"{export}: {broken} of {len(checked)} checks fail; see above")
        self.stdout.write(f"Everything holds ({len(checked)} checks).")
