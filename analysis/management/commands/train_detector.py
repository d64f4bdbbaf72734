"""`manage.py train_detector`: train a machine that tells synthetic images from real ones."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.classifier.detecting import make_detector
from analysis.errors import AnalysisError
from analysis.report.cells import printed
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Train a detector of origin."""

    help = (
        "Train a detector of origin, for ai_rater, on images that no open study shows: a logistic "
        "regression on what a classifier sees in stimuli."
    )
    failures = (AnalysisError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare images and place."""
        parser.add_argument("--name", required=True, help="under which ai_rater finds it")
        parser.add_argument(
            "--dataset",
            action="append",
            default=[],
            metavar="NAME",
            help="real images; may be repeated (default: all)",
        )
        parser.add_argument("--generator", required=True, metavar="NAME")
        parser.add_argument(
            "--network", default="ham10000", metavar="NAME", help="classifier that it looks through"
        )
        parser.add_argument(
            "--per-entity", type=int, default=100, metavar="N", help="of either origin, at most"
        )
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, **options: Any) -> None:
        """Train, say how good it is."""
        if options["per_entity"] < 1:
            raise CommandError("--per-entity must be 1 or more")
        with Progress(self.stderr, "read") as progress:
            folder, area = make_detector(
                options["name"],
                options["network"],
                options["dataset"],
                options["generator"],
                most=options["per_entity"],
                seed=options["seed"],
                on_read=progress,
            )
        self.stdout.write(f"area under the curve on images not trained on: {printed(area)}")
        self.stdout.write(f"{folder / 'README.md'}")
