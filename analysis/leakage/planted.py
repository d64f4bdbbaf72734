"""Planted leaks: the audit's own checks must find each of them, or the audit has failed.

Each takes what was really seen, adds one leak to it, and names the channel that must notice.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from analysis.leakage.checks import (
    Check,
    Verdict,
    addresses,
    canaries,
    probes,
    timing,
    transport,
)
from analysis.leakage.order import order
from analysis.leakage.separability import separability
from analysis.leakage.sham import FeatureTable, Pixels
from analysis.leakage.walk import Fetched, Probe, Seen, Told

FOUND = 0.001  # p below which a leak must be found where chance could play a part


@dataclass(frozen=True)
class Planted:
    """A leak that was planted, and whether the audit found it, and how surely."""

    leak: str
    channel: str
    found: bool
    p: float | None


def plant_leaks(
    seen: Seen, words: Mapping[str, str], sequences: Sequence[Sequence[int]]
) -> list[Planted]:
    """Plant each leak into what was seen, and let the checks look for it.

    Args:
        seen: what raters' browsers noticed, without leaks.
        words: that identify images.
        sequences: origins in the order of each list.
    """
    planted = []
    first = [f for f in seen.fetched if f.rater == 0]
    told = [t for t in seen.told if t.rater == 0]
    for leak, (channel, change) in IMAGE_LEAKS.items():
        changed = [change(f, k) if f.synthetic else f for k, f in enumerate(first)]
        planted.append(_found(leak, channel, transport(changed, told)))
    for leak, (channel, alter) in TEXT_LEAKS.items():
        if {t.synthetic for t in told if t.what == channel} == {True, False}:
            altered = [alter(t) if t.synthetic else t for t in told]
            planted.append(_found(leak, channel, transport(first, altered)))
    for leak, number in ADDRESS_LEAKS.items():
        changed = [replace(f, path=f"/stimulus/{number(f, k)}") for k, f in enumerate(first)]
        planted.append(_found(leak, "addresses", [addresses(changed)]))
    twice = [*first, *(replace(f, rater=1) for f in first)]
    planted.append(_found("one address for two raters", "addresses", [addresses(twice)]))
    late = [
        replace(f, seconds=tuple(s + 0.002 for s in f.seconds)) if f.synthetic else f
        for f in seen.fetched
    ]
    planted.append(_found("AI images 2 ms later", "timing", [timing(late)]))
    for leak, form in WORD_LEAKS.items():
        word = next(iter(words.values()))
        spoilt = copy(seen)
        spoilt.texts = {**seen.texts, "planted": f"<p>{form(word)}</p>"}
        planted.append(_found(leak, "words", canaries(spoilt, words, {})))
    spoilt = copy(seen)
    spoilt.tables = [*seen.tables, f"evaluation_image: (7,{next(iter(words.values()))})"]
    planted.append(_found("a table that tells the images", "tables", canaries(spoilt, words, {})))
    spoilt = copy(seen)
    spoilt.log = [f"rendering {next(iter(words.values()))}"]
    planted.append(_found("a line in the log", "log", canaries(spoilt, words, {})))
    for channel, leak in PROBE_LEAKS.items():
        usual: list[Probe] = getattr(seen, channel)
        odd = [*usual[:-1], replace(usual[-1], got=usual[-1].got + " ")] if usual else []
        planted.append(_found(leak, channel, [probes(channel, "", odd, none="")]))
    blocked = [sorted(each) for each in sequences]
    planted.append(_found("AI images last", "order", [order(blocked, bound=False)]))
    alternating = [_alternating(each) for each in sequences]
    planted.append(_found("origins in turn", "order", [order(alternating, bound=False)]))
    return planted


def _found(leak: str, channel: str, checks: Iterable[Check]) -> Planted:
    [check] = [each for each in checks if each.channel == channel]
    sure = not check.chancy or (check.p is not None and check.p < FOUND)
    return Planted(leak, channel, check.verdict is Verdict.FAILS and sure, check.p)


def _alternating(labels: Sequence[int]) -> list[int]:
    ones, zeros = sum(labels), len(labels) - sum(labels)
    short = min(ones, zeros)
    return [0, 1] * short + [int(ones > zeros)] * abs(ones - zeros)


def _header(name: str, value: str) -> Callable[[Fetched, int], Fetched]:
    return lambda f, k: replace(f, headers=(*f.headers, (name, value)))


def _without(name: str) -> Callable[[Fetched, int], Fetched]:
    return lambda f, k: replace(f, headers=tuple(h for h in f.headers if h[0] != name))


def _longer(by: int) -> Callable[[Fetched, int], Fetched]:
    return lambda f, k: replace(f, length=f.length + by)


def _part(part: str) -> Callable[[Fetched, int], Fetched]:
    return lambda f, k: replace(f, skeleton=f"{part}; {f.skeleton}")


#: Into images of synthetic origin: the channel that must notice, and what is done to each.
IMAGE_LEAKS: dict[str, tuple[str, Callable[[Fetched, int], Fetched]]] = {
    "a chunk more in the file": ("skeleton", _part("tEXt 24 70726f6d7074")),
    "a prompt among the metadata": ("metadata", _part("tEXt 24 70726f6d7074")),
    "another format": ("skeleton", lambda f, k: replace(f, skeleton="no PNG: ffd8ffe0")),
    "another size in pixels": (
        "skeleton",
        lambda f, k: replace(f, skeleton=f.skeleton.replace("IHDR 13 000001", "IHDR 13 000002")),
    ),
    "16 bytes more": ("length", _longer(16)),
    "a length that varies": ("length", lambda f, k: replace(f, length=f.length + 1 + k % 7)),
    "an ETag": ("headers", _header("ETag", '"6b00e105-a"')),
    "a date of change": (
        "headers",
        _header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ),
    "a file name": (
        "headers",
        _header("Content-Disposition", 'attachment; filename="image.png"'),
    ),
    "a header of a cache": ("headers", _header("X-Cache", "HIT")),
    "a header less": ("headers", _without("Cache-Control")),
    "another status": ("headers", lambda f, k: replace(f, status=206)),
}
#: Into pages and replies about synthetic images.
TEXT_LEAKS: dict[str, tuple[str, Callable[[Told], Told]]] = {
    "another text for the blind": ("page", lambda t: replace(t, text=t.text.replace("Image", "A"))),
    "a class in the page": ("page", lambda t: replace(t, text=t.text + '<i class="s"></i>')),
    "a header of the page": (
        "page",
        lambda t: replace(t, headers=(*t.headers, ("Server-Timing", "db;dur=2"))),
    ),
    "a field of the reply": ("reply", lambda t: replace(t, text=t.text.replace("{", '{"x": 1, '))),
}
#: Addresses that tell.
ADDRESS_LEAKS: dict[str, Callable[[Fetched, int], str]] = {
    "odd numbers for AI images": lambda f, k: f"{1000 + 2 * f.stimulus + f.synthetic}",
    "numbers in the order of import": lambda f, k: f"{1000 + 500 * f.synthetic + f.stimulus}",
    "a folder": lambda f, k: f"{'synthetic' if f.synthetic else 'real'}{f.stimulus}",
}
#: Forms in which an image's name could hide.
WORD_LEAKS: dict[str, Callable[[str], str]] = {
    "an image's name": lambda word: word,
    "a name in base64": lambda word: base64.b64encode(word.encode()).decode(),
    "a name's SHA-256": lambda word: hashlib.sha256(word.encode()).hexdigest(),
}
PROBE_LEAKS = {
    "refused": "a refusal that differs",
    "queries": "a query that is obeyed",
    "conditions": "a condition that is obeyed",
    "interference": "a page that changes when another rater answers",
}


def pixel_leak(stimuli: Pixels, lesser: Pixels, table: FeatureTable) -> Planted:
    """Let half of the stimuli be compressed less than the others, and look whether it is found.

    Args:
        stimuli: (n, height, width, 3) uint8.
        lesser: the same, compressed less.
        table: computes the features.
    """
    arm = np.arange(len(stimuli)) % 2
    shown = np.where(arm[:, None, None, None] == 1, lesser, stimuli)
    found = separability(table(shown)[1], arm.tolist(), range(len(stimuli)))
    return Planted("one arm never compressed", "sham", found.p < FOUND, found.p)
