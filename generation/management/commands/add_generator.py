"""`manage.py add_generator`: use a text-to-image pipeline of your own."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from generation.batches import OWN_WEIGHTS
from generation.engine.generator import GenerationError
from generation.engine.prompts import TEMPLATE
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import check_name, generator_names


class Command(ProductCommand):
    """Add a generator."""

    help = (
        "Add a text-to-image pipeline of diffusers as a generator; it is loaded and paints one "
        "image in three steps, to check."
    )
    failures = (GenerationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the pipeline and how it is asked."""
        parser.add_argument("name", help="of the generator")
        parser.add_argument("--pipeline", required=True, help="its directory, or an id of the hub")
        parser.add_argument(
            "--licence", required=True, metavar="SPDX", help="of the images that it makes"
        )
        parser.add_argument("--lora", default="", help="directory or file of LoRA weights")
        parser.add_argument(
            "--upscaler",
            default="",
            metavar="PLACE",
            help="directory or id of a pipeline that enlarges its images four times: Stable "
            "Diffusion's x4, or DeepFloyd IF's second stage",
        )
        parser.add_argument("--template", default=TEMPLATE, help=f"of the prompt ('{TEMPLATE}')")
        parser.add_argument("--negative", default="", help="prompt of what is not wanted")
        parser.add_argument("--size", type=int, default=512, help="side at which it paints, in px")
        parser.add_argument(
            "--guidance", type=float, metavar="G", help="(default: the pipeline's own)"
        )
        parser.add_argument("--steps", type=int, metavar="K", help="(default: the pipeline's own)")
        parser.add_argument("--scheduler", default="", help="a class of diffusers")
        parser.add_argument("--dtype", default="", help="float32, bfloat16 or float16")
        parser.add_argument("--compute-batch", type=int, metavar="N", help="images at once")
        parser.add_argument("--device", default="auto", help="to check it on: auto, cpu or cuda")

    def handle(self, *, name: str, pipeline: str, device: str, **options: Any) -> None:
        """Load it, then write down what it is."""
        from generation.engine.loading import local_folder, usual_of
        from generation.engine.pipeline import PipelineGenerator

        check_name(name)
        if name in generator_names(OWN_WEIGHTS):
            raise CommandError(f"a generator '{name}' exists already; choose another name")
        chosen = ("licence", "lora", "upscaler", "template", "negative", "size")
        guidance, steps = options["guidance"], options["steps"]
        if guidance is None or steps is None:
            own_guidance, own_steps = usual_of(local_folder(pipeline))
            guidance = own_guidance if guidance is None else guidance
            steps = own_steps if steps is None else steps
        for place in ("lora", "upscaler"):
            options[place] = _whole(options[place])
        recipe = PipelineRecipe(
            source=_whole(pipeline),
            guidance=guidance,
            steps=steps,
            compute_batch=options["compute_batch"],
            **{key: options[key] for key in (*chosen, "scheduler", "dtype")},
        )
        loaded = PipelineGenerator(name, recipe, device)
        loaded.try_out()
        recipe.write(OWN_WEIGHTS / name)
        self.stdout.write(f"generator '{name}', revision {loaded.revision}:")
        for key, value in loaded.settings().items():
            self.stdout.write(f"  {key}: {value}")


def _whole(place: str) -> str:
    """Return the whole path of what is here: others read the recipe from elsewhere."""
    return str(Path(place).resolve()) if place and Path(place).exists() else place
