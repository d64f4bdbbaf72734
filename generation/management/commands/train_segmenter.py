"""`manage.py train_segmenter`: train what proposes the masks of lesions."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from generation.engine.generator import GenerationError
from generation.engine.training.loop import Progress as Standing
from generation.engine.training.loop import Recipe
from generation.segmenting import train_segmenter


class Command(ProductCommand):
    """Train a segmenter."""

    help = "Train a segmenter on images with masks; can be stopped with Ctrl-C and gone on with."
    failures = (GenerationError, EvaluationError, FloatingPointError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare data and length."""
        parser.add_argument(
            "--dataset",
            action="append",
            default=[],
            metavar="NAME",
            help="may be repeated (default: all real images that have masks)",
        )
        parser.add_argument("--images", type=int, default=60_000, help="seen in all (60000)")
        parser.add_argument("--batch", type=int, default=32)
        parser.add_argument("--learning-rate", type=float, default=2e-3, metavar="RATE")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")

    def handle(self, *, dataset: list[str], device: str, **options: Any) -> None:
        """Train, then say how well it does."""
        chosen = {key: options[key] for key in ("images", "batch", "learning_rate", "seed")}
        recipe = Recipe(**chosen, decay=0.5, ema=0.998, sample_every=500)
        try:
            with Progress(self.stderr, "read") as progress:
                target, agreement = train_segmenter(
                    dataset, recipe, device=device, on_step=progress, on_progress=self._say
                )
        except KeyboardInterrupt:
            raise CommandError(
                "stopped; the checkpoint is kept, go on with the same command"
            ) from None
        self.stdout.write(
            f"overlap with the masks of {len(agreement.overlaps)} images of held-out lesions: mean "
            f"{agreement.mean:.3f}, median {agreement.median:.3f}"
        )
        self.stdout.write(f"weights and card: {target}")

    def _say(self, standing: Standing) -> None:
        self.stderr.write(
            f"  {standing.images} of {standing.planned} images, loss {standing.loss:.4f}, "
            f"{standing.images_per_s:.0f}/s"
        )
