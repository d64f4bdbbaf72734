"""What a session's chain holds: every answer as it was stored, of words only their hash.

The words themselves can so be erased without breaking the chain.
"""

from datetime import datetime

from evaluation.models import Answer, Trial
from evaluation.seal import digest


def answer_content(trial: Trial, answer: Answer) -> dict[str, object]:
    """Return what an answer adds to the chain of its session, as JSON values.

    What stands in answers.csv too has the column's name.
    """
    return {
        "trial": trial.position,
        "versions": answer.version,
        "key": str(answer.key),
        "answered_entity": answer.entity,
        "origin": answer.origin,
        "side": answer.side,
        "confidence": answer.confidence,
        "scale": answer.scale,
        "quality": answer.quality,
        "marks": answer.marks,
        "reason_sha256": digest(answer.reason),
        "response_ms": answer.response_ms,
        "timing": answer.timing.get("method"),
        "hidden_ms": answer.timing.get("hidden_ms"),
        "measured": answer.timing,
        "exposure_ms": trial.exposure_ms,
        "times_shown": trial.times_shown,
        "shown_at": moment(trial.shown_at),
        "answered_at": moment(answer.answered_at),
    }


def moment(at: datetime | None) -> str | None:
    """Return a moment as the record holds it."""
    return at.isoformat() if at else None
