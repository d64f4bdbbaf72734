"""Serving: the web server and the worker of background tasks, started and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from django.core.management import call_command

from config.errors import ConfigurationError

WORKERS, THREADS = 2, 4
LONGEST_REQUEST_S = 600  # an upload of many images is checked while it is waited for


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken.

    Raises:
        ConfigurationError: it is, or may not be used.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as problem:
            raise ConfigurationError(
                f"port {port} on {host} cannot be used ({problem}); choose another with PORT=…, "
                f"such as PORT={port + 1 if port < 65535 else 8001}"
            ) from None


def prepare() -> None:
    """Bring the database and the static files up to date.

    Raises:
        ConfigurationError: the database does not guard what is sealed.
    """
    from evaluation.guards import broken_guards
    from evaluation.hiding import settle_originals

    call_command("migrate", verbosity=0)
    settle_originals()
    if broken := broken_guards():
        raise ConfigurationError(
            f"the database does not guard what is sealed: {'; '.join(broken)}; switch on what is "
            "off, or restore a backup, and find out who changed it"
        )
    call_command("collectstatic", interactive=False, verbosity=0)


def serve(host: str, port: int, *, demonstration: bool = False) -> int:
    """Serve until Ctrl-C or SIGTERM, or until one of the two processes ends.

    Args:
        host, port: to listen on.
        demonstration: the front page leads to the demonstration's class.

    Returns:
        The exit status: 0 after a stop that was asked for.
    """
    python = sys.executable
    commands = [
        [
            python,
            "-m",
            "gunicorn",
            "config.wsgi",
            "--bind",
            f"{host}:{port}",
            "--workers",
            str(WORKERS),
            "--threads",
            str(THREADS),
            "--timeout",
            str(LONGEST_REQUEST_S),
            "--log-level",
            "warning",
            "--no-control-socket",
        ],
        [python, "manage.py", "db_worker", "--interval", "1", "--verbosity", "0"],
    ]
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    # Groups of their own: Ctrl-C on a terminal reaches this process alone, which stops them.
    environment = {**os.environ, "DERMTURING_DEMONSTRATION": str(int(demonstration))}
    children = [
        subprocess.Popen(command, start_new_session=True, env=environment) for command in commands
    ]
    while not stopped and all(child.poll() is None for child in children):
        time.sleep(0.2)
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    return 0 if stopped else 1
