"""`manage.py generate_batch`: make synthetic images, as many of each entity."""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.copies import find_copies
from evaluation.entities import ENTITIES
from evaluation.errors import EvaluationError
from generation.batches import (
    OWN_WEIGHTS,
    Asked,
    forget_batch,
    generator_for,
    get_batch,
    images_of,
    plan_batch,
    progress_of,
    run_batch_with,
    way_of,
)
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.lesions import written, written_from_file
from generation.engine.making import InThread, Maker
from generation.engine.ray_pool import RayPool
from generation.engine.vocabulary import SEXES
from generation.models import Batch
from generation.tones import reached_text

USUAL_EXTENT = 0.5  # of a lesion of which only the place is given
PLANNED = (
    "generator",
    "per_entity",
    "entity",
    "seed",
    "prompt",
    "sex",
    "age",
    "site",
    "tone",
    "lesion",
    "lesion_size",
    "lesion_place",
    "guidance",
    "steps",
    "size",
)
COMPUTING = ("device", "compute_batch", "compiled", "ray")


class Command(ProductCommand):
    """Make synthetic images."""

    help = "Make synthetic images; can be stopped with Ctrl-C and gone on with."
    failures = (GenerationError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what decides the images."""
        parser.add_argument("--generator", metavar="NAME")
        parser.add_argument("--per-entity", type=int, metavar="N")
        parser.add_argument(
            "--entity",
            action="append",
            default=[],
            metavar="CODE",
            help=f"may be repeated (default: {', '.join(ENTITIES)})",
        )
        parser.add_argument(
            "--seed", type=int, default=0, help="the same seed gives the same images"
        )
        parser.add_argument(
            "--prompt", metavar="TEXT", help="'melanoma on the back of a 60-year-old woman'"
        )
        parser.add_argument("--sex", choices=SEXES)
        parser.add_argument("--age", type=float, metavar="YEARS")
        parser.add_argument("--site", metavar="NAME", help="of the body: back, face, …")
        parser.add_argument(
            "--tone",
            type=_tones,
            nargs="+",
            default=[],
            metavar="DEGREES",
            help="of the skin, as typology angle; of several, such as 48 19 -10, every diagnosis "
            "gets as many images of each",
        )
        lesion = parser.add_mutually_exclusive_group()
        lesion.add_argument(
            "--lesion",
            type=Path,
            metavar="FILE",
            help="its mask: a square PNG, white where the lesion is",
        )
        lesion.add_argument(
            "--lesion-size",
            metavar="WIDTH[,HEIGHT]",
            help="as a share of the image's side: 0.4, or 0.5,0.3; the seed draws the border "
            f"(default with --lesion-place: {USUAL_EXTENT})",
        )
        parser.add_argument(
            "--lesion-place",
            metavar="X,Y",
            help="of its centre, from the left and from the top: 0.3,0.6 (default with "
            "--lesion-size: the middle)",
        )
        parser.add_argument(
            "--guidance",
            type=float,
            metavar="G",
            help="1 is none (default: the generator's own)",
        )
        parser.add_argument("--steps", type=int, metavar="K", help="(default: the generator's own)")
        parser.add_argument(
            "--size",
            type=int,
            default=ImageRequest.size,
            metavar="PX",
            help="side of the images; what a pipeline paints is brought to it (default: 256)",
        )
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
        parser.add_argument(
            "--compute-batch",
            type=int,
            metavar="N",
            help="images painted at once; halved until they fit into memory (default: what suits "
            "the device)",
        )
        parser.add_argument(
            "--compiled",
            action="store_true",
            help="compile the networks first: minutes at the start, then faster",
        )
        parser.add_argument(
            "--ray",
            metavar="ADDRESS",
            help="on all GPUs of a Ray cluster: auto, host:6379, ray://host:10001, or local",
        )
        parser.add_argument(
            "--resume",
            type=int,
            nargs="?",
            const=0,
            metavar="BATCH",
            help="go on with a batch, the newest unfinished one if no number is given",
        )

    def handle(self, **options: Any) -> None:
        """Plan or find the batch, then make what is missing."""
        begun = timezone.now()
        if options["resume"] is not None:
            self._check_alone(options)
            batch = get_batch(options["resume"] or None)
        elif options["generator"] and options["per_entity"] is not None:
            batch = plan_batch(
                generator=options["generator"],
                per_entity=options["per_entity"],
                entities=options["entity"],
                seed=options["seed"],
                asked=Asked(
                    **{key: options[key] for key in ("prompt", "sex", "age", "site")},
                    lesion=_lesion(**{k: v for k, v in options.items() if k.startswith("lesion")}),
                ),
                tones=[tone for tones in options["tone"] for tone in tones],
                guidance=options["guidance"],
                steps=options["steps"],
                size=options["size"],
            )
        else:
            raise CommandError("name what to make: --generator NAME --per-entity N, or --resume")
        done, total = progress_of(batch)
        if done == total:
            self.stdout.write(f"batch {batch.pk}: all {total} images are there already")
        else:
            try:
                self._make(batch, **{key: options[key] for key in COMPUTING})
            except GenerationError:
                if batch.created_at >= begun:
                    forget_batch(batch)
                raise
        try:
            with Progress(self.stderr, "compared") as progress:
                compared = find_copies(images_of(batch), progress)
        except KeyboardInterrupt:
            raise CommandError(
                "stopped; all images are made, but not all are compared with the photographs; "
                f"go on with: manage.py generate_batch --resume {batch.pk}"
            ) from None
        if compared.images:
            self.stdout.write(
                f"batch {batch.pk}: compared with {compared.photographs} photographs, "
                f"{compared.suspected} of {compared.images} images are suspected copies"
                + (", left out of studies: see them in the admin" if compared.suspected else "")
            )
        for line in reached_text(batch):
            self.stdout.write(line)

    def _check_alone(self, options: dict[str, Any]) -> None:
        """Refuse to be asked for anything beside what is planned already."""
        usual = vars(self.create_parser("manage.py", "generate_batch").parse_args([]))
        if given := [name for name in PLANNED if options[name] != usual[name]]:
            raise CommandError(
                "--resume makes what was planned; leave "
                f"{', '.join('--' + name.replace('_', '-') for name in given)} out, or plan anew "
                "without --resume"
            )

    def _make(self, batch: Batch, **computing: Any) -> None:
        """Make what is missing."""
        done, total = progress_of(batch)
        tried = "" if batch.revision else " and trying how many images it paints at once"
        self.stdout.write(f"batch {batch.pk}: loading '{batch.generator}'{tried}")
        try:
            with _maker(batch, **computing) as maker:
                self.stdout.write(
                    f"batch {batch.pk}: {total - done} of {total} images to make with "
                    f"{maker.name}, revision {maker.revision}, {maker.compute_batch} at once"
                )
                with Progress(self.stderr, "made") as progress:
                    run_batch_with(batch, maker, progress)
        except KeyboardInterrupt:
            done, total = progress_of(batch)
            raise CommandError(
                f"stopped at {done} of {total}; "
                f"go on with: manage.py generate_batch --resume {batch.pk}"
            ) from None
        done, total = progress_of(batch)
        others = (
            "" if done == total else f"; of the other {total - done} another process has charge"
        )
        if others and batch.stopped:
            others = "; it was stopped at the desk"
        self.stdout.write(f"batch {batch.pk}: {done} of {total} images{others}")


def _tones(given: str) -> list[float]:
    """Return the degrees that one word tells: a number, or several with commas between."""
    try:
        return [float(part) for part in given.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"'{given}' is no number of degrees, such as 48") from None


def _lesion(
    *, lesion: Path | None, lesion_size: str | None, lesion_place: str | None
) -> str | None:
    """Return the lesion that the options ask for as it is written down."""
    if lesion and lesion_place:
        raise CommandError("a mask says where the lesion is; leave --lesion-place out")
    if lesion:
        return written_from_file(lesion)
    if not lesion_size and not lesion_place:
        return None
    extent = _shares("--lesion-size", lesion_size or str(USUAL_EXTENT), "0.4 or 0.5,0.3")
    place = _shares("--lesion-place", lesion_place or "0.5,0.5", "0.3,0.6")
    if len(place) != 2:
        raise CommandError(f"--lesion-place {lesion_place}: write it as X,Y, such as 0.3,0.6")
    return written(place[0], place[1], extent[0], extent[-1])


def _shares(option: str, given: str, example: str) -> list[float]:
    try:
        shares = [float(part) for part in given.split(",")]
    except ValueError:
        shares = []
    if not 1 <= len(shares) <= 2:
        raise CommandError(f"{option} {given}: write it as a share of the side, such as {example}")
    return shares


def _maker(
    batch: Batch, *, device: str, compute_batch: int | None, compiled: bool, ray: str | None
) -> Maker:
    """Return who makes the images: this process, or the workers of a Ray cluster."""
    if ray is None:
        return InThread(
            generator_for(batch, device=device, compute_batch=compute_batch, compiled=compiled)
        )
    way = way_of(batch, compute_batch, compiled)
    return RayPool(
        ray, batch.generator, OWN_WEIGHTS, device, way.compute_batch, way.compiled, way.fit
    )
