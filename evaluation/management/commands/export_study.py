"""`manage.py export_study`: write the data of a closed study."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from evaluation.export import export_study
from evaluation.studies import get_study


class Command(ProductCommand):
    """Write a zip."""

    help = "Write answers, raters, the meaning of each column, and the protocol, as one zip."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the study and the file."""
        parser.add_argument("study")
        parser.add_argument("file", type=Path, metavar="FILE.zip")

    def handle(self, *, study: str, file: Path, **options: Any) -> None:
        """Export it."""
        if not file.absolute().parent.is_dir():
            raise CommandError(f"{file}: its folder does not exist; make it first")
        content = export_study(get_study(study))
        file.write_bytes(content)
        self.stdout.write(f"written: {file} ({len(content) / 1e6:.1f} MB)")
