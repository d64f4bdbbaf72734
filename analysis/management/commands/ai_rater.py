"""`manage.py ai_rater`: let a classifier read a sealed study as a rater of kind AI."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.classifier.rating import read_as_ai
from analysis.errors import AnalysisError
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Read a study by a classifier."""

    help = (
        "Let a classifier read a sealed study, blinded as people are: it gets their stimuli, in an "
        "order of its own, and answers as they do. The report compares it with them. Can be "
        "stopped with Ctrl-C; the same command goes on."
    )
    failures = (AnalysisError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare who reads what."""
        parser.add_argument("study", help="its short name (slug)")
        parser.add_argument(
            "--network", required=True, metavar="NAME", help="a classifier (train_classifier)"
        )
        parser.add_argument(
            "--detector",
            default="",
            metavar="NAME",
            help="a detector of origin (train_detector); without one that is not answered",
        )

    def handle(self, *, study: str, network: str, detector: str, **options: Any) -> None:
        """Read, say who did."""
        try:
            with Progress(self.stderr, "read") as progress:
                code, known = read_as_ai(study, network, detector, on_step=progress)
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on where it was") from None
        self.stdout.write(f"study '{study}': read by AI rater {code}")
        if not known:
            self.stdout.write(
                "what it learnt from is not on record here: make sure that none of it is shown"
            )
