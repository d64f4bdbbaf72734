"""A product of its own for each benchmark: an empty `var`, its own database, gone afterwards."""

import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Product:
    """A product of its own, with everything that it writes in one folder."""

    environment: Mapping[str, str]

    def __call__(self, *words: str) -> float:
        """Run `manage.py` with some words and return the seconds that it took."""
        begun = time.perf_counter()
        self.output("manage.py", *words, capture=False)
        return time.perf_counter() - begun

    def output(self, *words: str, capture: bool = True) -> str:
        """Run Python with some words and return what it printed."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=self.environment,
            check=True,
            text=True,
            stdout=subprocess.PIPE if capture else None,
        )
        return done.stdout or ""

    @contextmanager
    def serving(self, port: int) -> Iterator[str]:
        """Serve on `port` as `make serve` does, and give the address."""
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(port)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def wait_for(port: int) -> None:
    """Wait until something listens on `port`, a minute at most."""
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def empty_product() -> Iterator[Product]:
    """Give an empty product, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dermturing-benchmark-") as folder:
        environment = {**os.environ, "DERMTURING_VAR": folder}
        environment.pop("DATABASE_URL", None)
        yield Product(environment)


def machine() -> str:
    """Say what the figures were measured on."""
    return f"{os.cpu_count()} CPUs ({platform.machine()}), Python {platform.python_version()}"


def against_limit(what: str, seconds: float, limit: float) -> bool:
    """Print a time with its limit; True if it holds."""
    print(f"{what:<44} {seconds:8.2f} s   limit {limit:.0f} s   ratio {seconds / limit:.2g}")
    return seconds <= limit
