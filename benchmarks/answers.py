"""How fast answers are taken: `python -m benchmarks.answers [PORT]`.

One, eight and fifty raters send answers as the reading page does (answer, next turn, next image),
each as fast as the server lets them, from the same machine. Limits: at least 100, 200 and 200
answers a second, 95 % within 15, 60 and 350 ms, none lost, none doubled; reading lists of fifty
raters and their trials in two seconds.
"""

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlencode
from uuid import uuid4

import numpy as np

from benchmarks.product import Product, against_limit, empty_product, machine

#: Raters at once, answers of each, answers a second at least, ms of 95 % at most.
LEVELS = ((1, 140, 100, 15), (8, 140, 200, 60), (50, 60, 200, 350))
GIVEN = {"entity": "nv", "origin": "real", "confidence": 3, "response_ms": 1200}


class Rater:
    """A rater's browser: one connection, cookies, and the turn."""

    def __init__(self, address: str, token: str) -> None:
        self.connection = HTTPConnection(address, timeout=60)
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.get(f"/r/{token}")
        self.get("/reading/")
        for step, fields in (
            ("consent", {"agree": "yes"}),
            ("about", {}),
            ("device", {"steps_seen": 8}),
            ("start", {}),
        ):
            body = urlencode({**fields, "csrfmiddlewaretoken": self.csrf})
            self.ask("POST", f"/reading/{step}", body, "application/x-www-form-urlencoded")
        page = self.get("/reading/").decode()
        [turn] = re.findall(r'<script id="turn"[^>]*>(.*?)</script>', page)
        self.turn = json.loads(turn)

    def get(self, path: str) -> bytes:
        """Fetch a page or an image."""
        return self.ask("GET", path)[1]

    def ask(
        self, method: str, path: str, body: str | None = None, kind: str = ""
    ) -> tuple[int, bytes]:
        """Send a request with the cookies there are, and keep those that come."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
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
        return response.status, content

    def answer(self, times: int) -> list[float]:
        """Answer so many images and return the seconds that each took."""
        spent = []
        for _ in range(times):
            begun = time.perf_counter()
            body = json.dumps({**GIVEN, "token": self.turn["token"], "key": str(uuid4())})
            status, reply = self.ask("POST", "/api/answers", body, "application/json")
            assert status == 201, (status, reply)
            self.turn = json.loads(reply)
            for address in self.turn["ahead"]:
                self.get(address)
            spent.append(time.perf_counter() - begun)
        return spent


def level(address: str, tokens: list[str], each: int) -> tuple[float, np.ndarray]:
    """Let raters answer at once; return answers a second and all times in ms."""
    raters = [Rater(address, token) for token in tokens]
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(raters)) as pool:
        spent = list(pool.map(lambda rater: rater.answer(each), raters))
    seconds = time.perf_counter() - begun
    times = np.concatenate(spent) * 1000
    return len(times) / seconds, times


def stored(product: Product) -> tuple[int, int]:
    """Return how many answers the server holds, and to how many trials."""
    code = (
        "from evaluation.models import Answer;"
        "print(Answer.objects.count(), Answer.objects.values('trial').distinct().count())"
    )
    counts = product.output("manage.py", "shell", "--no-imports", "-c", code).split()
    return int(counts[-2]), int(counts[-1])


def main(port: str = "8765") -> int:
    """Measure, print, and fail if a limit is passed."""
    held, sent = [], 0
    with empty_product() as product:
        product("migrate", "--verbosity", "0")
        made = json.loads(product.output("-m", "benchmarks.answers_study").splitlines()[-1])
        tokens = made["tokens"]
        with product.serving(int(port)) as address:
            print(f"\non {machine()}, raters on the same machine")
            for raters, each, least, most in LEVELS:
                mine, tokens = tokens[:raters], tokens[raters:]
                rate, times = level(address, mine, each)
                sent += raters * each
                p95 = float(np.percentile(times, 95))
                print(
                    f"{raters:>3} raters: {rate:6.0f} answers/s (at least {least}), median "
                    f"{np.median(times):.0f} ms, 95% within {p95:.0f} ms (at most {most})"
                )
                held += [rate >= least, p95 <= most]
        answers, trials = stored(product)
    print(f"sent {sent}, stored {answers}, of {trials} images: lost and doubled must be 0")
    seconds = made["seconds"]
    held.append(sent == answers == trials)
    held.append(
        against_limit("50 lists of 140, and their trials", seconds["drawn"] + seconds["invited"], 2)
    )
    print(f"(sealing as a whole, with 140 stimuli and 60 lists: {seconds['sealed']:.1f} s)")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
