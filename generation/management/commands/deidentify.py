"""`manage.py deidentify`: copies of photographs in which only the lesion is its own."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.entities import ENTITIES
from generation.deidentification import (
    CANDIDATES,
    PROPOSE,
    Wish,
    deidentify,
    plan_deidentification,
)
from generation.engine.generator import GenerationError
from generation.engine.vocabulary import SEXES


class Command(ProductCommand):
    """De-identify photographs."""

    help = (
        "Paint all of a photograph anew but for the lesion, which stays byte for byte; "
        "the originals are left alone"
    )
    failures = (GenerationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare photographs, masks and what skin is wanted."""
        parser.add_argument("photographs", type=Path, help="a JPEG or PNG, or a folder of them")
        parser.add_argument(
            "--mask",
            required=True,
            metavar="PLACE",
            help="what is kept, white: a file, a folder of files named as the photographs, or "
            f"'{PROPOSE}' to have it found",
        )
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
        parser.add_argument("--entity", required=True, metavar="CODE", help=", ".join(ENTITIES))
        parser.add_argument("--generator", default="dermdiff", metavar="NAME")
        parser.add_argument("--sex", choices=SEXES)
        parser.add_argument("--age", type=float, metavar="YEARS")
        parser.add_argument("--site", metavar="NAME", help="of the body: back, face, …")
        parser.add_argument(
            "--tone",
            type=float,
            metavar="DEGREES",
            help="of the skin, as typology angle (default: the colour around the lesion)",
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--steps", type=int, metavar="K", help="(default: the generator's own)")
        parser.add_argument(
            "--candidates",
            type=int,
            default=CANDIDATES,
            metavar="N",
            help="skins to paint for each; the one with least of a lesion in it is taken",
        )
        parser.add_argument(
            "--margin",
            type=float,
            metavar="SHARE",
            help="by which masks are grown, of the lesion's diameter (default: 0, proposed 0.05)",
        )
        parser.add_argument(
            "--faces-seen",
            action="store_true",
            help="you have looked: what is taken for a face in what is kept may stay",
        )
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")

    def handle(
        self,
        *,
        photographs: Path,
        mask: str,
        out: Path,
        device: str,
        faces_seen: bool,
        **options: Any,
    ) -> None:
        """Check what can be checked, then make the copies."""
        wish = Wish(**{name: options[name] for name in Wish.__dataclass_fields__})
        works = plan_deidentification(photographs, mask, out, wish)
        try:
            with Progress(self.stderr, "made") as progress:
                deidentify(
                    works,
                    wish,
                    device=device,
                    faces_seen=faces_seen,
                    say=self.stdout.write,
                    on_step=progress,
                )
        except KeyboardInterrupt:
            raise CommandError(
                "stopped; what is there is whole, go on with the same command"
            ) from None
        self.stdout.write(f"{len(works)} checked copies with reports in {out}")
