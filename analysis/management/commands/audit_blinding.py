"""`manage.py audit_blinding STUDY`: does anything but the pixels tell raters the origin?"""

import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from analysis.blinding_audit import audit_and_keep
from analysis.errors import AnalysisError
from analysis.leakage.certificate import summary
from config.commands import ProductCommand
from config.progress import Progress
from evaluation.errors import EvaluationError

SIGNS = {"holds": "✓", "fails": "✗", "not shown": "?", "reported": "·"}


class Command(ProductCommand):
    """Audit a draft."""

    help = (
        "Read a draft over HTTP as its raters will, look for leaks, and write the certificate on "
        "which it is sealed. Fails if the certificate does not pass."
    )
    failures = (AnalysisError, EvaluationError)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the study and where the certificate goes."""
        parser.add_argument("study", help="short name of a draft")
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="write certificate.html and .json here, too"
        )

    def handle(self, *, study: str, out: Path | None, **options: Any) -> None:
        """Audit it, keep the certificate, and say what was found."""
        call_command("collectstatic", interactive=False, verbosity=0)
        progress: dict[str, Progress] = {}

        def on_step(what: str, done: int, total: int) -> None:
            progress.setdefault(what, Progress(self.stdout, what))(done, total)

        audited = audit_and_keep(study, on_step=on_step)
        document = audited.document
        for check in document["checks"]:
            self.stdout.write(f"{SIGNS[check['verdict']]} {check['title']}: {check['says']}")
        found = sum(leak["found"] for leak in document["planted"])
        self.stdout.write(f"planted leaks found: {found} of {len(document['planted'])}")
        if ceiling := document["ceiling"]:
            self.stdout.write(
                f"machine ceiling: AUC {ceiling['served']['auc']:.3f} from low-level features of "
                f"the stimuli, {ceiling['native']['auc']:.3f} of the originals, "
                f"{ceiling['network']['auc']:.3f} by a small network"
            )
        if out:
            out.mkdir(parents=True, exist_ok=True)
            (out / "certificate.html").write_bytes(audited.page)
            (out / "certificate.json").write_text(json.dumps(document, indent=1))
            self.stdout.write(f"written: {out / 'certificate.html'}")
        self.stdout.write(f"{document['seconds']} s. {summary(document)}")
        if not document["passed"]:
            raise CommandError(
                "the certificate does not pass; mend what it names, or seal with --reason"
            )
