"""`manage.py create_study`: draw the images of a new study and, if asked, seal it."""

from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from config.commands import ProductCommand
from evaluation.catalogue import get_dataset
from evaluation.design.questions import DEFAULT, DEFAULT_OF_PAIRS, Question
from evaluation.entities import ENTITIES
from evaluation.errors import EvaluationError
from evaluation.sealing import seal_study
from evaluation.sources import read_text
from evaluation.studies import create_study


def _margin(text: str) -> Decimal:
    """Return a decimal number as it was written: 0.1 is not the nearest binary fraction."""
    try:
        return Decimal(text)
    except InvalidOperation as problem:
        raise ArgumentTypeError(f"'{text}' is not a number; use one such as 0.10") from problem


class Command(ProductCommand):
    """Draw the images of a new study."""

    help = "Create a study: draw its images, stratified by entity and origin, one a lesion."
    failures = (EvaluationError,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what decides the draw."""
        parser.add_argument("study", help="short name (slug) of the new study")
        parser.add_argument("--title", help="what raters see; the short name if left out")
        parser.add_argument("--dataset", required=True, help="dataset of the real images")
        parser.add_argument(
            "--generator",
            action="append",
            required=True,
            metavar="NAME",
            help="generator of the AI images; may be repeated, to compare several",
        )
        parser.add_argument(
            "--entity",
            action="append",
            default=[],
            metavar="CODE",
            help=f"entities, in the order of the buttons (default: {', '.join(ENTITIES)})",
        )
        parser.add_argument("--per-cell", type=int, default=10, help="images per entity and origin")
        parser.add_argument(
            "--question",
            action="append",
            default=[],
            choices=[str(question) for question in Question],
            help=f"in the order of the page (default: {', '.join(DEFAULT)})",
        )
        parser.add_argument("--confidence-levels", type=int, default=5)
        parser.add_argument(
            "--pairs", action="store_true", help="a real and an AI image side by side: which is AI?"
        )
        parser.add_argument(
            "--exposure", type=int, metavar="MS", help="then noise covers the image"
        )
        parser.add_argument(
            "--staircase", action="store_true", help="the exposure follows the answers (HYPE)"
        )
        parser.add_argument("--step-up", type=int, default=30, metavar="MS", help="after an error")
        parser.add_argument(
            "--step-down", type=int, default=10, metavar="MS", help="after a right answer"
        )
        parser.add_argument("--no-zoom", action="store_true", help="images cannot be enlarged")
        parser.add_argument(
            "--one-resolution", action="store_true", help="shrink originals to the smallest first"
        )
        parser.add_argument(
            "--turned", action="store_true", help="turn and crop each image a little, at random"
        )
        parser.add_argument(
            "--round-mask", action="store_true", help="cover everything but a disc in grey"
        )
        parser.add_argument(
            "--corrections", action="store_true", help="the last answer may be corrected"
        )
        parser.add_argument("--practice", type=int, default=0, help="images to practise on")
        parser.add_argument("--checks", type=int, default=0, help="attention checks")
        parser.add_argument(
            "--checks-from",
            default="",
            metavar="NAME",
            help="dataset or generator of them",
        )
        parser.add_argument(
            "--checks-needed", type=int, default=0, help="raters with fewer right are left out"
        )
        parser.add_argument(
            "--break-every", type=int, default=35, metavar="IMAGES", help="offer a break"
        )
        parser.add_argument(
            "--raters", type=int, default=50, help="reading lists to draw: raters at most"
        )
        parser.add_argument(
            "--readings", type=int, help="raters an image (default: all read all images)"
        )
        parser.add_argument("--occasions", type=int, default=1, help="readings a rater")
        parser.add_argument(
            "--washout", type=int, default=14, metavar="DAYS", help="between two readings"
        )
        parser.add_argument(
            "--repeats", type=int, default=0, metavar="PERCENT", help="images shown twice"
        )
        parser.add_argument("--block", type=int, help="images a block, each balanced")
        parser.add_argument("--run-of-origin", type=int, help="most of one origin in a row")
        parser.add_argument("--run-of-entity", type=int, help="most of one entity in a row")
        parser.add_argument(
            "--counterbalance", action="store_true", help="the same blocks, in balanced orders"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--analysis-plan",
            type=Path,
            metavar="FILE",
            help="what will be compared, and by which margin; frozen with the design",
        )
        parser.add_argument(
            "--margin",
            type=_margin,
            metavar="SHARE",
            help="how far from 0.5 still counts as guessing, 0.10 for example; frozen likewise",
        )
        parser.add_argument("--contact", default="", help="whom raters may ask")
        parser.add_argument(
            "--tell-results", action="store_true", help="to each rater their own, once closed"
        )
        parser.add_argument(
            "--shuffle-entities",
            action="store_true",
            help="each rater sees the diagnoses in an order of their own",
        )
        parser.add_argument(
            "--tell-share", action="store_true", help="tell raters that half of the images is AI"
        )
        parser.add_argument(
            "--seal",
            metavar="REASON",
            help="open it for reading without an audit of its blinding, for this reason",
        )

    def handle(self, **options: Any) -> None:
        """Create, and seal where asked."""
        study = create_study(
            slug=options["study"],
            title=options["title"] or options["study"],
            dataset=get_dataset(options["dataset"]),
            generators=options["generator"],
            entities=options["entity"],
            images_per_cell=options["per_cell"],
            confidence_levels=options["confidence_levels"],
            questions=options["question"]
            or list(DEFAULT_OF_PAIRS if options["pairs"] else DEFAULT),
            pairs=options["pairs"],
            exposure_ms=options["exposure"],
            staircase=options["staircase"],
            step_up_ms=options["step_up"],
            step_down_ms=options["step_down"],
            zoom=not options["no_zoom"],
            one_resolution=options["one_resolution"],
            turned=options["turned"],
            round_mask=options["round_mask"],
            corrections=options["corrections"],
            practice_images=options["practice"],
            checks=options["checks"],
            checks_from=options["checks_from"],
            checks_needed=options["checks_needed"],
            break_every=options["break_every"] or None,
            seed=options["seed"],
            contact=options["contact"],
            margin=options["margin"],
            analysis_plan=read_text(str(options["analysis_plan"]))
            if options["analysis_plan"]
            else "",
            tell_results=options["tell_results"],
            tell_share=options["tell_share"],
            shuffle_entities=options["shuffle_entities"],
            raters_at_most=options["raters"],
            readings_per_image=options["readings"],
            occasions=options["occasions"],
            washout_days=options["washout"],
            repeats_percent=options["repeats"],
            block_size=options["block"],
            run_of_origin=options["run_of_origin"],
            run_of_entity=options["run_of_entity"],
            counterbalanced=options["counterbalance"],
        )
        self.stdout.write(f"study '{study.slug}': {study.drawn.count()} images drawn")
        if options["seal"]:
            study = seal_study(study, reason=options["seal"])
            self.stdout.write(f"sealed; fingerprint {study.fingerprint}")
