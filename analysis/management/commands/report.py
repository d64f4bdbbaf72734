"""`manage.py report`: write the report of a finished study, or of a table of answers."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.errors import AnalysisError
from analysis.report.build import write_report
from analysis.report.study import Context
from analysis.table import read_answers
from config.commands import ProductCommand
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Write a report."""

    help = (
        "Write the report of a closed study, or of a CSV table of answers, which needs no database."
    )
    failures = (AnalysisError, EvaluationError)
    requires_system_checks = []  # some of them would ask the database

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where the answers come from and where the report goes."""
        parser.add_argument("study", nargs="?", help="short name of a closed study")
        parser.add_argument("--answers", type=Path, metavar="FILE.csv", help="a table of answers")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="folder to write"
        )
        parser.add_argument(
            "--entities",
            default="",
            metavar="A,B,…",
            help="all entities that could be answered, in order (default: found in the answers)",
        )

    def handle(
        self, *, study: str | None, answers: Path | None, out: Path, entities: str, **options: Any
    ) -> None:
        """Read the answers and write the report."""
        order = [code.strip() for code in entities.split(",") if code.strip()]
        if study and not answers:
            # Only here: a table of answers needs no database.
            from analysis.closed_study import closed_study, pictures_of

            table, context = closed_study(study, order), Context(pictures=pictures_of(study))
        elif answers and not study:
            table, context = read_answers(answers, order), Context()
        else:
            raise CommandError("name a study, or a table with --answers FILE.csv, one of the two")
        paths = write_report(table, out, context=context)
        self.stdout.write(f"report written: {paths.index}")
