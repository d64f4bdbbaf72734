"""The one place where figures meet the database: the table of answers of a closed study."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

from PIL import Image

from analysis.report.study import Context
from analysis.table import AnswerTable, table_from_rows
from evaluation.dataset import StudyFacts, stimuli_seen, study_facts, unblinded_table

SIDE = 160  # pixels of a picture in a report

PHANTOMS = (
    "Computer-drawn phantoms stand in for photographs. These numbers show how a report looks "
    "and say nothing about images of skin."
)

PAIRS = (
    "Raters saw pairs of a photograph and an AI image of one diagnosis and said which was made by "
    "AI. An AI image counts as judged real where its photograph was taken for AI; raters who guess "
    "are right about half of the pairs."
)


def closed_study(slug: str, entities: Sequence[str] = ()) -> AnswerTable:
    """Return the answers of a closed study, all its entities in the study's order.

    Args:
        slug: the study's short name.
        entities: another order, or more entities than the study has.

    Raises:
        UnknownStudy, StillBlinded: there is no such study, or it is not closed.
        TableRefused: nobody has answered.
    """
    rows = unblinded_table(slug)
    facts = study_facts(slug)
    return table_from_rows(rows, f"study '{slug}'", entities or facts.entities, _caveats(facts))


def closed_context(slug: str) -> Context:
    """Return what is known of a study beside its answers.

    Raises:
        UnknownStudy: there is no such study.
    """
    facts = study_facts(slug)
    return Context(margin=facts.margin, description=facts.description, pictures=pictures_of(slug))


def pictures_of(slug: str) -> Callable[[Sequence[str]], Mapping[str, bytes]]:
    """Return what finds small JPEGs of the images that raters of a closed study saw."""

    def pictures(images: Sequence[str]) -> dict[str, bytes]:
        return {name: _small(png) for name, png in stimuli_seen(slug, images).items()}

    return pictures


def _small(png: bytes) -> bytes:
    out = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(
            out, "JPEG", quality=88
        )
    return out.getvalue()


def _caveats(facts: StudyFacts) -> tuple[str, ...]:
    """Return what must be known of the study before a number of it is believed."""
    caveats = [PHANTOMS] * facts.phantoms + [PAIRS] * facts.pairs
    if facts.staircase:
        caveats.append(
            f"Each image was shown for a limited time, {facts.exposure_ms} ms at first, longer "
            "after an error and shorter after a right answer. The time was chosen so that raters "
            "err; shares of right answers are no measure of how well they tell images apart."
        )
    elif facts.exposure_ms:
        caveats.append(f"Each image was shown for {facts.exposure_ms} ms only.")
    if facts.unfinished:
        caveats.append(
            f"The study was closed while readings were not finished: {facts.unfinished}. "
            f"The reason given: {facts.reason}"
        )
    if facts.uncertified:
        caveats.append(
            "The study was sealed without a certificate of blinding that passes. The reason given: "
            f"{facts.uncertified}"
        )
    return tuple(caveats)
