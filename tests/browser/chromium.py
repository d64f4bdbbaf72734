"""Which Chromium the tests use, and how it is started."""

import os
import subprocess
from pathlib import Path

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


def find_chromium() -> str:
    """Return a Chromium's path; `make test` has found it already."""
    if given := os.environ.get("DERMTURING_CHROMIUM"):
        return given
    script = Path(__file__).parent / "find_chromium.sh"
    return subprocess.run([script], check=True, capture_output=True, text=True).stdout.strip()
