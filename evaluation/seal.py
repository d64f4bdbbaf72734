"""The seal: what is frozen before the first answer, and the chains of all that comes after it.

A commitment is a published hash of something that stays secret until the study is closed. A
chain is a row of hashes, each over the one before it and a new content: whoever knows its last
link can tell that nothing before it was changed, left out or put in.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Truth:
    """The ground truth of one stimulus, with all that analysis may ask of its original.

    `image` is its name, `generator` is empty for a real one; what is unknown is empty or None.
    """

    number: int
    stimulus_sha256: str
    original_sha256: str
    entity: str
    origin: str
    generator: str
    use: str
    image: str = ""
    lesion: str = ""
    sex: str = ""
    age: float | None = None
    site: str = ""
    skin_tone: float | None = None
    explanation: str = ""


@dataclass(frozen=True)
class Seal:
    """What is published of a study before its first answer, each in hex.

    Attributes:
        protocol: SHA-256 of the canonical protocol.
        truth: commitment to the ground truth.
        draw: commitment to the settings of the study and its reading lists.
        nonce: SHA-256 of the secret number that salts both and decides the seed.
    """

    protocol: str
    truth: str
    draw: str
    nonce: str

    @property
    def fingerprint(self) -> str:
        """The one number that stands for all of it."""
        return digest(vars(self))


def salt_of(nonce: str, number: int) -> str:
    """Return a stimulus' salt: without it, few labels and public images could be tried out."""
    return hmac.new(bytes.fromhex(nonce), str(number).encode(), hashlib.sha256).hexdigest()


def commit_to_truth(truths: Iterable[Truth], nonce: str) -> str:
    """Return the published commitment: SHA-256 over the sorted, salted leaves."""
    leaves = sorted(
        digest({**vars(truth), "salt": salt_of(nonce, truth.number)}) for truth in truths
    )
    return digest(leaves)


def commit_to_draw(
    settings: Mapping[str, object], lists: Sequence[Mapping[str, object]], nonce: str
) -> str:
    """Return the published commitment to what images were drawn from and to the reading lists."""
    return digest(["draw", nonce, settings, list(lists)])


def commit_to_nonce(nonce: str) -> str:
    """Return the SHA-256 of the nonce's bytes."""
    return hashlib.sha256(bytes.fromhex(nonce)).hexdigest()


def randomisation_seed(protocol_sha256: str, truth_sha256: str, nonce: str) -> str:
    """Return the seed of all orders: nobody can choose it, and no rater can compute it."""
    return digest(["seed", protocol_sha256, truth_sha256, nonce])


def first_link(*what: object) -> str:
    """Return where a chain begins: a rater's reading of a study, or a study's audit trail."""
    return digest(list(what))


def next_link(last: str, content: Mapping[str, object]) -> str:
    """Return the link after `last` that `content` adds."""
    return digest([last, content])
