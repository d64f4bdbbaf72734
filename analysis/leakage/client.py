"""A rater's browser without a screen: one connection, its cookies, and the form's token."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection


@dataclass(frozen=True)
class Reply:
    """What a server sent, and how long it took, in seconds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float


class Client:
    """Keeps one connection open, as a browser does."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        self.connection = HTTPConnection(address, timeout=120)
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str) -> bytes:
        """Fetch a page or an image."""
        return self.ask("GET", path).body

    def ask(
        self,
        method: str,
        path: str,
        body: str | None = None,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request with the cookies there are, keep those that come, follow a redirect."""
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        sent = {"Cookie": cookies, **self.headers, **(headers or {})}
        if body is not None:
            sent |= {"Content-Type": kind, "X-CSRFToken": self.csrf}
        begun = time.perf_counter()
        try:
            self.connection.request(method, path, body, sent)
            response = self.connection.getresponse()
        except ConnectionError:
            # The server hangs up on who is silent for seconds; browsers call again, too.
            self.connection.close()
            begun = time.perf_counter()
            self.connection.request(method, path, body, sent)
            response = self.connection.getresponse()
        content = response.read()
        seconds = time.perf_counter() - begun
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        if found := re.search(rb'csrfmiddlewaretoken" value="([^"]+)"', content):
            self.csrf = found[1].decode()
        self.landed = path
        if response.status in (302, 303, 307):
            return self.ask("GET", re.sub(r"^https?://[^/]+", "", response.headers["Location"]))
        return Reply(response.status, tuple(response.getheaders()), content, seconds)
