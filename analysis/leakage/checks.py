"""What an audit checks of all that a rater's browser could notice, each check a plain function."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.leakage.separability import FOLDS, PERMUTATIONS, separability
from analysis.leakage.walk import Fetched, Probe, Seen, Told, constant_headers

ADDRESS_LIMIT = 0.1  # correlation of what can be read from an address with the origin
TIMING_RANGE, TIMING_MS = (0.47, 0.53), 1.0
LEVEL = 0.005  # below it, corrected for the number of such channels, it is no chance
SHUFFLES = 2 * PERMUTATIONS
#: What no address says, but for what all of them say.
WORDS = re.compile(r"real|synth|fake|orig|gener|photo|ham|isic|\bai\b|\.png|\.jpe?g", re.IGNORECASE)
CHUNKS = {"IHDR", "IDAT", "IEND"}


class Verdict(StrEnum):
    """What came of a check; what is only reported decides nothing."""

    HOLDS = "holds"
    FAILS = "fails"
    UNSHOWN = "not shown"
    REPORTED = "reported"


@dataclass(frozen=True)
class Check:
    """One channel by which the origin could leak, and what was found.

    Attributes:
        channel: its key.
        title: its name.
        verdict: what came of it.
        says: what was found, in a sentence.
        p: how likely chance alone is to look as much like a leak, where that can be said.
        chancy: whether the verdict rests on p, so that the number of channels counts.
        figures: the numbers behind it.
    """

    channel: str
    title: str
    verdict: Verdict
    says: str
    p: float | None = None
    chancy: bool = False
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


def _verdict(holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.FAILS


def transport(fetched: Sequence[Fetched], told: Sequence[Told]) -> Iterator[Check]:
    """Check that nothing but pixels differs between images, and nothing between their pages.

    One value each is wanted, which bounds the area under the ROC curve at 0.5. Where there are
    more, a machine tries to tell the origin from them, so that one sees how much they give away.
    """
    kinds: dict[str, tuple[str, list[str]]] = {
        "headers": (
            "Headers of images",
            ["\n".join([str(f.status), *constant_headers(f.headers)]) for f in fetched],
        ),
        "length": ("Length of image files", [str(f.length) for f in fetched]),
        "skeleton": ("Image files but for their pixels", [f.skeleton for f in fetched]),
    }
    groups = [f.stimulus for f in fetched]
    labels, strata = [f.synthetic for f in fetched], [f.entity for f in fetched]
    for channel, (title, values) in kinds.items():
        yield _one_value(channel, title, values, labels, groups, strata)
    chunks = {part.split()[0] for f in fetched for part in f.skeleton.split("; ")[:-1]}
    yield Check(
        "metadata",
        "Metadata in image files",
        _verdict(chunks <= CHUNKS),
        f"the files hold {', '.join(sorted(chunks))}"
        + ("" if chunks <= CHUNKS else "; only pixels belong there"),
    )
    for what, title in (("page", "Reading pages"), ("reply", "Replies to answers")):
        these = [t for t in told if t.what == what]
        values = [f"{t.status}\n{_fixed(t.headers)}\n{t.text}" for t in these]
        if these:
            labels = [t.synthetic for t in these]
            trials = [f"{t.rater} {t.position}" for t in these]
            yield _one_value(what, title, values, labels, trials, None)


def _fixed(headers: Sequence[tuple[str, str]]) -> str:
    """Return a page's headers without clock, counter and cookies."""
    varying = ("Date: ", "Expires: ", "Content-Length: ", "Set-Cookie: ")
    return "\n".join(line for line in constant_headers(headers) if not line.startswith(varying))


def _one_value(
    channel: str,
    title: str,
    values: Sequence[str],
    labels: Sequence[bool],
    groups: Sequence[object],
    strata: Sequence[object] | None,
) -> Check:
    """Check that all values are one; where they are not, say what a machine makes of them."""
    kinds = sorted(set(values))
    figures: dict[str, float | int | str] = {"kinds": len(kinds), "n": len(values)}
    if len(kinds) == 1:  # nobody can tell anything from it
        figures |= {"auc": 0.5, "upper": 0.5}
        says = f"all {len(values)} are the same"
        return Check(channel, title, Verdict.HOLDS, says, figures=figures)
    says, p = f"{len(kinds)} kinds among {len(values)}", None
    if len(set(groups)) >= FOLDS:
        codes = np.array([[value == kind for kind in kinds] for value in values], dtype=float)
        found = separability(codes[:, :50], [int(each) for each in labels], groups, strata)
        figures |= {"auc": found.auc, "upper": found.upper}
        p = found.p
        says += (
            f"; a machine tells the origin from them with an AUC of {found.auc:.3f} "
            f"(upper bound {found.upper:.3f}, p = {p:.4f})"
        )
    return Check(channel, title, Verdict.FAILS, says, p, figures=figures)


