"""How fast answers are taken: `python -m benchmarks.answers [PORT]`.

One, eight and fifty raters send answers as the reading page does (answer, next turn, next image),
each as fast as the server lets them, from the same machine; then the servers of oTree and of Label
Studio do the same, with images as long. Limits: at least 100, 200 and 200 answers a second, 95 %
within 15, 60 and 350 ms, none lost, none doubled, at fifty raters twice oTree's answers and fifteen
times Label Studio's; reading lists of fifty raters and their trials in two seconds.
"""

import json
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import numpy as np

from analysis.leakage.client import Client
from analysis.leakage.walk import enter
from benchmarks.load import Cycle, measure
from benchmarks.peers import label_studio, otree
from benchmarks.product import Product, against_limit, empty_product, machine
from config.postgres import embedded_server

#: Raters at once, answers of each, answers a second at least, ms of 95 % at most.
LEVELS = ((1, 140, 100, 15), (8, 140, 200, 60), (50, 60, 200, 350))
OVER = {"oTree": 2, "Label Studio": 15}  # times their answers a second, at the most raters
STIMULUS_BYTES = 197_000  # an image of ours; theirs are as long
GIVEN = {"entity": "nv", "origin": "real", "confidence": 3, "response_ms": 1200}


def raters(address: str, tokens: list[str]) -> list[Cycle]:
    """Open our links, and return what answers an image and fetches the one after the next."""
    return [_rater(address, token) for token in tokens]


def _rater(address: str, token: str) -> Cycle:
    client = Client(address)
    turn = enter(client, f"/r/{token}")

    def cycle() -> None:
        nonlocal turn
        body = json.dumps({**GIVEN, "token": turn["token"], "key": str(uuid4())})
        reply = client.ask("POST", "/api/answers", body, "application/json")
        assert reply.status == 201, reply
        turn = json.loads(reply.body)
        for ahead in turn["ahead"]:
            client.get(ahead)

    return cycle


def stored(product: Product) -> tuple[int, int]:
    """Return how many answers the server holds, and to how many trials."""
    code = (
        "from evaluation.models import Answer;"
        "print(Answer.objects.count(), Answer.objects.values('trial').distinct().count())"
    )
    counts = product.output("manage.py", "shell", "--no-imports", "-c", code).split()
    return int(counts[-2]), int(counts[-1])


def report(name: str, count: int, rate: float, times: np.ndarray, target: str) -> float:
    """Print a row and return the 95 % percentile in ms."""
    p95 = float(np.percentile(times, 95))
    print(
        f"{name:<12} {count:>3} raters: {rate:6.0f} answers/s, median {np.median(times):.0f} ms, "
        f"95% within {p95:.0f} ms{target}",
        flush=True,
    )
    return p95


def rates_of_otree(port: int) -> list[float]:
    """Measure oTree in the same way and return its answers a second at each level."""
    rates = []
    with tempfile.TemporaryDirectory(prefix="otree-") as folder:
        database = f"postgresql://postgres:@/postgres?host={embedded_server(f'{folder}/postgres')}"
        with otree.serving(Path(folder) / "project", database, port, STIMULUS_BYTES) as address:
            for count, each, *_ in LEVELS:
                rate, times = measure(otree.raters(address, count), min(each, 139))
                report("oTree", count, rate, times, "")
                rates.append(rate)
    return rates


def rates_of_label_studio(port: int) -> list[float]:
    """Measure Label Studio in the same way, with fewer answers, since it takes them slowly."""
    rates = []
    with tempfile.TemporaryDirectory(prefix="label-studio-") as folder:
        socket, everybody = (
            embedded_server(f"{folder}/postgres"),
            sum(count for count, *_ in LEVELS),
        )
        data = Path(folder) / "data"
        with label_studio.serving(data, socket, port, STIMULUS_BYTES, everybody) as served:
            for count, each, *_ in LEVELS:
                rate, times = measure(served.raters(count), each // 5)
                report("Label Studio", count, rate, times, "")
                rates.append(rate)
    return rates


def main(port: str = "8765") -> int:
    """Measure, print, and fail if a limit is passed."""
    held, sent, rates = [], 0, []
    with empty_product() as product:
        product("migrate", "--verbosity", "0")
        made = json.loads(product.output("-m", "benchmarks.answers_study").splitlines()[-1])
        tokens = made["tokens"]
        with product.serving(int(port)) as address:
            print(f"\non {machine()}, raters on the same machine")
            for count, each, least, most in LEVELS:
                mine, tokens = tokens[:count], tokens[count:]
                rate, times = measure(raters(address, mine), each)
                target = f" (at least {least}/s, at most {most} ms)"
                p95 = report("DermTuring", count, rate, times, target)
                sent += count * each
                rates.append(rate)
                held += [rate >= least, p95 <= most]
        answers, trials = stored(product)
    print(f"sent {sent}, stored {answers}, of {trials} images: lost and doubled must be 0")
    held.append(sent == answers == trials)
    theirs = {
        "oTree": rates_of_otree(int(port) + 1)[-1],
        "Label Studio": rates_of_label_studio(int(port) + 2)[-1],
    }
    for name, rate in theirs.items():
        ratio, least = rates[-1] / rate, OVER[name]
        print(f"at {LEVELS[-1][0]} raters {ratio:.1f} times {name}'s (at least {least})")
        held.append(ratio >= least)
    seconds = made["seconds"]
    held.append(
        against_limit("50 lists of 140, and their trials", seconds["drawn"] + seconds["invited"], 2)
    )
    print(f"(sealing as a whole, with 140 stimuli and 60 lists: {seconds['sealed']:.1f} s)")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
