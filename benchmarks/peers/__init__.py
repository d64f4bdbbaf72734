"""Other platforms, installed from the package index into environments of their own."""

import subprocess
import sys
from pathlib import Path

from benchmarks.product import ROOT

ENVIRONMENTS = ROOT / "var" / "peers"


def environment(name: str, *packages: str) -> Path:
    """Return the folder of programs of a peer's environment, made on first use."""
    folder = ENVIRONMENTS / name
    done = folder / "installed"
    if not done.exists():
        print(f"installing {', '.join(packages)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *packages], check=True)
        done.touch()
    return folder / "bin"
