"""Reading a study over HTTP as its raters do, and keeping all that their browsers could notice."""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from analysis.errors import AuditBroken
from analysis.leakage.client import Client, Reply

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
#: What a rater fills in before the images, by the last part of the form's address.
FORMS: dict[str, dict[str, object]] = {
    "consent": {"agree": "yes"},
    "about": {},
    "device": {"steps_seen": 8},
    "start": {},
}
READING = "/reading/"
TURN = re.compile(r'(<script id="turn"[^>]*>)(.*?)(</script>)', re.DOTALL)
#: What differs between any two pages or raters, whatever is shown.
VARYING = (
    (re.compile(r'(csrfmiddlewaretoken" value=")[^"]*'), r"\1"),
    (re.compile(r'(data-(?:window|reading)=")[^"]*'), r"\1"),
)
#: Parts of a turn that count, or repeat the rater's own answer; and those that follow the answers.
COUNTERS = ("answered", "minutes", "pause", "previous")
STAIRCASE = ("exposure", "feedback")
#: Fields of ground truth, and what a query could try with them.
TRUTH_FIELDS = (
    "origin", "entity", "generator", "lesion", "dataset", "name", "use", "recipe", "sha256",
    "truth", "stimulus__truth__origin", "image__origin", "image__generator", "trial__stimulus",
)  # fmt: skip
LOOKUPS = ("", "__in", "__icontains", "__isnull", "__gt")
QUERIES = (
    *(f"{name}{lookup}=real" for name in TRUTH_FIELDS for lookup in LOOKUPS),
    *(f"ordering=-{name}" for name in TRUTH_FIELDS),
    "format=api", "search=synthetic", "fields=origin", "expand=truth", "include=truth", "debug=1",
)  # fmt: skip
CONDITIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("If-None-Match", {"If-None-Match": "*"}),
    ("If-Modified-Since", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    ("Range", {"Range": "bytes=0-99"}),
    ("Accept-Encoding", {"Accept-Encoding": "gzip, br"}),
)


@dataclass(frozen=True)
class Shown:
    """One image of a trial, as only the audit knows it."""

    stimulus: int
    synthetic: bool
    entity: str


@dataclass(frozen=True)
class Target:
    """A study that answers.

    Attributes:
        address: host and port.
        host: the name to call it by.
        secure: whether it takes requests that came by HTTPS only.
        links: one a rater.
        trials: images of each trial by token, practice left out.
        given: the answer to everything, by question.
        staircase: whether raters are told what was right, and see the next image accordingly.
    """

    address: str
    host: str
    secure: bool
    links: Sequence[str]
    trials: Mapping[str, tuple[Shown, ...]]
    given: Mapping[str, object]
    staircase: bool = False


@dataclass(frozen=True)
class Fetched:
    """One image as a rater's browser got it, `seconds` once for each time that it asked.

    `skeleton` is all of the file but the values of its pixels.
    """

    rater: int
    position: int
    stimulus: int
    synthetic: bool
    entity: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    length: int
    skeleton: str
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Told:
    """A page or a reply of one trial; `text` is without what differs between any two trials."""

    rater: int
    position: int
    synthetic: bool
    what: str
    status: int
    headers: tuple[tuple[str, str], ...]
    text: str
    seconds: float


@dataclass(frozen=True)
class Probe:
    """What came of asking in another way than the page does; `usual` is what came else."""

    what: str
    got: str
    usual: str


@dataclass
class Seen:
    """All that raters' browsers could notice of a study.

    Attributes:
        fetched, told: by trial.
        refused: what addresses that are not this rater's turn gave.
        queries, conditions: what came of them.
        interference: a rater's pages after another has answered, against before.
        texts: all that is not an image, with its headers, each once.
        tables, log: what the web process can read of the database, and what it logged.
    """

    fetched: list[Fetched] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    refused: list[Probe] = field(default_factory=list)
    queries: list[Probe] = field(default_factory=list)
    conditions: list[Probe] = field(default_factory=list)
    interference: list[Probe] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def enter(client: Client, link: str) -> dict[str, Any]:
    """Open a rater's link, fill in what comes before the images, and return the first turn."""
    page = client.get(link).decode()
    while not (found := TURN.search(page)):
        step = re.search(r'action="/reading/(\w+)"', page)
        if step is None or step[1] not in FORMS:
            raise AuditBroken(f"the link {link} leads to no reading: {client.landed}")
        fields = {**FORMS[step[1]], "csrfmiddlewaretoken": client.csrf}
        reply = client.ask("POST", f"/reading/{step[1]}", urlencode(fields), FORM)
        page = reply.body.decode()
        if reply.status != 200:
            raise AuditBroken(f"/reading/{step[1]} answered {reply.status}")
    return json.loads(found[2])


