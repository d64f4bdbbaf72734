"""`manage.py simulate_raters`: let a program read a sealed study, for tests and planning."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from evaluation.invitations import invite_rater
from evaluation.models import Rater
from evaluation.simulated import Skill, drawn_words, read_study
from evaluation.studies import get_study


class Command(ProductCommand):
    """Read a study by simulated raters."""

    help = (
        "Invite simulated raters and let them read a sealed study. They are marked as simulated, "
        "and enter no average as soon as a person has read the study. They say of themselves in "
        "turn that they are dermatologists and residents, which has no bearing on how they read."
    )
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how many and how good."""
        parser.add_argument("study", help="its short name (slug)")
        parser.add_argument("--raters", type=int, default=1, metavar="N")
        parser.add_argument(
            "--skill", type=float, default=1.0, metavar="D", help="mean d' of telling origins"
        )
        parser.add_argument(
            "--spread", type=float, default=0.3, metavar="SD", help="between raters"
        )
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *, study: str, raters: int, skill: float, **options: Any) -> None:
        """Invite and read, one rater after the other."""
        if raters < 1 or options["spread"] < 0:
            raise CommandError("--raters must be 1 or more, and --spread 0 or more")
        found = get_study(study)
        with Progress(self.stderr, "read") as progress:
            for number in range(raters):
                rater = invite_rater(
                    found, label=f"simulated {number + 1}", kind=Rater.Kind.SIMULATED
                ).rater
                seed = options["seed"] + number
                drawn = Skill.drawn(skill, options["spread"], seed)
                about = drawn_words(seed)
                for session in rater.sessions.order_by("occasion"):
                    if session.is_open:
                        read_study(session, drawn, seed=seed, about=about)
                progress(number + 1, raters)
        self.stdout.write(f"study '{found.slug}': read by {raters} simulated raters")
