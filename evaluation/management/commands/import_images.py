"""`manage.py import_images`: bring images into the catalogue."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError
from evaluation.importing import import_synthetic, plan_import, run_import
from evaluation.metadata import COLUMNS


class Command(ProductCommand):
    """Bring in real images."""

    help = "Import images with their metadata, real or made elsewhere: all of them, or nothing."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where the images are and what they are."""
        parser.add_argument("source", help="folder or zip; photos.zip/images is a folder in a zip")
        parser.add_argument("--metadata", required=True, metavar="FILE.csv")
        owner = parser.add_mutually_exclusive_group(required=True)
        owner.add_argument("--dataset", default="", metavar="NAME", help="of real images")
        owner.add_argument(
            "--generator",
            default="",
            metavar="NAME",
            help="what made them elsewhere; columns of the CSV that are no field become the recipe",
        )
        parser.add_argument(
            "--revision",
            default="",
            help="of that generator: a version, a date, a checkpoint's hash; needed with it",
        )
        parser.add_argument("--licence", required=True, metavar="SPDX", help="such as CC-BY-NC-4.0")
        parser.add_argument(
            "--masks",
            metavar="SOURCE",
            help="lesion masks, named as their images; those that are here already get theirs, too",
        )
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="a column that is not called as in HAM10000; fields: " + ", ".join(COLUMNS),
        )
        parser.add_argument(
            "--label",
            action="append",
            default=[],
            metavar="LABEL=ENTITY",
            help="a label that is not called as in HAM10000, such as nevus=nv",
        )
        parser.add_argument(
            "--skip-problems",
            action="store_true",
            help="import the rest, and say what was left out",
        )
        parser.add_argument("--dry-run", action="store_true", help="only show what would happen")

    def handle(self, **options: Any) -> None:
        """Check everything, then import it."""
        if options["generator"] and not options["revision"].strip():
            raise CommandError(
                f"which '{options['generator']}' made these images? name it with --revision (a "
                "version, a date or a checkpoint's hash): images of two are not compared as one's"
            )
        if options["dataset"] and options["revision"]:
            raise CommandError("--revision is of a generator; leave it out with --dataset")
        place = {"source": options["source"], "masks": options["masks"]}
        with Progress(self.stderr, "checked") as progress:
            plan = plan_import(
                **place,
                metadata=options["metadata"],
                dataset=options["dataset"],
                generator=options["generator"],
                licence=options["licence"],
                columns=_pairs("--column", options["column"]),
                labels=_pairs("--label", options["label"]),
                on_step=progress,
            )
        for problem in plan.problems:
            self.stderr.write(problem)
        counts = ", ".join(f"{entity} {n}" for entity, n in sorted(plan.by_entity().items()))
        if plan.already:
            masks = f"; {len(plan.masks)} of them get a mask" if plan.masks else ""
            self.stdout.write(f"{plan.already} images are in '{plan.name}' already{masks}")
        if plan.problems and not options["skip_problems"]:
            raise CommandError(
                f"{len(plan.problems)} problems, nothing imported; mend them, "
                "or leave those files out with --skip-problems"
            )
        if options["dry_run"]:
            self.stdout.write(f"would import {len(plan.found)} images ({counts})")
            return
        with Progress(self.stderr, "stored") as progress:
            how = {**place, "skip_problems": options["skip_problems"], "on_step": progress}
            if plan.made:
                import_synthetic(plan, **how, revision=options["revision"])
            else:
                run_import(plan, **how)
        self.stdout.write(f"imported {len(plan.found)} images into '{plan.name}' ({counts})")


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    for pair in given:
        if "=" not in pair:
            raise CommandError(f"{option} {pair}: write it as LEFT=RIGHT")
    return dict(pair.split("=", 1) for pair in given)
