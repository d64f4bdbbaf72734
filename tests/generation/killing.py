"""A training run in a process of its own, killed as by kill -9 in the midst of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection


def kill_when_steps_are_done(command: Sequence[str], curve: Path, steps: int) -> None:
    """Run `command` on the tests' database, and kill it when `curve` has so many steps."""
    parameters, name = connection.get_connection_params(), connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{parameters['user']}@/{name}?host={parameters['host']}",
        "DERMTURING_VAR": str(settings.VAR_DIR),
    }
    running = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env=environment,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 180
    while time.monotonic() < until and running.poll() is None:
        if curve.exists() and len(curve.read_text().splitlines()) > steps:
            break
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    _, said = running.communicate()
    assert curve.exists(), said.decode()
