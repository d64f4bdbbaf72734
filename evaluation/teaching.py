"""Teaching as services: approve images, put collections together, open classes from them."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from evaluation.audit_trail import record_event
from evaluation.design.items import Kind
from evaluation.design.questions import MOST_ENTITIES, Question
from evaluation.design.randomness import SeededStream
from evaluation.entities import ENTITIES, known_entities
from evaluation.errors import EvaluationError, NotForTeaching
from evaluation.models import Case, Collection, Dataset, Image, ReadingList, Study
from evaluation.seal import digest
from evaluation.sealing import render_stimuli, titles_by_language
from evaluation.stimuli import PLAIN

#: SPDX identifiers of licences that let anybody show an image, cut and compressed, to a class:
#: no ND, under which the cut stimulus might not be shown; NC binds the class to be non-commercial.
TEACHABLE = frozenset(
    {
        "CC0-1.0",
        "PDDL-1.0",
        "ODC-By-1.0",
        *(f"CC-{kind}-{version}" for kind in ("BY", "BY-SA", "BY-NC", "BY-NC-SA")
          for version in ("2.0", "2.5", "3.0", "4.0")),
    }
)  # fmt: skip
#: Terms of one's own, in SPDX's words: whoever approves the image answers for them.
OWN_TERMS = "LicenseRef-"
#: What a class may be asked, one or both.
QUESTIONS = (Question.ENTITY, Question.ORIGIN)
LEAST_CASES = 3
MOST_TIMES_RIGHT = 5


def teaching_problem(image: Image) -> str | None:
    """Return why an image must not be taught with, or None."""
    licence = image.licence
    if licence not in TEACHABLE and not licence.startswith(OWN_TERMS):
        return f"{image.name}: its licence, '{licence}', is not known to allow teaching"
    dataset = image.dataset
    if not image.teaching_approved_by and not (dataset and dataset.teaching_approved_by):
        whole = f", or all of dataset '{dataset}'," if dataset else ""
        return f"{image.name}: nobody has approved it for teaching; approve it{whole} at the desk"
    if image.sealed:
        return f"{image.name}: a study that is open for reading shows it; wait until it is closed"
    return None


@transaction.atomic
def set_approval(
    things: QuerySet[Dataset] | QuerySet[Image], *, actor: User, approved: bool
) -> int:
    """Approve datasets or images for teaching in the name of `actor`, or take that back.

    Classes that are open keep what they show. Returns how many there were.
    """
    name = (actor.get_full_name() or actor.get_username()) if approved else ""
    record_event(
        "approve_for_teaching" if approved else "withdraw_approval",
        actor=actor,
        # By number: the trail is read while a study hides what its images are called.
        of=str(things.model._meta.model_name),
        numbers=sorted(things.values_list("pk", flat=True)),
    )
    return things.update(teaching_approved_by=name)


@transaction.atomic
def add_cases(collection: Collection, images: Iterable[Image], *, actor: User | None = None) -> int:
    """Put images into a collection; those that it holds stay as they are. Return how many are new.

    Raises:
        NotForTeaching: licence, approval or an open study forbids it for some; nothing is added.
    """
    images = list(images)
    _refuse(images)
    held = set(collection.cases.values_list("image", flat=True))
    new = [image for image in images if image.pk not in held]
    Case.objects.bulk_create(Case(collection=collection, image=image) for image in new)
    numbers = sorted(image.pk for image in new)
    record_event("add_cases", actor=actor, collection=collection.name, images=numbers)
    return len(new)


def _refuse(images: Iterable[Image]) -> None:
    if problems := [problem for image in images if (problem := teaching_problem(image))]:
        raise NotForTeaching(problems)


@transaction.atomic
def open_class(
    collection: Collection,
    *,
    slug: str,
    title: str,
    contact: str = "",
    consent_text: str = "",
    questions: Sequence[str] = QUESTIONS,
    times_right: int = 2,
    learners: int = 50,
    actor: User | None = None,
) -> Study:
    """Open a study that teaches the cases of a collection as they are now, ready for invitations.

    Stimuli are rendered and the protocol is frozen, as for any study. Nothing is committed to and
    no original hidden, since what a case is is told after each answer.

    Args:
        collection: its cases.
        slug, title, contact, consent_text: as for any study.
        questions: the diagnosis, the origin, or both.
        times_right: a case is learnt when it was right so many times in a row.
        learners: how many may be invited.
        actor: who does this.

    Raises:
        NotForTeaching: licence, approval or an open study forbids it for some of the cases.
        EvaluationError: the name is taken, there are too few cases, or a setting makes no sense.
    """
    # The web process does not see images of studies that are open for reading.
    cases = list(collection.cases.select_related("image__dataset").order_by("image__sha256"))
    if hidden := collection.cases.count() - len(cases):
        raise NotForTeaching(
            [f"a study that is open for reading shows {hidden} of the cases; take them out"]
        )
    _refuse(case.image for case in cases)
    _check(slug, cases, questions, times_right, learners)
    study = Study(
        kind=Study.Kind.TEACHING,
        collection=collection,
        times_right=times_right,
        slug=slug,
        title=title,
        contact=contact,
        consent_text=consent_text,
        entities=_choices(cases),
        generators=[],
        questions=[str(question) for question in QUESTIONS if question in questions],
        raters_at_most=learners,
        questionnaire=False,
        device_check=False,
        debrief=False,
        sealed_at=timezone.now(),
    )
    try:
        study.clean_fields(exclude=["dataset", "generators"])
    except ValidationError as problem:
        said = [f"{field}: {' '.join(text)}" for field, text in problem.message_dict.items()]
        raise EvaluationError("; ".join(said)) from problem
    study.protocol = _protocol(study, cases)
    study.protocol_sha256 = digest(study.protocol)
    study.save()
    feedback = [_feedback(case) for case in cases]
    render_stimuli(study, [case.image for case in cases], feedback, PLAIN)
    ReadingList.objects.bulk_create(
        ReadingList(study=study, number=number, occasion=1, showings=showings)
        for number, showings in enumerate(_orders(study, len(cases)))
    )
    record_event(
        "open_class",
        study=study,
        actor=actor,
        collection=collection.name,
        cases=len(cases),
        protocol_sha256=study.protocol_sha256,
    )
    return study


def _check(
    slug: str, cases: Sequence[Case], questions: Sequence[str], times_right: int, learners: int
) -> None:
    """Refuse what makes no class."""
    if Study.objects.filter(slug=slug).exists():
        raise EvaluationError(f"a study '{slug}' exists already; choose another name")
    if len(cases) < LEAST_CASES:
        raise EvaluationError(
            f"{len(cases)} cases are too few to come back after others; "
            f"put at least {LEAST_CASES} into the collection"
        )
    if not questions or set(questions) - set(QUESTIONS):
        raise EvaluationError("a class is asked for the diagnosis, the origin, or both; choose")
    if not 1 <= times_right <= MOST_TIMES_RIGHT:
        raise EvaluationError(
            f"right {times_right} times in a row makes no sense; choose 1 to {MOST_TIMES_RIGHT}"
        )
    if not 1 <= learners <= 500:
        raise EvaluationError(f"{learners} learners make no sense; choose 1 to 500")
    if len(_choices(cases)) > MOST_ENTITIES:
        raise EvaluationError(f"the cases have more diagnoses than the {MOST_ENTITIES} with keys")


def _choices(cases: Sequence[Case]) -> list[str]:
    """Return the diagnoses to choose from: the built-in seven if any is one, and all others."""
    there = {case.image.entity for case in cases}
    built_in = list(ENTITIES) if there & set(ENTITIES) else []
    return built_in + [code for code in known_entities() if code in there - set(ENTITIES)]


def _protocol(study: Study, cases: Sequence[Case]) -> dict[str, object]:
    """Return what is frozen, as JSON values; unlike that of a sealed study it is not published."""
    credits = {(str(c.image.dataset or c.image.generator), c.image.licence) for c in cases}
    return {
        "format": 1,
        "kind": study.kind,
        "study": study.slug,
        "title": study.title,
        "contact": study.contact,
        "consent_sha256": digest(study.consent_text),
        "collection": str(study.collection),
        "questions": study.questions,
        "entities": study.entities,
        "entity_titles": titles_by_language(study.entities),
        "times_right": study.times_right,
        "software": settings.VERSION,
        "pipeline": PLAIN.as_json(),
        "credits": [list(credit) for credit in sorted(credits)],
        "cases": [[case.image.sha256, digest(_feedback(case))] for case in cases],
    }


def _feedback(case: Case) -> dict[str, object]:
    """Return what is told after a case, and what progress is summed up by."""
    image = case.image
    return {
        "name": image.name,
        "entity": image.entity,
        "origin": image.origin,
        "skin_tone": image.skin_tone,
        "explanation": image.explanation,
        "features": case.features,
    }


def _orders(study: Study, count: int) -> list[list[list[object]]]:
    """Return in which order new cases come for each learner, as a reading list's showings."""
    return [
        [
            [number, None, str(Kind.CASE), 0]
            for number in SeededStream(study.protocol_sha256, "lesson", learner).shuffled(
                range(count)
            )
        ]
        for learner in range(study.raters_at_most)
    ]
