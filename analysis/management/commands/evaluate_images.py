"""`manage.py evaluate_images --generator NAME`: how good are a generator's images, as numbers?"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from analysis.errors import AnalysisError
from analysis.image_quality import OPTIONAL, Paths, evaluate_images
from analysis.quality.keras_inception import SAVE
from analysis.quality.treatment import SIDE
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError


class Command(ProductCommand):
    """Write a quality report."""

    help = (
        "Compare a generator's images with real ones: distances of sets beside their floor, "
        "whether a classifier sees what was asked for, and how skin, lesions and people are "
        "distributed. Writes one page with all numbers."
    )
    failures = (AnalysisError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what is compared, with which extractors, and where the report goes."""
        parser.add_argument("--generator", required=True, metavar="NAME", help="whose images")
        parser.add_argument(
            "--reference",
            default="",
            metavar="DATASET",
            help="real images; may be left out where there is only one dataset",
        )
        parser.add_argument(
            "--held-out",
            default="",
            metavar="DATASET",
            help="real images that the generator has not learnt from, where --reference is what "
            "it has: is it nearer to what it has seen?",
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="DIR",
            help="folder to write; without it, the desk shows the report",
        )
        parser.add_argument(
            "--side",
            type=int,
            default=SIDE,
            metavar="PX",
            help=f"side to which all images are brought ({SIDE})",
        )
        for key, (what, needs) in OPTIONAL.items():
            parser.add_argument(
                f"--{key}", type=Path, metavar="PATH", help=f"{what}: {needs}, as it was downloaded"
            )
        parser.add_argument(
            "--published",
            action="store_true",
            help="tell the published study's Table 1, too, computed as it was: PSNR with 48.13 dB "
            "more, plain means over diagnoses, no floor",
        )
        parser.add_argument(
            "--keras",
            type=Path,
            metavar="FILE.npz",
            help=f"Keras' Inception-v3, for FID and inception score as published: {SAVE}",
        )

    def handle(self, *, generator: str, reference: str, out: Path | None, **options: Any) -> None:
        """Measure, write, say where."""
        progress: dict[str, Progress] = {}

        def on_step(what: str, done: int, total: int) -> None:
            progress.setdefault(what, Progress(self.stderr, what))(done, total)

        try:
            paths = evaluate_images(
                generator,
                reference,
                held_out=options["held_out"],
                out=out,
                side=options["side"],
                paths=Paths(**{key: options[key] for key in (*OPTIONAL, "keras")}),
                published=options["published"],
                on_step=on_step,
            )
        except KeyboardInterrupt:
            raise CommandError(
                "stopped; what was measured is kept, and the same command goes on from there"
            ) from None
        self.stdout.write(f"quality report written: {paths.index}")
