"""`manage.py delete_originals`: what was submitted to be de-identified is not kept for ever."""

from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from generation.submissions.services import delete_original, originals_settled_before


class Command(ProductCommand):
    """Delete originals."""

    help = (
        "Delete the originals and masks of submissions that were approved or returned some days "
        "ago, for good; the copies stay. The audit trail records each. Let it run every night"
    )
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the age."""
        parser.add_argument(
            "--days", type=int, required=True, help="since the decision; 0 takes all"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many they are")

    def handle(self, *, days: int, dry_run: bool, **options: Any) -> None:
        """Delete them."""
        found = list(originals_settled_before(days))
        if not dry_run:
            for submission in found:
                delete_original(submission, None)
        self.stdout.write(f"{len(found)} originals {'would be' if dry_run else 'were'} deleted")
