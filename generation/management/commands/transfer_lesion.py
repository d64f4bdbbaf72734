"""`manage.py transfer_lesion`: a lesion on a photograph of healthy skin."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from evaluation.errors import EvaluationError
from generation.deidentification import PROPOSE
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.vocabulary import SEXES
from generation.transferring import CANDIDATES, Painted, Taken, transfer_lesion


class Command(ProductCommand):
    """Set a lesion into skin."""

    help = (
        "Set a lesion into a photograph of healthy skin: painted by a generator inside --mask, or "
        "taken from another photograph with --lesion; all else stays byte for byte"
    )
    failures = (GenerationError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare skin and lesion."""
        parser.add_argument("skin", type=Path, help="a JPEG or PNG")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
        parser.add_argument("--entity", required=True, metavar="CODE")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--mask", type=Path, metavar="FILE", help="paint a lesion where this mask is white"
        )
        which.add_argument(
            "--lesion", type=Path, metavar="FILE", help="take the lesion of this photograph"
        )
        painted = parser.add_argument_group("a lesion that is painted")
        painted.add_argument("--generator", default="dermdiff", metavar="NAME")
        painted.add_argument("--sex", choices=SEXES)
        painted.add_argument("--age", type=float, metavar="YEARS")
        painted.add_argument("--site", metavar="NAME", help="of the body: back, face, …")
        painted.add_argument("--tone", type=float, metavar="DEGREES")
        painted.add_argument("--seed", type=int, default=0)
        painted.add_argument(
            "--guidance",
            type=float,
            metavar="G",
            help="1 is none (default: the generator's own)",
        )
        painted.add_argument(
            "--steps", type=int, metavar="K", help="(default: the generator's own)"
        )
        painted.add_argument(
            "--candidates",
            type=int,
            default=CANDIDATES,
            metavar="N",
            help="lesions to paint; the one is taken of which the segmenter sees most",
        )
        painted.add_argument("--device", default="auto", help="auto, cpu or cuda")
        taken = parser.add_argument_group("a lesion that is taken")
        taken.add_argument(
            "--lesion-mask",
            default=PROPOSE,
            metavar="FILE",
            help=f"where it is, white (default: '{PROPOSE}')",
        )
        taken.add_argument("--licence", default="", metavar="SPDX", help="of the result")
        taken.add_argument(
            "--at", default="0.5,0.5", metavar="X,Y", help="of its centre, shares of the skin"
        )
        taken.add_argument("--width", type=float, default=Taken.width, metavar="SHARE")

    def handle(self, *, skin: Path, out: Path, **options: Any) -> None:
        """Set it in, then say what was checked."""
        lesion = _painted(options) if options["mask"] else _taken(options)
        difference = transfer_lesion(skin, lesion, out)
        self.stdout.write(
            f"{out}: {difference.replaced} pixels painted, the other {difference.kept} are those "
            f"of {skin}"
        )


def _painted(options: dict[str, Any]) -> Painted:
    asked = ("entity", "seed", "sex", "age", "site", "tone", "guidance", "steps")
    return Painted(
        generator=options["generator"],
        mask=options["mask"],
        request=ImageRequest(**{key: options[key] for key in asked}),
        candidates=options["candidates"],
        device=options["device"],
    )


def _taken(options: dict[str, Any]) -> Taken:
    try:
        x, y = map(float, options["at"].split(","))
    except ValueError:
        raise CommandError(f"--at {options['at']}: write it as X,Y, such as 0.5,0.5") from None
    if not (0 <= x <= 1 and 0 <= y <= 1 and 0 < options["width"] <= 1):
        raise CommandError("--at and --width are shares of the skin: use 0 to 1")
    if not options["licence"]:
        raise CommandError("say with --licence under which licence the result stands")
    mask = None if options["lesion_mask"] == PROPOSE else Path(options["lesion_mask"])
    return Taken(
        photograph=options["lesion"],
        mask=mask,
        entity=options["entity"],
        licence=options["licence"],
        at=(x, y),
        width=options["width"],
    )
