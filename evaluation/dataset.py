"""The one door from answers to analysis: the unblinded table of a closed study."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Max

from evaluation.description import describe
from evaluation.design.items import Kind
from evaluation.design.questions import answered_origin, check_is_right, rating
from evaluation.errors import StillBlinded
from evaluation.models import Answer, Origin, Side, Study
from evaluation.studies import get_study

COLUMNS = (
    "study",
    "rater",
    "rater_kind",
    "session",
    "occasion",
    "trial",
    "image",
    "lesion",
    "origin",
    "generator",
    "entity",
    "answered_entity",
    "answered_origin",
    "rating",
    "entity_confidence",
    "response_ms",
    "repeat",
    "practice",
    "sex",
    "age",
    "site",
    "skin_tone",
    "check",
    "excluded",
    "beside",
    "block",
    "exposure_ms",
    "times_shown",
    "confidence",
    "quality",
    "marks",
    "reason",
    "hidden_ms",
    "timing",
    "versions",
    "shown_at",
    "answered_at",
    "rater_role",
    "rater_experience",
    "rater_dermoscopy",
)
#: What the raters' own words are called in the table, by their question.
SAID_OF_THEMSELVES = {
    "rater_role": "role",
    "rater_experience": "years_dermatology",
    "rater_dermoscopy": "years_dermoscopy",
}


@dataclass(frozen=True)
class StudyFacts:
    """What a report needs to know of a study beside its answers.

    Attributes:
        entities: codes, in the study's order.
        phantoms: whether drawings stand in for photographs.
        pairs: whether raters chose between two images.
        exposure_ms: for how long images were shown, at first; None without a limit.
        staircase: whether that time followed the answers.
        margin: distance from chance that still counts as equivalent to it; None: not fixed.
        unfinished: readings that were not finished when the study was closed.
        reason: why it was closed then.
        uncertified: why it was sealed without a certificate of blinding that passes; else empty.
        description: of a closed study, how it was made; see `evaluation.description`.
    """

    entities: tuple[str, ...]
    phantoms: bool
    pairs: bool
    exposure_ms: int | None
    staircase: bool
    margin: float | None
    unfinished: int
    reason: str
    uncertified: str
    description: Mapping[str, object]


def study_facts(slug: str) -> StudyFacts:
    """Return the facts of a study that decide no answer.

    Raises:
        UnknownStudy: there is no such study.
    """
    study = get_study(slug)
    closing = study.events.filter(act="close_study").first()
    ended = closing.detail if closing else {}
    return StudyFacts(
        tuple(study.entities),
        bool(study.dataset and study.dataset.phantom),
        study.pairs,
        study.exposure_ms,
        study.staircase,
        None if study.margin is None else float(study.margin),
        ended.get("unfinished", 0),
        ended.get("reason", ""),
        (study.protocol or {})["certificate"]["reason"],
        describe(study) if study.state == Study.State.CLOSED else {},
    )


def closed_studies() -> dict[str, str]:
    """Return the titles of the closed studies by their short names, those closed last first."""
    closed = Study.objects.filter(closed_at__isnull=False).exclude(sealed_at=None)
    return dict(closed.order_by("-closed_at").values_list("slug", "title"))


def unblinded_table(slug: str) -> list[dict[str, object]]:
    """Return one row an answer, in the columns of `COLUMNS`; unknown values are None.

    What raters said of themselves stands beside each of their answers, as far as they said it.

    Of an answer that was corrected the last version counts.

    `rating` runs from 1 (surely real) to twice the levels of confidence (surely synthetic).

    Where pairs are read, a row is about the synthetic image; the real one is named in `beside`,
    and `answered_origin` is synthetic if the rater found it.

    Raises:
        UnknownStudy: there is no such study.
        StillBlinded: it is not closed yet.
    """
    study = get_study(slug)
    if study.state != Study.State.CLOSED:
        raise StillBlinded(
            f"study '{slug}' is still blinded; close it first, then its answers can be read"
        )
    answers = (
        Answer.objects.filter(trial__session__rater__study=study)
        .alias(last=Max("trial__answers__version"))
        .filter(version=F("last"))
        .select_related(
            "trial__session__rater",
            "trial__stimulus__truth__image",
            "trial__beside__truth",
        )
        .order_by("trial__session__rater__code", "trial__session__occasion", "trial__position")
    )
    rows = [_row(study, answer) for answer in answers]
    failed = raters_who_fail(rows, study.checks_needed)
    withdrawn = study.raters.filter(withdrawn_at__isnull=False).values_list("code", flat=True)
    out = failed | set(withdrawn)
    return [{**row, "excluded": row["excluded"] or row["rater"] in out} for row in rows]


def stimuli_seen(slug: str, images: Sequence[str]) -> dict[str, bytes]:
    """Return what raters saw of some images of a closed study, by name, as PNG.

    Images whose file is not at hand are left out: those of an imported study stay where they are.

    Raises:
        UnknownStudy: there is no such study.
        StillBlinded: it is not closed yet.
    """
    study = get_study(slug)
    if study.state != Study.State.CLOSED:
        raise StillBlinded(f"study '{slug}' is still blinded; its images are not shown")
    found = {}
    for stimulus in study.stimuli.filter(truth__name__in=images).select_related("truth"):
        try:
            with stimulus.file.open("rb") as file:
                found[stimulus.truth.name] = file.read()
        except (OSError, ValueError):  # gone, or without any file
            continue
    return found


def raters_who_fail(rows: Sequence[Mapping[str, object]], needed: int) -> set[object]:
    """Return raters who have been shown checks and were right in fewer than `needed`."""
    right: Counter[object] = Counter()
    for row in rows:
        if row["check"]:
            truth, said = (
                (str(row[f"{prefix}origin"] or ""), str(row[f"{prefix}entity"] or ""))
                for prefix in ("", "answered_")
            )
            right[row["rater"]] += check_is_right(truth, said)
    return {rater for rater, count in right.items() if count < needed}


def _row(study: Study, answer: Answer) -> dict[str, object]:
    levels = study.confidence_levels
    trial, session = answer.trial, answer.trial.session
    truth, beside = trial.stimulus.truth, None
    said, about = answered_origin(answer.origin, answer.scale, levels), session.rater.about or {}
    if trial.beside is not None:
        beside = trial.beside.truth
        on_the_left = truth.origin == Origin.SYNTHETIC
        if not on_the_left:
            truth, beside = beside, truth
        found = (answer.side == Side.LEFT) == on_the_left
        said = Origin.SYNTHETIC if found else Origin.REAL
    return {
        "study": study.slug,
        "rater": session.rater.code,
        "rater_kind": session.rater.kind,
        "session": f"{session.rater.code}-{session.occasion}",
        "occasion": session.occasion,
        "trial": trial.position,
        "image": truth.name,
        "lesion": truth.lesion or None,
        "origin": truth.origin,
        "generator": truth.generator or None,
        "entity": truth.entity,
        "answered_entity": answer.entity or None,
        "answered_origin": said,
        "rating": answer.scale or rating(said or "", answer.confidence, levels),
        "entity_confidence": None,
        "response_ms": answer.response_ms,
        "repeat": trial.kind == Kind.REPEAT,
        "practice": trial.kind == Kind.PRACTICE,
        "sex": truth.sex or None,
        "age": truth.age,
        "site": truth.site or None,
        "skin_tone": truth.skin_tone,
        "check": trial.kind == Kind.CHECK,
        "excluded": bool(trial.void_reason),
        "beside": beside.name if beside else None,
        "block": trial.block,
        "exposure_ms": trial.exposure_ms,
        "times_shown": trial.times_shown,
        "confidence": answer.confidence,
        "quality": answer.quality,
        "marks": answer.marks or None,
        "reason": answer.reason or None,
        "hidden_ms": answer.timing.get("hidden_ms"),
        "timing": answer.timing.get("method"),
        "versions": answer.version,
        "shown_at": trial.shown_at,
        "answered_at": answer.answered_at,
        **{column: about.get(question) for column, question in SAID_OF_THEMSELVES.items()},
    }
