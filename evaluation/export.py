"""The data of a closed study as files: what a statistician needs, in any program that reads CSV."""

import zipfile
from io import BytesIO
from pathlib import Path

from django.contrib.auth.models import User

from evaluation.audit_trail import record_event
from evaluation.csv_text import csv_text
from evaluation.dataset import COLUMNS, unblinded_table
from evaluation.models import Study
from evaluation.record import RATERS, rater_facts, sessions_of, study_record
from evaluation.seal import canonical

#: What each column of answers.csv holds, in its order.
ANSWERS = {
    "study": "short name of the study",
    "rater": "random code of the rater",
    "rater_kind": "human, ai or simulated",
    "session": "code of the rater and the occasion",
    "occasion": "1 is the first reading, 2 the one after the washout, ...",
    "trial": "position in the rater's order, from 1",
    "image": "name of the image (of a pair: of the synthetic one)",
    "lesion": "images of one lesion share it",
    "origin": "truth: real or synthetic",
    "generator": "what made a synthetic image; empty for a real one",
    "entity": "truth: code of the diagnosis",
    "answered_entity": "the rater's diagnosis",
    "answered_origin": "real or synthetic; of a pair: synthetic if the rater found it",
    "rating": "1, surely real, to twice the levels of confidence, surely synthetic",
    "entity_confidence": "from 0 to 1, where a program reads",
    "response_ms": "from the painted image to the answer, in ms, time hidden not counted",
    "repeat": "True: the image was shown before in this session",
    "practice": "True: practice, part of no analysis",
    "sex": "of the person in the image",
    "age": "in years",
    "site": "place on the body",
    "skin_tone": "individual typology angle in degrees, or any class",
    "check": "True: an attention check, part of no analysis",
    "excluded": "True: a withdrawn rater, one whom the sealed rule excludes, or a void answer",
    "beside": "of a pair: name of the real image",
    "block": "of the rater's list, from 0",
    "exposure_ms": "for how long the image was to be shown; empty: until answered",
    "times_shown": "1, or more where the page was loaded again",
    "confidence": "in the origin, or the side of a pair; from 1",
    "quality": "of the image, from 1 to 5",
    "marks": "places [x, y] that gave it away, in px of the image as shown, as JSON",
    "reason": "in the rater's words",
    "hidden_ms": "for how long the page was hidden meanwhile, in ms",
    "timing": "how the beginning was timed: element (Element Timing) or frame",
    "versions": "1, or more where the answer was corrected; the last one stands here",
    "shown_at": "when the server first handed the image out",
    "answered_at": "when the server stored the answer",
    "rater_role": "as the rater says, as the two that follow; see raters.csv",
    "rater_experience": "years in dermatology",
    "rater_dermoscopy": "years of using dermoscopy",
}
VERIFIER = Path(__file__).with_name("verify.py")


def export_study(study: Study, *, actor: User | None = None) -> bytes:
    """Return a zip of the answers, the raters, what the columns mean, and what proves them.

    The protocol is written as it was sealed: its file's SHA-256 is the published one. `verify.py`
    checks all of it against the record, on any computer.

    Raises:
        StillBlinded: the study is not closed.
    """
    table = unblinded_table(study.slug)
    record_event("export_study", study=study, actor=actor)
    files: dict[str, str | bytes] = {
        "answers.csv": csv_text(COLUMNS, table),
        "raters.csv": csv_text(RATERS, map(rater_facts, sessions_of(study))),
        "dictionary.csv": csv_text(
            ("file", "column", "holds"),
            [
                {"file": file, "column": column, "holds": holds}
                for file, columns in (("answers.csv", ANSWERS), ("raters.csv", RATERS))
                for column, holds in columns.items()
            ],
        ),
        "protocol.json": canonical(study.protocol),
        "record.json": canonical(study_record(study)),
        "verify.py": VERIFIER.read_bytes(),
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{study.slug}/{name}", content)
    return out.getvalue()
