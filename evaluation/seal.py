"""The seal: a canonical protocol, a salted commitment to the truth, and a seed that follows."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


@dataclass(frozen=True)
class Truth:
    """The ground truth of one stimulus; `generator` is empty for a real image."""

    number: int
    stimulus_sha256: str
    original_sha256: str
    entity: str
    origin: str
    generator: str
    use: str


def salt_of(nonce: str, number: int) -> str:
    """Return a stimulus' salt: without it, few labels and public images could be tried out."""
    return hmac.new(bytes.fromhex(nonce), str(number).encode(), hashlib.sha256).hexdigest()


def commit_to_truth(truths: Iterable[Truth], nonce: str) -> str:
    """Return the published commitment: SHA-256 over the sorted, salted leaves."""
    leaves = sorted(
        digest({**vars(truth), "salt": salt_of(nonce, truth.number)}) for truth in truths
    )
    return digest(leaves)


def randomisation_seed(protocol: Mapping[str, object], truth_sha256: str, nonce: str) -> str:
    """Return the seed of all orders: nobody can choose it, and no rater can compute it."""
    return digest(["seed", digest(protocol), truth_sha256, nonce])
