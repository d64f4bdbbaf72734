"""`manage.py train_generator`: train the built-in kind of generator on images of the catalogue."""

from dataclasses import replace
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from generation.engine.generator import GenerationError
from generation.engine.training.loop import Progress as Standing
from generation.engine.training.loop import Recipe
from generation.training import train_generator


class Command(ProductCommand):
    """Train a generator."""

    help = "Train a generator; can be stopped with Ctrl-C, and the same command goes on."
    failures = (GenerationError, EvaluationError, FloatingPointError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare data, length and place."""
        parser.add_argument(
            "--name", default="dermdiff", help="under which generate_batch finds it"
        )
        parser.add_argument(
            "--dataset",
            action="append",
            default=[],
            metavar="NAME",
            help="may be repeated (default: all real images)",
        )
        parser.add_argument(
            "--fine-dataset",
            action="append",
            default=[],
            metavar="NAME",
            help="images of at least 341 x 256 px for the upsampler (default: those of --dataset)",
        )
        parser.add_argument(
            "--start-from",
            default="",
            metavar="NAME",
            help="a generator whose weights to begin with (default: chance)",
        )
        parser.add_argument(
            "--images", type=int, default=Recipe.images, help="seen by the 64-px stage"
        )
        parser.add_argument("--fine-images", type=int, default=60_000, help="seen by the upsampler")
        parser.add_argument("--batch", type=int, default=Recipe.batch)
        parser.add_argument(
            "--accumulate",
            type=int,
            default=Recipe.accumulate,
            metavar="PARTS",
            help="compute a batch in parts, where memory is short",
        )
        parser.add_argument(
            "--recompute", action="store_true", help="activations on the way back: less memory"
        )
        parser.add_argument(
            "--compiled",
            action="store_true",
            help="compile the networks: two minutes at the start, then up to half as fast again",
        )
        parser.add_argument(
            "--sample-every",
            type=int,
            default=Recipe.sample_every,
            metavar="STEPS",
            help="write a contact sheet of samples beside the checkpoint (0: never)",
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")

    def handle(self, **options: Any) -> None:
        """Train, then say where the weights are."""
        same = ("images", "batch", "accumulate", "recompute", "compiled", "sample_every", "seed")
        recipe = Recipe(**{name: options[name] for name in same})
        try:
            with Progress(self.stderr, "read") as progress:
                target = train_generator(
                    name=options["name"],
                    datasets=options["dataset"],
                    fine_datasets=options["fine_dataset"],
                    recipe=recipe,
                    fine_recipe=replace(recipe, images=options["fine_images"], learning_rate=2e-4),
                    start_from=options["start_from"],
                    device=options["device"],
                    on_step=progress,
                    on_progress=self._say,
                )
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on from the checkpoint") from None
        self.stdout.write(f"{target}: try it with generate_batch --generator {options['name']}")

    def _say(self, at: Standing) -> None:
        left = (at.planned - at.images) / max(at.images_per_s, 1e-6) / 60
        self.stderr.write(
            f"  {at.stage} {at.images} of {at.planned}, loss {at.loss:.4f}, "
            f"{at.images_per_s:.0f} images/s, {left:.0f} min left"
        )
