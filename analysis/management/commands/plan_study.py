"""`manage.py plan_study`: what studies of several sizes can be expected to show."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.errors import AnalysisError
from analysis.pilot import pilot_of
from analysis.planning import Assumptions, Expect, expectation
from analysis.planning_report import plan, sentences, write_plan
from analysis.table import read_answers
from config.commands import ProductCommand
from config.progress import Progress


class Command(ProductCommand):
    """Plan a study."""

    help = (
        "Say how sure studies of several sizes would be to show that AI images pass for real as "
        "often as chance, by simulation or from the variances of a pilot; or with --difference, "
        "that two generators differ. Needs no database."
    )
    failures = (AnalysisError,)
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare sizes and assumptions."""
        parser.add_argument(
            "--raters", type=int, nargs="+", default=[1, 2, 3, 5, 10, 15, 20, 30], metavar="N"
        )
        parser.add_argument(
            "--images",
            type=int,
            nargs="+",
            default=[70, 140],
            help="AI images a rater, of each generator where two are compared",
            metavar="N",
        )
        parser.add_argument("--margin", type=float, default=0.1, help="from 0.5, still equivalent")
        parser.add_argument("--power", type=float, default=0.8, help="wanted chance of showing it")
        parser.add_argument("--rate", type=float, default=0.5, help="true deception rate")
        parser.add_argument(
            "--difference",
            type=float,
            metavar="D",
            help="compare two generators instead: by how much the other's true rate is higher",
        )
        parser.add_argument(
            "--pilot",
            type=Path,
            metavar="FILE",
            help="answers of an earlier study as CSV or .xlsx, whose variances count instead of "
            "the standard deviations",
        )
        parser.add_argument(
            "--generators",
            nargs=2,
            metavar="NAME",
            help="the two of the pilot to compare (default: its two)",
        )
        parser.add_argument("--rater-sd", type=float, default=0.35, help="between raters, probits")
        parser.add_argument("--image-sd", type=float, default=0.5, help="between images, probits")
        parser.add_argument(
            "--generator-sd",
            type=float,
            default=0.2,
            help="between raters in how they take to each of two generators, probits",
        )
        parser.add_argument("--simulations", type=int, default=1000)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--out", type=Path, metavar="DIR", help="write table and figure there")

    def handle(self, *, out: Path | None, power: float, **options: Any) -> None:
        """Compute, print, write."""
        assumed = Assumptions(
            options["rate"],
            options["margin"],
            options["rater_sd"],
            options["image_sd"],
            options["difference"],
            options["generator_sd"],
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
        if options["generators"] and (assumed.difference is None or not options["pilot"]):
            wrong.append("--generators names two of a pilot; give --pilot and --difference, too")
        if wrong:
            raise CommandError("; ".join(wrong))
        expect = self.expect(assumed, options)
        with Progress(self.stderr, "planned") as progress:
            prospects = plan(options["raters"], options["images"], expect, on_step=progress)
        self.stdout.write("raters  AI images  half-width of 95% interval  chance of showing it")
        for each in prospects:
            self.stdout.write(
                f"{each.raters:>6}  {each.images:>9}  {each.half_width:>26.3f}  "
                f"{each.chance:>20.2f}"
            )
        for said in sentences(prospects, assumed, power, expect):
            self.stdout.write(said)
        if out:
            for path in write_plan(prospects, assumed, power, out):
                self.stdout.write(f"{path}")

    def expect(self, assumed: Assumptions, options: dict[str, Any]) -> Expect:
        """Return what says what to expect: simulated studies, or variances."""
        variances = None
        if options["pilot"]:
            pair = options["generators"] and tuple(options["generators"])
            pilot = pilot_of(read_answers(options["pilot"]), assumed.difference, pair)
            self.stdout.write(pilot.words)
            variances = pilot.variances
        simulated = {name: options[name] for name in ("simulations", "seed")}
        return expectation(assumed, variances, **simulated)
