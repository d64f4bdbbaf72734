"""`manage.py demo`: build the demonstration and serve it."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from config.demonstration import COORDINATOR, build_demonstration
from config.serving import check_port, prepare, serve
from evaluation.errors import EvaluationError
from generation.engine.generator import GenerationError


class Command(ProductCommand):
    """Show everything at work."""

    help = "Build the demonstration, reusing what is there, and serve it until Ctrl-C."
    failures = (EvaluationError, GenerationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the port."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--build-only", action="store_true", help="do not serve")

    def handle(self, *, port: int, build_only: bool, **options: Any) -> None:
        """Build, print the links, serve."""
        check_port("127.0.0.1", port)
        prepare()
        demo = build_demonstration(self.stdout.write, self.stderr)
        site = f"http://127.0.0.1:{port}"
        self.stdout.write(
            f"\n  Read as a rater      {site}{demo.rater}"
            f"\n  Learn in a class     {site}{demo.learner}"
            f"\n  Run it (admin)       {site}{demo.admin}   {COORDINATOR} / {demo.password}"
            "\n                       (in a private window: nobody both runs a study and reads it)"
            f"\n  An example's report  {site}{demo.report}\n\n  Ctrl-C stops.\n"
        )
        self.stdout.flush()
        if not build_only:
            sys.exit(serve("127.0.0.1", port, demonstration=True))
