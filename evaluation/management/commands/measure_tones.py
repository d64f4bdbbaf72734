"""`manage.py measure_tones`: how light is the skin in each source of images?"""

from typing import Any

from django.core.management.base import CommandError

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from evaluation.models import Image
from evaluation.skin.tones import table
from evaluation.tones import measure_tones, tones_by_source

SHOWN_PROBLEMS = 10


class Command(ProductCommand):
    """Measure what was not measured, and show how tones lie."""

    help = (
        "Measure the skin's typology angle in images that came in before it was measured on "
        "import, and show how tones lie in each dataset and generator. Can be stopped with Ctrl-C "
        "and gone on with. Dermoscopy's polarised light moves the angle far up: there it compares "
        "images taken alike, and is no skin type."
    )
    failures = (EvaluationError,)

    def handle(self, **options: Any) -> None:
        """Measure, then print a table."""
        with Progress(self.stderr, "measured") as progress:
            measured = measure_tones(Image.objects.all(), progress)
        if measured.images:
            self.stdout.write(
                f"{measured.images} images measured, skin found in {measured.found} of them"
            )
        self.stdout.write("\n".join(table(tones_by_source())))
        if measured.problems:
            more = len(measured.problems) - SHOWN_PROBLEMS
            raise CommandError(
                "\n".join(
                    [
                        f"{len(measured.problems)} images could not be measured:",
                        *measured.problems[:SHOWN_PROBLEMS],
                        *([f"… and {more} more"] if more > 0 else []),
                    ]
                )
            )
