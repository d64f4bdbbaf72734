"""`manage.py train_generator`: train a generator, or a pipeline further, on real images."""

from dataclasses import fields
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from generation.engine.generator import GenerationError
from generation.engine.training.loop import Progress as Standing
from generation.engine.training.loop import Recipe
from generation.engine.training.presets import CASCADE, KINDS, NAMES, PRESETS, Course, Wanted
from generation.training import train_generator


class Command(ProductCommand):
    """Train a generator."""

    help = "Train a generator; can be stopped with Ctrl-C, and the same command goes on."
    failures = (GenerationError, EvaluationError, FloatingPointError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare data, length and place."""
        parser.add_argument(
            "--name", help="under which generate_batch finds it (default: dermdiff, or dermgan)"
        )
        parser.add_argument(
            "--kind",
            choices=KINDS,
            default=CASCADE,
            help="cascade: a diffusion model like dermdiff; dermgan: a painter that is told the "
            "skin's tone and the lesion's place, size and shape, and learns from images with masks",
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
            help="images for the second stage, at least as large as what it paints: 341 x 256 px "
            "for a cascade's (default: those of --dataset)",
        )
        parser.add_argument(
            "--start-from",
            default="",
            metavar="NAME",
            help="a generator whose weights to begin with (default: chance); a pipeline that was "
            "added is fine-tuned",
        )
        parser.add_argument(
            "--lora", type=int, default=0, metavar="RANK", help="of a pipeline: train LoRA weights"
        )
        parser.add_argument(
            "--licence",
            default="",
            metavar="SPDX",
            help="of a pipeline's images (default: those of base and data)",
        )
        parser.add_argument(
            "--recipe",
            choices=PRESETS,
            help="published: 60 epochs, batch 4, rate 1e-5, 128 px, no prompt dropout; other "
            "options win over it",
        )
        parser.add_argument(
            "--images", type=int, help="seen by the first stage (0: leave it as it is)"
        )
        parser.add_argument(
            "--fine-images", type=int, help="seen by the second stage (0: leave it as it is)"
        )
        parser.add_argument("--epochs", type=int, help="in place of --images and --fine-images")
        parser.add_argument("--batch", type=int)
        parser.add_argument("--learning-rate", type=float, metavar="RATE")
        parser.add_argument(
            "--size", type=int, metavar="PX", help="of a pipeline's images (default: as it paints)"
        )
        parser.add_argument(
            "--prompt-dropout",
            type=float,
            metavar="SHARE",
            help="of examples that are told nothing, for guidance (default: 0.1)",
        )
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
        parser.add_argument(
            "--checkpoint-every",
            dest="checkpoint_s",
            type=float,
            default=Recipe.checkpoint_s,
            metavar="SECONDS",
            help="a large pipeline's takes long to write",
        )
        parser.add_argument(
            "--tensorboard",
            action="store_true",
            help="write loss and rate as its events, too (needs the package tensorboard)",
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")

    def handle(self, **options: Any) -> None:
        """Train, then say where the weights are."""
        same = ("accumulate", "recompute", "compiled", "sample_every", "checkpoint_s")
        recipe = Recipe(**{name: options[name] for name in (*same, "tensorboard", "seed")})
        course = Course(**{field.name: options[field.name] for field in fields(Course)})
        preset = PRESETS[options["recipe"]] if options["recipe"] else Course()
        kept = ("start_from", "lora", "licence", "kind")
        name = options["name"] or NAMES[options["kind"]]
        wanted = Wanted(
            name=name,
            **{key: options[key] for key in kept},
            datasets=tuple(options["dataset"]),
            fine_datasets=tuple(options["fine_dataset"]),
        )
        try:
            with Progress(self.stderr, "read") as progress:
                target = train_generator(
                    wanted,
                    course,
                    recipe,
                    preset=preset,
                    device=options["device"],
                    on_step=progress,
                    on_progress=self._say,
                )
        except KeyboardInterrupt:
            raise CommandError("stopped; the same command goes on from the checkpoint") from None
        self.stdout.write(f"{target}: try it with generate_batch --generator {name}")

    def _say(self, at: Standing) -> None:
        left = (at.planned - at.images) / max(at.images_per_s, 1e-6) / 60
        self.stderr.write(
            f"  {at.stage} {at.images} of {at.planned}, loss {at.loss:.4f}, "
            f"{at.images_per_s:.0f} images/s, {left:.0f} min left"
        )
