"""Where quality reports lie, and what hindered them, for the desk."""

from pathlib import Path

from django.conf import settings

ARCHIVE = "report.zip"
#: By generator.
REPORTS = settings.VAR_DIR / "reports" / "quality"


def problem_file(generator: str) -> Path:
    """Return where the desk finds what hindered a generator's quality report."""
    return REPORTS / f"{generator}.txt"
