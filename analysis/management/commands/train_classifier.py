"""`manage.py train_classifier`: train a network that names entities, and say how good it is."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.classifier.making import Wanted, make_classifier
from analysis.classifier.training import RECIPES, Epoch
from analysis.errors import AnalysisError
from analysis.report.cells import printed
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Train a classifier of entities."""

    help = (
        "Train a classifier of entities on real images, parted by lesion; can be stopped with "
        "Ctrl-C, and the same command goes on from the last whole epoch."
    )
    failures = (AnalysisError, EvaluationError, FloatingPointError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare data, network and place."""
        parser.add_argument("--name", required=True, help="under which others find it")
        parser.add_argument(
            "--network",
            choices=sorted(RECIPES),
            default="strong",
            help="paper: the published study's; strong: a residual network, entities drawn by the "
            "root of their frequency",
        )
        parser.add_argument(
            "--dataset",
            action="append",
            default=[],
            metavar="NAME",
            help="may be repeated (default: all real images)",
        )
        parser.add_argument(
            "--test", default="", metavar="NAME", help="a dataset of other lesions, to test on, too"
        )
        sizes = ", ".join(f"{name} {recipe.size}" for name, recipe in RECIPES.items())
        parser.add_argument("--size", type=int, metavar="PX", help=f"default: {sizes}")
        parser.add_argument("--epochs", type=int, metavar="N", help="at most (default: 100)")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, **options: Any) -> None:
        """Train, assess, say where it is."""
        for name, least in (("size", 32), ("epochs", 1)):
            if options[name] is not None and options[name] < least:
                raise CommandError(f"--{name} {options[name]} is too small; use {least} or more")
        same = ("name", "network", "test", "size", "epochs", "seed")
        wanted = Wanted(**{key: options[key] for key in same}, datasets=tuple(options["dataset"]))
        try:
            with Progress(self.stderr, "read") as read, Progress(self.stderr, "step") as step:
                folder, found = make_classifier(
                    wanted, on_read=read, on_step=step, on_epoch=self._say
                )
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on after the last epoch") from None
        for each in found:
            self.stdout.write(
                f"{each.images}: {printed(each.accuracy)} of {each.report.n} named right, "
                f"mean over entities {printed(each.report.macro.recall)}"
            )
        self.stdout.write(f"{folder / 'report' / 'index.html'}")

    def _say(self, epoch: Epoch) -> None:
        self.stderr.write(
            f"  epoch {epoch.epoch}: loss {epoch.loss:.3f}, validation {epoch.validation_loss:.3f}"
            f", {printed(epoch.validation_accuracy)} right"
        )
