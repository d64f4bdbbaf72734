"""A closed study from another server: its export, verified, becomes a study here.

Its originals stay where they are; everything that analysis asks for comes with the record.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from evaluation.audit_trail import record_event
from evaluation.entities import add_entity, known_entities
from evaluation.errors import EvaluationError
from evaluation.models import (
    Answer,
    AuditEvent,
    Certificate,
    Dataset,
    Image,
    Rater,
    ReadingList,
    Session,
    Stimulus,
    StimulusTruth,
    Study,
    StudySecret,
    Trial,
)
from evaluation.record import ABOUT, DEBRIEF, DEVICE
from evaluation.seal import digest, first_link, next_link, salt_of
from evaluation.verifying import read_export, verify_export

Values = Mapping[str, Any]


def import_study(export: Path, known: Sequence[str] = (), *, actor: User | None = None) -> Study:
    """Bring in a closed study that another server has exported.

    Args:
        export: the zip, or the folder into which it was unpacked.
        known: a published fingerprint, receipts; each must belong to the study.
        actor: who does this; None for a command.

    Raises:
        EvaluationError: the export does not hold, is of another version, or a study of its name
            or fingerprint is here already; nothing is imported.
    """
    broken = [what for what, holds in verify_export(export, known) if not holds]
    if broken:
        raise EvaluationError(
            f"{export}: was changed, or belongs to something else: {', '.join(broken)}; "
            "ask for the export once more"
        )
    record, protocol = read_export(export)
    slug = record["study"]
    if Study.objects.filter(slug=slug).exists():
        raise EvaluationError(
            f"a study '{slug}' is here already; the name is part of the record and cannot be "
            "changed, so a copy needs another server"
        )
    try:
        with transaction.atomic():
            study = _study(record, protocol)
            _stimuli(study, record)
            _raters(study, record)
            _events(study, record)
            record_event("import_study", study=study, actor=actor, fingerprint=study.fingerprint)
    except (DatabaseError, ValidationError, LookupError, TypeError, ValueError) as problem:
        raise EvaluationError(
            f"{export}: does not fit this version of the software ({problem}); it was written by "
            f"version {protocol.get('software')}"
        ) from problem
    return study


def _study(record: Values, protocol: Values) -> Study:
    """Make the study, closed as it was, with the diagnoses that it needs."""
    settings = dict(record["settings"])
    given = settings.pop("dataset")
    dataset, _ = Dataset.objects.get_or_create(name=given["name"], defaults=given)
    titles = protocol["entity_titles"]
    for code in set(settings["entities"]) - set(known_entities()):
        add_entity(code, titles["en"][code], titles.get("de", {}).get(code, ""))
    at = {event["act"]: datetime.fromisoformat(event["at"]) for event in record["events"]}
    study = Study.objects.create(
        **settings,
        dataset=dataset,
        protocol=protocol,
        fingerprint=record["fingerprint"],
        **{f"{name}_sha256": number for name, number in record["seal"].items()},
        sealed_at=at["seal_study"],
        closed_at=at["close_study"],
    )
    StudySecret.objects.create(study=study, nonce=record["nonce"])
    if document := record["certificate"]:
        Certificate.objects.create(
            study=study, subject=document["subject"], document=document, sha256=digest(document)
        )
    return study


def _stimuli(study: Study, record: Values) -> None:
    """Make stimuli without files, their truth, and the reading lists."""
    truths = record["truth"]
    stimuli = Stimulus.objects.bulk_create(
        Stimulus(study=study, number=each["number"], sha256=each["stimulus_sha256"])
        for each in truths
    )
    originals = [each["original_sha256"] for each in truths]
    here = {image.sha256: image for image in Image.objects.filter(sha256__in=originals)}
    StimulusTruth.objects.bulk_create(
        StimulusTruth(
            stimulus=stimulus,
            image=here.get(each["original_sha256"]),
            name=each["image"],
            salt=salt_of(study.nonce, stimulus.number),
            **{name: each[name] for name in StimulusTruth.SEALED},
        )
        for stimulus, each in zip(stimuli, truths, strict=True)
    )
    ReadingList.objects.bulk_create(ReadingList(study=study, **each) for each in record["lists"])


def _raters(study: Study, record: Values) -> None:
    """Make raters, their sessions, trials and answers."""
    acts = [(event["act"], event["detail"]) for event in record["events"]]
    void = {
        (detail["rater"], detail["occasion"], detail["position"]): detail["reason"]
        for act, detail in acts
        if act == "void_answer"
    }
    lists = {(each["number"], each["occasion"]): each["showings"] for each in record["lists"]}
    numbered = {stimulus.number: stimulus for stimulus in study.stimuli.all()}
    for each in record["sessions"]:
        facts = each["facts"]
        rater, _ = Rater.objects.get_or_create(
            study=study,
            code=each["rater"],
            defaults={
                "kind": facts["rater_kind"],
                "reading_list": each["list"],
                "about": _said(facts, ABOUT),
                "withdrawn_at": facts["withdrawn_at"],
            },
        )
        showings = lists[each["list"], each["occasion"]]
        practice = sum(kind == "practice" for _, _, kind, _ in showings)
        session = Session.objects.create(
            rater=rater,
            occasion=each["occasion"],
            images=len(showings) - practice,
            practice_images=practice,
            device=_said(facts, DEVICE),
            debrief=_said(facts, DEBRIEF),
            head=each["head"],
            consent_sha256=facts["consent_sha256"],
            **{
                name: facts[name]
                for name in ("consented_at", "declined_at", "started_at", "completed_at")
            },
        )
        last = {answer["trial"]: answer for answer in each["answers"]}
        trials = Trial.objects.bulk_create(
            Trial(
                session=session,
                position=position,
                stimulus=numbered[number],
                beside=numbered.get(beside),
                kind=kind,
                block=block,
                token=secrets.token_urlsafe(24),
                answered=position in last,
                void_reason=void.get((each["rater"], each["occasion"], position), ""),
                **_shown(last.get(position)),
            )
            for position, (number, beside, kind, block) in enumerate(
                [*showings, *each["practised_again"]], start=1
            )
        )
        _answers(study, each, trials)


def _said(facts: Values, names: Sequence[str]) -> dict[str, Any] | None:
    """Return what a rater filled in, None if nothing."""
    return {name: facts[name] for name in names if facts[name] is not None} or None


def _shown(answer: Values | None) -> dict[str, Any]:
    """Return how a trial was shown, as far as its answer tells."""
    return (
        {name: answer[name] for name in ("exposure_ms", "times_shown", "shown_at")}
        if answer
        else {}
    )


def _answers(study: Study, session: Values, trials: Sequence[Trial]) -> None:
    """Make a session's answers, each with the link that it adds."""
    link = first_link(study.fingerprint, session["rater"], session["list"], session["occasion"])
    answers = []
    for each in session["answers"]:
        link = next_link(link, {name: each[name] for name in each if name != "reason"})
        same = ("key", "origin", "side", "confidence", "scale", "quality", "marks", "reason")
        answers.append(
            Answer(
                trial=trials[each["trial"] - 1],
                version=each["versions"],
                entity=each["answered_entity"],
                timing=each["measured"],
                digest=link,
                **{name: each[name] for name in (*same, "response_ms", "answered_at")},
            )
        )
    Answer.objects.bulk_create(answers)


def _events(study: Study, record: Values) -> None:
    """Make the audit trail as it was, under the names of those who acted."""
    link = first_link("events", study.slug)
    events = []
    for each in record["events"]:
        link = next_link(link, each)
        events.append(AuditEvent(study=study, digest=link, **each))
    AuditEvent.objects.bulk_create(events)
