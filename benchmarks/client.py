"""A rater's browser for the benchmarks: one connection, its cookies, and the form's token."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import numpy as np

#: Sends an answer and fetches what comes next.
Cycle = Callable[[], None]


class Client:
    """Keeps one connection open, as a browser does."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        self.connection = HTTPConnection(address, timeout=120)
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str) -> bytes:
        """Fetch a page or an image."""
        return self.ask("GET", path)[1]

    def ask(
        self, method: str, path: str, body: str | None = None, kind: str = ""
    ) -> tuple[int, bytes]:
        """Send a request with the cookies there are, keep those that come, follow a redirect."""
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        headers = {"Cookie": cookies, **self.headers}
        if body is not None:
            headers |= {"Content-Type": kind, "X-CSRFToken": self.csrf}
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
        except ConnectionError:
            # The server hangs up on who is silent for seconds; browsers call again, too.
            self.connection.close()
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
        content = response.read()
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        if found := re.search(rb'csrfmiddlewaretoken" value="([^"]+)"', content):
            self.csrf = found[1].decode()
        self.landed = path
        if response.status in (302, 303, 307):
            target = re.sub(r"^https?://[^/]+", "", response.headers["Location"])
            return self.ask("GET", target)
        return response.status, content


def measure(cycles: Sequence[Cycle], each: int) -> tuple[float, np.ndarray]:
    """Let raters answer at once, each as fast as the server lets them.

    Args:
        cycles: one a rater.
        each: answers of each.

    Returns:
        Answers a second of all together, and how long each took, in ms.
    """

    def timed(cycle: Cycle) -> list[float]:
        spent = []
        for _ in range(each):
            begun = time.perf_counter()
            cycle()
            spent.append(time.perf_counter() - begun)
        return spent

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(cycles)) as pool:
        spent = list(pool.map(timed, cycles))
    seconds = time.perf_counter() - begun
    times = np.concatenate(spent) * 1000
    return len(times) / seconds, times
