"""Downloads originals from the ISIC Archive by their ids, through its public interface."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from evaluation.errors import EvaluationError

ADDRESS = "https://api.isic-archive.com/api/v2"
TIMEOUT_S = (5, 30)  # to connect, between two bytes
RETRY = Retry(
    total=5,
    connect=2,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    respect_retry_after_header=True,
)

OnStep = Callable[[int, int], None]


class ArchiveUnreachable(EvaluationError):
    """The archive does not answer; what was downloaded until then is kept."""


@dataclass(frozen=True)
class Wanted:
    """An image to download; an empty `sha256` is not checked."""

    isic_id: str
    sha256: str = ""


def download(
    wanted: Sequence[Wanted],
    folder: Path,
    *,
    address: str = ADDRESS,
    retry: Retry = RETRY,
    on_step: OnStep | None = None,
) -> set[str]:
    """Download originals into `folder` as `<isic_id>.jpg`; those that are there are kept.

    Returns:
        The licences under which the archive gives the images that were downloaded now.

    Raises:
        ArchiveUnreachable: no connection, or the archive keeps refusing.
        EvaluationError: a file is not the one that was wanted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    licences: set[str] = set()
    with requests.Session() as http:
        http.mount("http://", HTTPAdapter(max_retries=retry))
        http.mount("https://", HTTPAdapter(max_retries=retry))
        for step, each in enumerate(wanted, start=1):
            target = folder / f"{each.isic_id}.jpg"
            if not target.exists():
                licences.add(_download_one(http, each, target, address))
            if on_step:
                on_step(step, len(wanted))
    return licences


def _download_one(http: requests.Session, wanted: Wanted, target: Path, address: str) -> str:
    try:
        described = http.get(f"{address}/images/{wanted.isic_id}/", timeout=TIMEOUT_S)
        described.raise_for_status()
        facts = described.json()
        content = http.get(facts["files"]["full"]["url"], timeout=TIMEOUT_S)
        content.raise_for_status()
    except (requests.RequestException, KeyError, ValueError) as problem:
        raise ArchiveUnreachable(
            f"the ISIC Archive does not give {wanted.isic_id} ({_reason(problem)})"
        ) from problem
    if wanted.sha256 and hashlib.sha256(content.content).hexdigest() != wanted.sha256:
        raise EvaluationError(
            f"{wanted.isic_id}: the archive's file is not the one expected (other SHA-256); "
            "it may have been replaced there: leave it out of the list"
        )
    partial = target.with_suffix(".part")
    partial.write_bytes(content.content)
    os.replace(partial, target)
    return str(facts.get("copyright_license", "unknown"))


def _reason(problem: Exception) -> str:
    """Say in a few words why the archive gave nothing; `requests` tells the whole story."""
    if isinstance(problem, requests.HTTPError) and problem.response is not None:
        return f"status {problem.response.status_code}"
    if isinstance(problem, requests.ConnectionError):
        return "it cannot be reached"
    return f"{type(problem).__name__}: {problem}"
