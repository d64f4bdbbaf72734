"""`manage.py plan_study`: what studies of several sizes can be expected to show."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.planning import Assumptions
from analysis.planning_report import plan, sentences, write_plan
from config.commands import ProductCommand
from config.progress import Progress


class Command(ProductCommand):
    """Plan a study by simulation."""

    help = (
        "Simulate studies of several sizes and say how sure each would be to show that AI images "
        "pass for real as often as chance. Needs no database."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare sizes and assumptions."""
        parser.add_argument(
            "--raters", type=int, nargs="+", default=[1, 3, 5, 10, 15, 20, 30], metavar="N"
        )
        parser.add_argument(
            "--images",
            type=int,
            nargs="+",
            default=[70, 140],
            help="AI images a rater",
            metavar="N",
        )
        parser.add_argument("--margin", type=float, default=0.1, help="from 0.5, still equivalent")
        parser.add_argument("--power", type=float, default=0.8, help="wanted chance of showing it")
        parser.add_argument("--rate", type=float, default=0.5, help="true deception rate")
        parser.add_argument("--rater-sd", type=float, default=0.35, help="between raters, probits")
        parser.add_argument("--image-sd", type=float, default=0.5, help="between images, probits")
        parser.add_argument("--simulations", type=int, default=1000)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--out", type=Path, metavar="DIR", help="write table and figure there")

    def handle(self, *, out: Path | None, power: float, **options: Any) -> None:
        """Simulate, print, write."""
        assumed = Assumptions(
            options["rate"], options["margin"], options["rater_sd"], options["image_sd"]
        )
        wrong = assumed.problems()
        if not 0 < power < 1:
            wrong.append(f"a power of {power:g} is no probability; choose between 0 and 1")
        for name, least in (("raters", 1), ("images", 2)):
            wrong += [
                f"--{name} {n} is too few; choose {least} or more"
                for n in options[name]
                if n < least
            ]
        if options["simulations"] < 1:
            wrong.append("--simulations must be 1 or more")
        if wrong:
            raise CommandError("; ".join(wrong))
        with Progress(self.stderr, "simulated") as progress:
            prospects = plan(
                options["raters"],
                options["images"],
                assumed,
                simulations=options["simulations"],
                seed=options["seed"],
                on_step=progress,
            )
        self.stdout.write("raters  AI images  half-width of 95% interval  shows equivalence")
        for each in prospects:
            self.stdout.write(
                f"{each.raters:>6}  {each.images:>9}  {each.half_width:>26.3f}  "
                f"{each.equivalent:>17.2f}"
            )
        for said in sentences(prospects, assumed, power):
            self.stdout.write(said)
        if out:
            for path in write_plan(prospects, power, out):
                self.stdout.write(f"{path}")