def addresses(fetched: Sequence[Fetched]) -> Check:
    """Check that addresses are random: no words, no repetition, nothing that goes with origin."""
    tokens = [f.path.split("/")[2] for f in fetched]
    shared = _shared(fetched, tokens)
    worded = [f.path for f in fetched if WORDS.search(f.path.removeprefix("/stimulus/"))]
    # A random token may spell a word; a word in many is no accident.
    worded = worded if len(worded) > 0.05 * len(fetched) else []
    readings = np.array([_readings(token) for token in tokens]).T
    ranks = np.array([stats.rankdata(reading) for reading in readings])
    varying = np.ptp(ranks, axis=1) > 0
    origin = np.array([f.synthetic for f in fetched], dtype=float)
    rng = np.random.default_rng(0)
    shuffled = np.array([origin, *(rng.permutation(origin) for _ in range(SHUFFLES))])
    rho = np.abs(_correlations(ranks[varying], shuffled)).max(axis=0)
    p = float((1 + np.sum(rho[1:] >= rho[0] - 1e-12)) / (1 + SHUFFLES))
    # Few addresses correlate by chance beyond the limit: then p decides.
    leaks = p <= LEVEL or (rho[0] >= ADDRESS_LIMIT and len(fetched) >= 1000)
    says = (
        f"of {len(fetched)} addresses none is given twice; what can be read from one goes with "
        f"the origin by at most {rho[0]:.3f} (p = {p:.3f})"
    )
    if shared or worded:
        says = f"{shared} addresses serve two raters; {len(worded)} hold words"
    return Check(
        "addresses",
        "Addresses of images",
        _verdict(not (leaks or shared or worded)),
        says,
        None if shared or worded else p,
        not (shared or worded),
        {"rho": float(rho[0]), "n": len(fetched)},
    )


def _shared(fetched: Sequence[Fetched], tokens: Sequence[str]) -> int:
    trials = {(token, f.rater, f.position) for token, f in zip(tokens, fetched, strict=True)}
    return sum(count > 1 for count in Counter(token for token, _, _ in trials).values())


def _readings(token: str) -> list[float]:
    """Return what could be read from an address as numbers."""
    raw = hashlib.sha256(token.encode()).digest()
    with suppress(ValueError):
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) or raw
    digits = int(re.sub(r"\D", "", token)[:15] or 0)
    return [
        len(token),
        int.from_bytes(raw[:6], "big"),
        raw[-1],
        raw[0] % 2,
        raw[-1] % 2,
        ord(token[0]),
        ord(token[-1]) % 2,
        digits,
        digits % 2,
        sum(c.isdigit() for c in token),
    ]


