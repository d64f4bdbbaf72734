"""The certificate of an audit: what was checked, what came of it, and whether it passes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from analysis.leakage.ceiling import Ceiling
from analysis.leakage.checks import Check, Verdict
from analysis.leakage.planted import Planted
from analysis.leakage.separability import Separability
from analysis.leakage.sham import REFUSED

FORMAT = 1
FEATURES = 8  # listed by what they tell


def certificate(
    *,
    study: str,
    software: str,
    begun: datetime,
    ended: datetime,
    images: int,
    raters: int,
    checks: Sequence[Check],
    planted: Sequence[Planted],
    ceiling: Ceiling | None,
    headers: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Return the certificate as JSON values; it tells the origin of no single image.

    It passes if every check holds that decides, and every planted leak was found. It is refused,
    whatever the reason, where our own processing tells the origin beyond what is tolerable.
    """
    decided = [check for check in checks if check.verdict is not Verdict.REPORTED]
    passed = all(check.verdict is Verdict.HOLDS for check in decided)
    refused = any(
        check.channel == "sham"
        and check.verdict is Verdict.FAILS
        and float(check.figures["upper"]) > REFUSED
        for check in checks
    )
    return {
        "format": FORMAT,
        "study": study,
        "software": software,
        "begun": begun.isoformat(timespec="seconds"),
        "seconds": round((ended - begun).total_seconds()),
        "images": images,
        "raters": raters,
        "passed": passed and all(leak.found for leak in planted),
        "refused": refused,
        "checks": [_plain(asdict(check)) for check in checks],
        "planted": [_plain(asdict(leak)) for leak in planted],
        "ceiling": _ceiling(ceiling) if ceiling else None,
        "headers": [list(each) for each in headers],
    }


def _ceiling(ceiling: Ceiling) -> dict[str, Any]:
    return _plain(
        {
            "served": _separability(ceiling.served),
            "native": _separability(ceiling.native),
            "network": {"auc": ceiling.network, "p": ceiling.network_p},
            "features": [
                {**asdict(each), "strength": 0.5 + abs(each.auc - 0.5)}
                for each in ceiling.features[:FEATURES]
            ],
        }
    )


def _separability(found: Separability) -> dict[str, Any]:
    return {
        "auc": found.auc,
        "upper": found.upper,
        "p": found.p,
        "n": found.n,
        "learner": found.learner,
    }


def _plain(value: Any) -> Any:
    """Round numbers, so that the same bytes come back from the database."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def summary(document: Mapping[str, Any]) -> str:
    """Say in a sentence what came of an audit."""
    verdicts = [check["verdict"] for check in document["checks"]]
    missed = [leak["leak"] for leak in document["planted"] if not leak["found"]]
    failed = [check["title"] for check in document["checks"] if check["verdict"] == Verdict.FAILS]
    unshown = verdicts.count(Verdict.UNSHOWN)
    if missed:
        return f"The audit missed leaks that were planted: {', '.join(missed)}."
    if failed:
        return f"The blinding leaks: {', '.join(failed)}."
    if unshown:
        return f"No leak was found; {unshown} of {len(verdicts)} checks could not be shown to hold."
    found = len(document["planted"])
    return (
        f"No leak was found: {verdicts.count(Verdict.HOLDS)} checks hold, and they found all of "
        f"{found} planted leaks."
    )
