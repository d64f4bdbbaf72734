"""`manage.py run_ablation`: does a classifier gain from synthetic images?"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.classifier.ablation.arms import ARMS
from analysis.classifier.ablation.making import make_ablation
from analysis.classifier.ablation.running import Plan
from analysis.classifier.training import RECIPES
from analysis.errors import AnalysisError
from analysis.report.cells import printed
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Train a classifier with and without synthetic images."""

    help = (
        "Train a classifier on original images, on synthetic ones, on both, and on controls, each "
        "for as many steps, and test all on one untouched set of original images. Can be stopped "
        "with Ctrl-C; the same command goes on, and with more --seeds adds those."
    )
    failures = (AnalysisError, EvaluationError, FloatingPointError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare images, arms and length."""
        parser.add_argument(
            "--dataset",
            action="append",
            required=True,
            metavar="NAME",
            help="original images to train on; may be repeated",
        )
        parser.add_argument("--generator", required=True, metavar="NAME")
        parser.add_argument(
            "--test", required=True, metavar="DATASET", help="original images of other lesions"
        )
        parser.add_argument("--name", default="ablation", help="under which its runs are kept")
        parser.add_argument(
            "--arm", action="append", choices=ARMS, help="may be repeated (default: all)"
        )
        parser.add_argument("--network", choices=sorted(RECIPES), default=Plan.network)
        parser.add_argument(
            "--size", type=int, default=Plan.size, metavar="PX", help="of the images (default: 64)"
        )
        parser.add_argument(
            "--steps", type=int, default=Plan.steps, metavar="N", help="of every arm"
        )
        parser.add_argument("--batch", type=int, default=Plan.batch, metavar="IMAGES")
        parser.add_argument(
            "--seeds", type=int, default=Plan.seeds, metavar="K", help="of each arm"
        )
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="of the report (default: beside the runs)"
        )

    def handle(self, **options: Any) -> None:
        """Train, compare, write."""
        least = {"size": 32, "steps": 1, "batch": 2, "seeds": 1}
        for name, bound in least.items():
            if options[name] < bound:
                raise CommandError(f"--{name} {options[name]} is too small; use {bound} or more")
        # In the order of the table, whatever was asked for first.
        arms = tuple(arm for arm in ARMS if arm in (options["arm"] or ARMS))
        plan = Plan(network=options["network"], **{k: options[k] for k in least}, arms=arms)
        try:
            with Progress(self.stderr, "read") as read, Progress(self.stderr, "step") as step:
                page, found = make_ablation(
                    options["dataset"],
                    options["generator"],
                    options["test"],
                    plan,
                    name=options["name"],
                    out=options["out"],
                    on_read=read,
                    on_step=step,
                    on_run=self._say,
                )
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on where it was") from None
        for arm, one in found.arms.items():
            self.stdout.write(
                f"{arm:<12} accuracy {printed(one.accuracy)}, "
                f"mean over entities {printed(one.balanced)}"
            )
        self.stdout.write(f"{page}")

    def _say(self, arm: str, seed: int, done: int, total: int) -> None:
        self.stderr.write(f"  {arm}, seed {seed}: {done} of {total} runs done")
