"""Studies as services: create, change, draw, close."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from evaluation.audit_trail import record_event
from evaluation.design.questions import MOST_ENTITIES, Question, question_problems
from evaluation.design.selection import Candidate, draw_checks, draw_images, draw_practice
from evaluation.entities import ENTITIES, entity_title, known_entities
from evaluation.errors import EvaluationError, StudyNotOpen, StudySealed, UnknownStudy
from evaluation.models import Dataset, Image, Origin, Study, StudyImage, Use
from evaluation.seal import Truth
from evaluation.sealing import design_of, lists_of


def get_study(slug: str) -> Study:
    """Return the study called `slug`; one that teaches is no study to commands and reports.

    Raises:
        UnknownStudy: there is none; the message names those that there are.
    """
    studies = Study.objects.filter(kind=Study.Kind.READING)
    try:
        return studies.get(slug=slug)
    except Study.DoesNotExist:
        if Study.objects.filter(slug=slug).exists():
            raise UnknownStudy(
                f"'{slug}' teaches, and its answers enter no report; "
                "its results are on the page of its teaching collection"
            ) from None
        known = ", ".join(studies.values_list("slug", flat=True)[:20]) or "none yet"
        raise UnknownStudy(f"study '{slug}' does not exist; there are: {known}") from None


@transaction.atomic
def create_study(
    *,
    slug: str,
    title: str,
    dataset: Dataset,
    generators: Sequence[str],
    entities: Sequence[str] = (),
    actor: User | None = None,
    **settings: object,
) -> Study:
    """Create a draft and draw its images.

    Args:
        slug: names the study in commands.
        title: what raters see.
        dataset: the real images.
        generators: whose images are compared with them, each as an arm.
        entities: codes, in the order of the buttons; the seven of HAM10000 if left out.
        actor: who does this; None for a command.
        settings: other fields of a study; each has a default.

    Raises:
        EvaluationError: the name is taken, or a setting makes no sense.
        TooFewImages: a cell of the design cannot be filled; nothing is created.
        DesignImpossible: no order keeps what is asked for; nothing is created.
    """
    if Study.objects.filter(slug=slug).exists():
        raise EvaluationError(f"a study '{slug}' exists already; choose another name")
    study = Study(
        slug=slug,
        title=title,
        dataset=dataset,
        generators=list(generators),
        entities=list(entities or ENTITIES),
        **settings,
    )
    _check(study)
    study.save()
    redraw(study)
    record_event("create_study", study=study, actor=actor, seed=study.seed)
    return study


def copy_study(study: Study, *, slug: str, actor: User | None = None) -> Study:
    """Create a draft with the settings of another study, and images of its own.

    Dates are left open. Raises what `create_study` raises.
    """
    own = ("id", "slug", "created_at", "opens_at", "closes_at")
    settings = {
        field.name: getattr(study, field.name)
        for field in Study._meta.concrete_fields
        if field.editable and field.name not in own
    }
    return create_study(slug=slug, **settings, actor=actor)


@transaction.atomic
def change_draft(
    study: Study, changes: Mapping[str, object], *, actor: User | None = None
) -> Study:
    """Change the settings of a draft and draw its images anew.

    Raises:
        StudySealed: it is sealed.
        TooFewImages: a cell cannot be filled; settings and draw stay as they were.
        DesignImpossible: no order keeps what is asked for; likewise.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    for name, value in changes.items():
        setattr(study, name, value)
    _check(study)
    redraw(study)
    study.save()
    record_event("change_study", study=study, actor=actor)
    return study


def _check(study: Study) -> None:
    """Refuse settings that make no study, naming each field."""
    if not study.generators:
        raise EvaluationError("no generator is named; name one or several")
    known = known_entities()
    wrong = [f"entity '{code}' is unknown" for code in study.entities if code not in known]
    if len(study.entities) > MOST_ENTITIES:
        wrong.append(
            f"{len(study.entities)} entities are more buttons than the {MOST_ENTITIES} that "
            "have keys; leave some out"
        )
    if len(set(study.entities)) < len(study.entities):
        wrong.append("an entity is named twice")
    if len(set(study.generators)) < len(study.generators):
        wrong.append("a generator is named twice")
    try:
        study.full_clean()
    except ValidationError as problem:
        wrong += [f"{field}: {' '.join(said)}" for field, said in problem.message_dict.items()]
    wrong += question_problems(
        study.questions, pairs=study.pairs, timed=study.exposure_ms is not None
    )
    wrong += _showing_problems(study)
    made = set(Image.objects.exclude(generator="").values_list("generator", flat=True))
    wrong += [
        f"generator '{name}' has made no images; "
        f"there are images by: {', '.join(sorted(made)) or 'none yet'}"
        for name in study.generators
        if name not in made
    ]
    if study.readings_per_image and study.readings_per_image > study.raters_at_most:
        wrong.append(
            f"{study.readings_per_image} raters an image are more than the "
            f"{study.raters_at_most} raters at most"
        )
    if study.checks and study.checks_from in ("", str(study.dataset), *study.generators):
        wrong.append(
            "attention checks need a dataset or generator of obvious cases that the study does "
            "not compare; name one"
        )
    if study.checks_needed > study.checks:
        wrong.append(
            f"{study.checks_needed} checks needed are more than the {study.checks} that there are"
        )
    if wrong:
        raise EvaluationError("; ".join(wrong))