def skeleton_of(content: bytes) -> str:
    """Return all of an image file but the values of its pixels: its parts and their lengths.

    Of a PNG the parts are its chunks, and of all but the pixels' the content too; the blocks
    within the pixels' chunk are listed by kind and length.
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return f"no PNG: {content[:64].hex()}"
    parts, pixels, at = [], b"", 8
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            pixels += body
        parts.append(f"{kind.decode('latin-1')} {length} {'' if kind == b'IDAT' else body.hex()}")
        at += 12 + length
    return "; ".join([*parts, f"{len(content) - at} after, {_blocks(pixels)}"])


def _blocks(stream: bytes) -> str:
    """Return the kinds and lengths of the blocks that pixels are stored in (RFC 1950 and 1951)."""
    said, at = [stream[:2].hex()], 2
    while at + 5 <= len(stream) - 4:
        kind, length = struct.unpack("<BH", stream[at : at + 3])
        said.append(f"{kind}:{length}")
        if kind > 1:  # compressed: where it ends depends on the pixels
            break
        at += 5 + length
    return " ".join(said)


class Rater:
    """One rater's browser on its way through the study, keeping what it notices in `seen`."""

    def __init__(self, target: Target, number: int, seen: Seen) -> None:
        headers = {"Host": target.host, "Referer": f"https://{target.host}/"}
        if target.secure:
            headers["X-Forwarded-Proto"] = "https"
        else:
            headers["Referer"] = f"http://{target.host}/"
        self.client = Client(target.address, headers)
        self.target, self.number, self.seen = target, number, seen
        self.position = 0
        self.turn = enter(self.client, target.links[number])

    @property
    def token(self) -> str | None:
        """Whose turn it is; None at the end."""
        return self.turn["token"]

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The images of this trial; none while it is practice."""
        return self.target.trials.get(self.token or "", ())

    def page(self) -> Reply:
        """Load the reading page."""
        reply = self.client.ask("GET", READING)
        self._tell("page", reply, self.masked(reply.body.decode()))
        return reply

    def images(self, times: int) -> list[bytes]:
        """Fetch the images of this trial, each so many times; return what came last."""
        last = []
        for side, path in enumerate(self.turn["images"]):
            replies = [self.client.ask("GET", path) for _ in range(times)]
            last.append(replies[-1].body)
            if self.shown:
                each = self.shown[side]
                self.seen.fetched.append(
                    Fetched(
                        self.number,
                        self.position,
                        each.stimulus,
                        each.synthetic,
                        each.entity,
                        path,
                        replies[0].status,
                        replies[0].headers,
                        len(replies[0].body),
                        skeleton_of(replies[0].body),
                        tuple(reply.seconds for reply in replies),
                    )
                )
        return last

    def answer(self) -> None:
        """Give the same answer as always and take the next turn."""
        body = json.dumps({**self.target.given, "token": self.token, "key": str(uuid4())})
        reply = self.client.ask("POST", "/api/answers", body, JSON)
        if reply.status != 201:
            raise AuditBroken(f"an answer was not taken: {reply.status} {reply.body[:300]!r}")
        self._tell("reply", reply, self.masked(reply.body.decode()))
        self.position += bool(self.shown)
        self.turn = json.loads(reply.body)

    def masked(self, text: str) -> str:
        """Return a page or reply without what differs between any two trials: token and counter."""
        for pattern, by in VARYING:
            text = pattern.sub(by, text)
        if text.startswith("{"):
            return self._masked_turn(text)
        return TURN.sub(lambda found: found[1] + self._masked_turn(found[2]) + found[3], text)

    def _masked_turn(self, text: str) -> str:
        turn = json.loads(text)
        tokens = [turn["token"], *(path.split("/")[2] for path in turn["ahead"])]
        for key in (*COUNTERS, *(STAIRCASE if self.target.staircase else ())):
            turn.pop(key, None)
        text = json.dumps(turn, sort_keys=True)
        for token in filter(None, tokens):
            text = text.replace(token, "")
        return text

    def _tell(self, what: str, reply: Reply, text: str) -> None:
        head = "\n".join(f"{name}: {value}" for name, value in reply.headers)
        raw = f"{head}\n\n{reply.body.decode()}"
        self.seen.texts.setdefault(hashlib.sha256(raw.encode()).hexdigest(), raw)
        # A pair has both origins: its page can tell none of them. Nothing follows the last trial.
        if len({each.synthetic for each in self.shown}) == 1 and '"ahead": []' not in text:
            self.seen.told.append(
                Told(
                    self.number,
                    self.position,
                    self.shown[0].synthetic,
                    what,
                    reply.status,
                    reply.headers,
                    text,
                    reply.seconds,
                )
            )


def read_as_raters(
    target: Target, *, times: int, on_step: Callable[[int, int], None] | None = None
) -> tuple[Seen, dict[int, bytes]]:
    """Let each rater read the whole study, trying all that a curious one could try.

    Args:
        target: the study.
        times: how often each image is fetched, to time it.
        on_step: told how many trials of how many are read.

    Returns:
        What was noticed, and each stimulus' file by its number.
    """
    seen, files = Seen(), dict[int, bytes]()
    raters = [Rater(target, number, seen) for number in range(len(target.links))]
    first, *others = raters
    done = 0
    while any(rater.token for rater in raters):
        for rater in raters:
            if not rater.token:
                continue
            page = rater.page()
            got = rater.images(times)
            files |= {each.stimulus: png for each, png in zip(rater.shown, got, strict=False)}
            if rater is first and rater.shown:
                if rater.position == 1:
                    _try_everything(rater, others, page)
                if others and others[0].token:
                    _let_another_answer(rater, others[0], page, got)
            rater.answer()
            done += 1
            if on_step:
                on_step(min(done, len(target.trials)), len(target.trials))
    return seen, files


def _let_another_answer(rater: Rater, other: Rater, page: Reply, images: list[bytes]) -> None:
    """Compare what a rater gets before and after another rater has answered."""
    other.images(1)
    other.answer()
    after = rater.client.ask("GET", READING)
    before, now = (rater.masked(each.body.decode()) for each in (page, after))
    rater.seen.interference.append(Probe(f"page {rater.position}", now, before))
    for path, image in zip(rater.turn["images"], images, strict=True):
        again = rater.client.get(path)
        rater.seen.interference.append(
            Probe(f"image {rater.position}", _digest(again), _digest(image))
        )


def _try_everything(rater: Rater, others: Sequence[Rater], page: Reply) -> None:
    """Ask for what is not this rater's turn, with queries and conditions that could tell more."""
    client, seen = rater.client, rater.seen
    path = rater.turn["images"][0]
    ahead = {each.split("/")[2] for each in rater.turn["ahead"]}
    previous = rater.turn["previous"] or {}  # where the last answer may be corrected
    mine = {rater.token, *ahead, previous.get("token")}
    foreign = [other.token for other in others if other.token]
    coming = [token for token in rater.target.trials if token not in mine][:200]
    nowhere = f"/stimulus/{'0' * 32}"
    nobody = client.ask("GET", nowhere)
    for what, tokens in (("another rater's", foreign), ("not yet or no more", coming)):
        for token in tokens:
            reply = client.ask("GET", f"/stimulus/{token}")
            seen.refused.append(Probe(what, _refusal(reply, token), _refusal(nobody, "0" * 32)))
    usual_page = rater.masked(page.body.decode())
    usual_image = _digest(client.get(path))
    for query in QUERIES:
        got = client.ask("GET", f"{READING}?{query}")
        seen.queries.append(Probe(f"page?{query}", rater.masked(got.body.decode()), usual_page))
    for query in QUERIES[::5]:
        seen.queries.append(
            Probe(f"image?{query}", _digest(client.get(f"{path}?{query}")), usual_image)
        )
    usual = _headers(client.ask("GET", path))
    for what, headers in CONDITIONS:
        seen.conditions.append(
            Probe(what, _headers(client.ask("GET", path, headers=headers)), usual)
        )
    for method in ("HEAD", "OPTIONS", "POST"):  # tell no more of an image than of none
        of_image, of_none = (_headers(client.ask(method, at)) for at in (path, nowhere))
        seen.conditions.append(Probe(method, of_image, of_none))
    for where in ("/api/answers", READING, path):
        reply = client.ask("OPTIONS", where)
        seen.texts[f"OPTIONS {where}"] = f"{reply.headers}\n\n{reply.body.decode()}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refusal(reply: Reply, token: str) -> str:
    text = reply.body.decode(errors="replace").replace(token, "")
    return f"{reply.status} {text}"


def _headers(reply: Reply) -> str:
    return f"{reply.status}\n" + "\n".join(constant_headers(reply.headers))


def constant_headers(headers: Sequence[tuple[str, str]]) -> list[str]:
    """Return what of an image's headers has to be the same for all: everything but the date."""
    return sorted(f"{name}: {value}" for name, value in headers if name != "Date")