def _correlations(ranks: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's rho of each row of ranks with each row of labels."""
    a = (ranks - ranks.mean(axis=1, keepdims=True)) / ranks.std(axis=1, keepdims=True)
    b = (labels - labels.mean(axis=1, keepdims=True)) / labels.std(axis=1, keepdims=True)
    return a @ b.T / ranks.shape[1]


def probes(channel: str, title: str, found: Sequence[Probe], *, none: str) -> Check:
    """Check that asking in other ways tells nothing else."""
    odd = [probe for probe in found if probe.got != probe.usual]
    if not found:
        return Check(channel, title, Verdict.UNSHOWN, "there was nothing to compare")
    says = f"{len(found)} {none}"
    if odd:
        says = f"{len(odd)} of {len(found)} told something else, the first: {odd[0].what}"
    return Check(channel, title, _verdict(not odd), says, figures={"n": len(found)})


def timing(fetched: Sequence[Fetched]) -> Check:
    """Check that images of both origins come equally fast.

    The area under the ROC curve of the times, and the difference of the medians; whether chance
    explains it is asked of medians of stimuli, which are what is exchanged.
    """
    times: dict[int, list[float]] = {}
    origin: dict[int, bool] = {}
    for each in fetched:
        times.setdefault(each.stimulus, []).extend(1000 * s for s in each.seconds)
        origin[each.stimulus] = each.synthetic
    synthetic, real = (
        np.array([ms for k in times if origin[k] == arm for ms in times[k]])
        for arm in (True, False)
    )
    if not len(synthetic) or not len(real):
        return Check("timing", "Time to fetch an image", Verdict.UNSHOWN, "one arm is empty")
    u = stats.mannwhitneyu(synthetic, real).statistic / (len(synthetic) * len(real))
    apart = float(np.median(synthetic) - np.median(real))
    medians = np.array([np.median(times[k]) for k in times])
    labels = np.array([origin[k] for k in times])
    p = _median_difference_p(medians, labels)
    slow = abs(apart) >= TIMING_MS or not TIMING_RANGE[0] <= u <= TIMING_RANGE[1]
    return Check(
        "timing",
        "Time to fetch an image",
        _verdict(not (slow and p <= LEVEL)),
        f"AUC {u:.3f} of {len(synthetic)} + {len(real)} fetches, medians {apart:+.2f} ms apart "
        f"(p = {p:.3f})",
        p,
        True,
        {"auc": float(u), "median_difference_ms": apart, "n": len(synthetic) + len(real)},
    )


def _median_difference_p(values: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Return the permutation p of the difference in mean ranks, two-sided."""
    ranks = stats.rankdata(values)
    rng = np.random.default_rng(0)
    drawn = np.array([labels, *(rng.permutation(labels) for _ in range(SHUFFLES))])
    gap = np.abs((ranks * drawn).sum(axis=1) / drawn.sum(axis=1) - ranks.mean())
    return float((1 + np.sum(gap[1:] >= gap[0] - 1e-12)) / (1 + SHUFFLES))


def forms_of(word: str) -> set[str]:
    """Return a word as it could hide in a text: plain, in hex, in base64, and as hashes."""
    raw = word.encode()
    hashes = {hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")}
    # Without the last characters of base64, which depend on what follows.
    return {word, raw.hex(), base64.b64encode(raw).decode()[: len(raw) * 4 // 3 - 1], *hashes}


def canaries(
    seen: Seen, of_images: Mapping[str, str], of_study: Mapping[str, str]
) -> Iterator[Check]:
    """Check that what identifies images appears in nothing that raters get or the web can read."""
    both = {**of_images, **of_study}
    places: tuple[tuple[str, str, Iterable[str], Mapping[str, str]], ...] = (
        ("words", "Ground truth in what raters get", seen.texts.values(), both),
        ("log", "Ground truth in the log", seen.log, both),
    )
    for channel, title, texts, words in places:
        yield _without(channel, title, list(texts), words)
    if seen.tables:
        yield _without("tables", "Ground truth that the web can read", seen.tables, of_images)
    else:
        yield Check(
            "tables",
            "Ground truth that the web can read",
            Verdict.UNSHOWN,
            "the web process owns the tables: set DATABASE_URL_WEB (see the README)",
        )


def _without(channel: str, title: str, texts: Sequence[str], words: Mapping[str, str]) -> Check:
    everything = "\n".join(texts).lower()
    found = [
        what
        for what, word in words.items()
        if any(form.lower() in everything for form in forms_of(word))
    ]
    says = f"none of {len(words)} words, in any of 6 forms, in {len(everything):,} characters"
    if found:
        says = f"found: {', '.join(found)}"
    return Check(channel, title, _verdict(not found), says, figures={"words": len(words)})


def balance(cells: Counter[tuple[str, bool]]) -> Check:
    """Check that each diagnosis has as many images of either origin, so that none tells it."""
    entities = {entity for entity, _ in cells}
    share = {e: cells[e, True] / (cells[e, True] + cells[e, False]) for e in entities}
    holds = max(share.values()) - min(share.values()) < 1e-9
    says = "each diagnosis has the same share of AI images" if holds else "the shares differ"
    return Check("balance", "Diagnoses by origin", _verdict(holds), says, figures={**share})


def corrected(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that rest on p with it corrected for their number.

    What failed by p alone holds where the corrected p (Holm 1979, Scand J Stat 6:65) is no longer
    small.
    """
    known = sorted((c.p, at) for at, c in enumerate(checks) if c.chancy and c.p is not None)
    settled, worst = list(checks), 0.0
    for rank, (p, at) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - rank)))
        check = checks[at]
        excused = check.verdict is Verdict.FAILS and worst > LEVEL
        verdict = Verdict.HOLDS if excused else check.verdict
        settled[at] = replace(check, p=worst, verdict=verdict)
    return settled