def _showing_problems(study: Study) -> list[str]:
    """Return why images cannot be shown as the study asks for."""
    wrong = []
    if study.pairs and study.checks:
        wrong.append("attention checks are single images; leave them out where pairs are shown")
    if study.pairs and study.run_of_origin:
        wrong.append("every pair holds both origins; leave out most of one origin in a row")
    if study.pairs and study.practice_images % 2:
        wrong.append("practice images make pairs; ask for an even number")
    if study.exposure_ms and study.corrections:
        wrong.append(
            "a correction would show the image once more; leave corrections out where the time "
            "is limited"
        )
    if not study.staircase:
        return wrong
    if not {Question.ORIGIN, Question.SCALE, Question.SIDE} & set(study.questions):
        wrong.append("the time can only follow answers on the origin; ask for it")
    stairs = study.stairs
    if not stairs.shortest <= stairs.start <= stairs.longest:
        wrong.append(
            f"the time that follows the answers starts at {stairs.start} ms; give it a start from "
            f"{stairs.shortest} to {stairs.longest} ms"
        )
    return wrong


@transaction.atomic
def redraw(study: Study) -> None:
    """Draw the images of a draft anew from its settings and seed.

    Images that another study has drawn or a teaching collection holds are passed over, so that no
    rater has met one.

    Raises:
        StudySealed: the draw is frozen.
        TooFewImages: a cell cannot be filled; the earlier draw is kept.
        DesignImpossible: no order keeps what is asked for; the earlier draw is kept.
    """
    if study.sealed_at:
        raise StudySealed(f"study '{study.slug}' is sealed; copy it to change its images")
    candidates = _candidates(_available_to(study))
    drawn = draw_images(
        candidates,
        entities=study.entities,
        arms=study.generators,
        per_cell=study.images_per_cell,
        seed=study.seed,
    )
    practice = draw_practice(
        candidates, drawn=drawn, count=study.practice_images, seed=study.seed, pairs=study.pairs
    )
    obvious = Image.objects.filter(dataset__name=study.checks_from) | Image.objects.filter(
        generator=study.checks_from, origin=Origin.SYNTHETIC
    )
    checks = draw_checks(
        _candidates(obvious.filter(suspected_copy=False)),
        entities=study.entities,
        count=study.checks,
        seed=study.seed,
    )
    study.drawn.all().delete()
    StudyImage.objects.bulk_create(
        StudyImage(study=study, image_id=pk, use=use)
        for use, pks in ((Use.STUDY, drawn), (Use.PRACTICE, practice), (Use.CHECK, checks))
        for pk in pks
    )
    _rehearse(study)


def draw_table(study: Study) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return for each entity how many images of each origin are drawn, and of how many.

    Returns:
        The entity's title, and (drawn, available) of the real images and of each generator.
    """
    chosen = Image.objects.filter(drawn_for__study=study, drawn_for__use=Use.STUDY)
    drawn, stock = count_lesions(chosen), count_lesions(_available_to(study))
    return [
        (
            entity_title(entity),
            [(drawn[entity, arm], stock[entity, arm]) for arm in ("", *study.generators)],
        )
        for entity in study.entities
    ]


def count_lesions(images: QuerySet[Image]) -> Counter[tuple[str, str]]:
    """Count images by entity and generator ("" is real), images of one lesion as one."""
    rows = images.values_list("entity", "generator", "lesion", "pk")
    lesions = {(entity, generator, lesion or pk) for entity, generator, lesion, pk in rows}
    return Counter((entity, generator) for entity, generator, _ in lesions)


def ai_images_a_rater(study: Study) -> int:
    """Return how many AI images each rater reads."""
    drawn = len(study.entities) * len(study.generators) * study.images_per_cell
    return round(drawn * (study.readings_per_image or study.raters_at_most) / study.raters_at_most)


def available_images(
    dataset: Dataset | None,
    generators: Sequence[str],
    entities: Sequence[str],
    *,
    besides: Study | None = None,
) -> QuerySet[Image]:
    """Return what a study may draw from: images that no study besides this one has drawn.

    Those that are suspected to copy a photograph are left out, and those that are taught.
    """
    images = Image.objects.filter(dataset=dataset) if dataset else Image.objects.none()
    images = images | Image.objects.filter(generator__in=generators)
    others = StudyImage.objects.exclude(study=besides) if besides else StudyImage.objects.all()
    images = images.filter(entity__in=entities, suspected_copy=False)
    return images.exclude(drawn_for__in=others).filter(cases=None)


def _available_to(study: Study) -> QuerySet[Image]:
    return available_images(study.dataset, study.generators, study.entities, besides=study)


def _candidates(images: QuerySet[Image]) -> list[Candidate]:
    rows = images.values_list("pk", "sha256", "entity", "generator", "lesion")
    return [Candidate(*row) for row in rows]


def _rehearse(study: Study) -> None:
    """Draw reading lists once, so that an impossible design is found before it is sealed."""
    rows = study.drawn.values_list("image__entity", "image__origin", "image__generator", "use")
    truths = [Truth(number, "", "", *row) for number, row in enumerate(rows)]
    lists_of(design_of(study), truths, "rehearsal")


@transaction.atomic
def move_end(study: Study, closes_at: datetime | None, *, actor: User | None = None) -> Study:
    """Move the end of the reading, or take it away; closed studies stay closed.

    Raises:
        StudyNotOpen: the study is closed.
        EvaluationError: the end would come before the opening.
    """
    study = Study.objects.select_for_update().get(pk=study.pk)
    if study.closed_at:
        raise StudyNotOpen(f"study '{study.slug}' is closed; its reading cannot go on")
    if closes_at and study.opens_at and closes_at <= study.opens_at:
        raise EvaluationError("the reading would end before it opens; choose a later date")
    before = study.closes_at.isoformat() if study.closes_at else None
    study.closes_at = closes_at
    study.save(update_fields=["closes_at"])
    after = closes_at.isoformat() if closes_at else None
    record_event("move_end", study=study, actor=actor, before=before, after=after)
    return study
