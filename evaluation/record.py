"""The record of a closed study: everything by which anybody can check it, as JSON values."""

from collections.abc import Iterable

from evaluation.audit_trail import event_content, trail_head
from evaluation.certificates import certificate_of
from evaluation.chain import answer_content, moment
from evaluation.models import Answer, Session, StimulusTruth, Study
from evaluation.seal import Truth, digest
from evaluation.sealing import settings_of

FORMAT = 2
#: What each column of raters.csv holds; one row a session.
RATERS = {
    "rater": "random code of the rater",
    "rater_kind": "human, ai or simulated",
    "occasion": "1 is the first reading, 2 the one after the washout, ...",
    "consented_at": "when the rater agreed",
    "consent_sha256": "SHA-256 of the text agreed to",
    "declined_at": "when the rater declined",
    "started_at": "when the first image was asked for",
    "completed_at": "when the last answer was stored",
    "withdrawn_at": "when the coordinator took the rater out",
    "role": "as the rater says, as all that follows",
    "years_dermatology": "years",
    "years_dermoscopy": "years",
    "dermoscopy_training": "none, course or certified",
    "skin_types": "of the rater's patients: light, mixed or dark",
    "knows_datasets": "has worked with the ISIC Archive or HAM10000: no, seen or worked",
    "colour_vision": "normal, deficient or unknown",
    "screen": "phone, tablet, laptop, monitor or medical",
    "steps_seen": "how many of eight greys the rater can tell apart",
    "bright": "True: the brightness is turned up",
    "unfiltered": "True: night mode and colour filters are off",
    "measured": "window, pixels and frames as the page measured them, as JSON",
    "ai_percent": "how many images the rater took for AI, in per cent, before any result",
    "gave_away": "what gave them away, in the rater's words",
}

#: Which of them the rater says before the images, the screen shows, the rater says after them.
ABOUT = (
    "role",
    "years_dermatology",
    "years_dermoscopy",
    "dermoscopy_training",
    "skin_types",
    "knows_datasets",
    "colour_vision",
    "screen",
)
DEVICE = ("steps_seen", "bright", "unfiltered", "measured")
DEBRIEF = ("ai_percent", "gave_away")


def study_record(study: Study) -> dict[str, object]:
    """Return the record of a closed study.

    `nonce`, `truth`, `settings` and `lists` open what the seal commits to. The chain of a session
    runs over its answers, that of the study over its events; the event of closing holds a hash
    over all sessions, so that the last link of the trail, `head`, stands for everything.
    """
    certificate = certificate_of(study)
    return {
        "format": FORMAT,
        "study": study.slug,
        "fingerprint": study.fingerprint,
        "seal": vars(study.seal),
        "nonce": study.nonce,
        "truth": [vars(truth) for truth in truths_of(study)],
        "certificate": certificate.document if certificate else None,
        "settings": settings_of(study),
        "lists": list(
            study.reading_lists.order_by("number", "occasion").values(
                "number", "occasion", "showings"
            )
        ),
        "sessions": [_session_record(session) for session in sessions_of(study)],
        "events": [event_content(event) for event in study.events.order_by("pk")],
        "head": trail_head(study),
    }


def truths_of(study: Study) -> list[Truth]:
    """Return the ground truth of a study as it was committed to."""
    rows = StimulusTruth.objects.filter(stimulus__study=study).select_related("stimulus")
    return [
        Truth(
            number=row.stimulus.number,
            stimulus_sha256=row.stimulus.sha256,
            image=row.name,
            **{name: getattr(row, name) for name in StimulusTruth.SEALED},
        )
        for row in rows.order_by("stimulus__number")
    ]


def sessions_of(study: Study) -> Iterable[Session]:
    """Return all sessions of a study in the order of its record."""
    return (
        Session.objects.filter(rater__study=study)
        .select_related("rater")
        .order_by("rater__code", "occasion")
    )


def rater_facts(session: Session) -> dict[str, object]:
    """Return a session's row of raters.csv, as JSON values."""
    known = {
        **(session.rater.about or {}),
        **(session.device or {}),
        **(session.debrief or {}),
        "rater": session.rater.code,
        "rater_kind": session.rater.kind,
        "occasion": session.occasion,
        "consent_sha256": session.consent_sha256,
        "withdrawn_at": moment(session.rater.withdrawn_at),
        **{
            name: moment(getattr(session, name))
            for name in ("consented_at", "declined_at", "started_at", "completed_at")
        },
    }
    return {column: known.get(column) for column in RATERS}


def readings_digest(study: Study) -> str:
    """Return the hash over all sessions that the event of closing holds."""
    return digest([[rater_facts(session), session.head] for session in sessions_of(study)])


def _session_record(session: Session) -> dict[str, object]:
    listed = session.images + session.practice_images
    again = session.trials.filter(position__gt=listed).order_by("position")
    answers = Answer.objects.filter(trial__session=session).select_related("trial").order_by("pk")
    return {
        "session": f"{session.rater.code}-{session.occasion}",
        "rater": session.rater.code,
        "list": session.rater.reading_list,
        "occasion": session.occasion,
        "facts": rater_facts(session),
        "practised_again": [
            [trial.stimulus.number, trial.beside and trial.beside.number, trial.kind, trial.block]
            for trial in again.select_related("stimulus", "beside")
        ],
        "answers": [
            {**answer_content(answer.trial, answer), "reason": answer.reason} for answer in answers
        ],
        "head": session.head,
    }
