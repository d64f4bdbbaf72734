"""`manage.py check_copies`: which generated images resemble a photograph too much."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.copies import find_copies
from evaluation.models import Image, Origin


class Command(ProductCommand):
    """Compare generated images with the photographs."""

    help = (
        "Compare generated images with all photographs of the catalogue; suspected copies are left "
        "out of studies. Batches are compared when they are made: this is for imported images, "
        "and, with --again, for photographs that came later."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which images."""
        parser.add_argument("generator", nargs="?", help="default: all")
        parser.add_argument("--again", action="store_true", help="those compared before, too")

    def handle(self, **options: Any) -> None:
        """Compare, then say how many are suspected."""
        images = Image.objects.filter(origin=Origin.SYNTHETIC)
        if options["generator"]:
            images = images.filter(generator=options["generator"])
        if not images.exists():
            raise CommandError("there are no such generated images")
        with Progress(self.stderr, "compared") as progress:
            compared = find_copies(images, progress, again=options["again"])
        if not compared.photographs:
            raise CommandError("there are no photographs to compare with; import_images first")
        self.stdout.write(
            f"{compared.images} images compared with {compared.photographs} photographs, "
            f"{compared.suspected} suspected copies"
        )
