"""A written report as responses: its page, its files, and all of them at once."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

from django.http import FileResponse, Http404, HttpResponse
from django.utils.translation import gettext as _

#: The page brings its style and figures inside and fetches nothing.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def page_of(folder: Path) -> HttpResponse:
    """Return the page, under a policy of its own."""
    page = HttpResponse((folder / "index.html").read_bytes())
    page["Content-Security-Policy"] = PAGE_POLICY
    page["Cache-Control"] = "no-store"
    return page


def archive_of(folder: Path, name: str) -> FileResponse:
    """Return all files, packed into a folder called `name`."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{name}/{path.relative_to(folder)}")
    packed.seek(0)
    return FileResponse(packed, as_attachment=True, filename=f"{name}.zip")


def part_of(folder: Path, name: str) -> FileResponse:
    """Return one file if the report lists it; no other path can be named.

    Raises:
        Http404: it does not.
    """
    listed = json.loads((folder / "report.json").read_text(encoding="utf-8"))["files"]
    if name not in listed:
        raise Http404(_("The report has no such file."))
    part = FileResponse((folder / name).open("rb"))
    part["Content-Security-Policy"] = PAGE_POLICY
    return part
