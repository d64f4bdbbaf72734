"""`manage.py ai_rater`: let a classifier, or a program, read a sealed study as an AI rater."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.errors import AnalysisError
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from evaluation.program_reading import read_by_program


class Command(ProductCommand):
    """Read a study by a classifier or a program."""

    help = (
        "Let a classifier, or any program, read a sealed study, blinded as people are: it gets "
        "their stimuli, in an order of its own, and answers as they do. The report compares it "
        "with them. Can be stopped with Ctrl-C; the same command goes on."
    )
    failures = (AnalysisError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare who reads what."""
        parser.add_argument("study", help="its short name (slug)")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument(
            "--network", default="", metavar="NAME", help="a classifier (train_classifier)"
        )
        who.add_argument(
            "--program",
            default="",
            metavar="COMMAND",
            help="a program that gets a JSON line a trial and answers with one "
            "(docs/classifier.md, in quotes: 'python3 reader.py'); it runs as you do",
        )
        parser.add_argument(
            "--detector",
            default="",
            metavar="NAME",
            help="with --network: a detector of origin (train_detector); without one that is not "
            "answered",
        )

    def handle(
        self, *, study: str, network: str, program: str, detector: str, **options: Any
    ) -> None:
        """Read, say who did."""
        if program and detector:
            raise CommandError("--detector belongs to --network; leave it out")
        known = False
        try:
            with Progress(self.stderr, "read") as progress:
                if program:
                    code = read_by_program(study, program, on_step=progress)
                else:
                    # Imported here: a program needs no torch.
                    from analysis.classifier.rating import read_as_ai

                    code, known = read_as_ai(study, network, detector, on_step=progress)
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on where it was") from None
        self.stdout.write(f"study '{study}': read by AI rater {code}")
        if not known:
            self.stdout.write(
                "what it learnt from is not on record here: make sure that none of it is shown"
            )
