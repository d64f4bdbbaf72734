"""`manage.py report`: write the report of a finished study, or of a table of answers."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.errors import AnalysisError
from analysis.report.build import write_report
from analysis.report.exports import TABLES, write_export
from analysis.report.study import Context
from analysis.table import read_answers
from config.commands import ProductCommand
from evaluation.errors import EvaluationError

HTML = "html"


class Command(ProductCommand):
    """Write a report."""

    help = "Write the report of a closed study, or of a table of answers, which needs no database."
    failures = (AnalysisError, EvaluationError)
    requires_system_checks = []  # some of them would ask the database

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where the answers come from and where the report goes."""
        parser.add_argument("study", nargs="?", help="short name of a closed study")
        parser.add_argument("--answers", type=Path, metavar="FILE", help="answers as CSV or .xlsx")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="folder to write"
        )
        parser.add_argument(
            "--entities",
            default="",
            metavar="A,B,…",
            help="all entities that could be answered, in order (default: found in the answers)",
        )
        parser.add_argument(
            "--format",
            choices=(HTML, *TABLES),
            default=HTML,
            help="html: the report with all its files (the default); or only the tables that one "
            "program takes, with a script in R that reads them",
        )
        parser.add_argument(
            "--margin",
            type=float,
            metavar="SHARE",
            help="with --answers: how far from 0.5 still counts as guessing, 0.10 for example, if "
            "it was fixed before the data; a study brings its own",
        )

    def handle(
        self,
        *,
        study: str | None,
        answers: Path | None,
        out: Path,
        entities: str,
        format: str,
        margin: float | None,
        **options: Any,
    ) -> None:
        """Read the answers and write the report."""
        order = [code.strip() for code in entities.split(",") if code.strip()]
        if margin is not None and not 0 < margin < 0.5:
            raise CommandError(f"a margin of {margin:g} makes no sense; choose between 0 and 0.5")
        if margin is not None and format != HTML:
            raise CommandError(f"tables for {format} hold no verdict; leave out --margin")
        if study and not answers:
            if margin is not None:
                raise CommandError("a study brings the margin of its protocol; leave out --margin")
            # Only here: a table of answers needs no database.
            from analysis.closed_study import closed_context, closed_study

            table, context = closed_study(study, order), closed_context(study)
        elif answers and not study:
            table, context = read_answers(answers, order), Context(margin=margin)
        else:
            raise CommandError("name a study, or a table with --answers FILE.csv, one of the two")
        if format == HTML:
            self.stdout.write(f"report written: {write_report(table, out, context=context).index}")
            return
        for path in write_export(table, out, format):
            self.stdout.write(f"{path}")
