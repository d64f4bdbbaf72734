"""Sealing as a service: render what raters see, commit to the truth, draw the reading lists."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Min, QuerySet
from django.db.models.functions import Least
from django.utils import timezone, translation

from evaluation.audit_trail import record_event
from evaluation.catalogue import open_original
from evaluation.certificates import certified_by, page_names
from evaluation.chain import moment
from evaluation.design.drawing import ListDesign, draw_lists
from evaluation.design.items import Item
from evaluation.design.order import OrderRules
from evaluation.design.randomness import SeededStream
from evaluation.entities import entity_title
from evaluation.errors import EvaluationError, StudySealed, Taught
from evaluation.guards import broken_guards
from evaluation.hiding import hide_originals, names_of
from evaluation.models import (
    Case,
    Image,
    ReadingList,
    Stimulus,
    StimulusTruth,
    Study,
    StudyImage,
    StudySecret,
    Use,
)
from evaluation.seal import (
    Truth,
    commit_to_draw,
    commit_to_nonce,
    commit_to_truth,
    digest,
    randomisation_seed,
    salt_of,
)
from evaluation.stimuli import Treatment, render_stimulus

OnStep = Callable[[int, int], None]


def seal_study(
    study: Study,
    *,
    reason: str = "",
    actor: User | None = None,
    on_step: OnStep | None = None,
) -> Study:
    """Freeze a draft: render its stimuli, write the protocol, commit to the truth, open it.

    Args:
        study: the draft.
        reason: why it is sealed without a certificate of blinding that says all is well, or with
            images that are taught.
        actor: who does this; None for a command.
        on_step: told how many stimuli of how many are made.

    Raises:
        StudySealed: it is sealed already.
        Uncertified: there is no such certificate, and no reason either.
        Taught: images of it are cases of a teaching collection, and no reason is given.
        EvaluationError: no images are drawn, an original cannot be read, or the database lacks
            what guards the seal.
        DesignImpossible: no order keeps what the design asks for.
    """
    if broken := broken_guards():
        raise EvaluationError(f"the database would not guard the seal: {'; '.join(broken)}")
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.sealed_at:
            raise StudySealed(f"study '{study.slug}' is sealed already")
        drawn = list(study.drawn.select_related("image").order_by("image__sha256"))
        if not drawn:
            raise EvaluationError(f"study '{study.slug}' has no images; draw them first")
        certified = certified_by(study, reason)
        taught = _taught(study, reason)
        nonce = secrets.token_hex(32)
        drawn = SeededStream(nonce, "numbers").shuffled(drawn)
        stimuli = render_stimuli(
            study,
            [each.image for each in drawn],
            [_feedback(study, each) for each in drawn],
            treatment_of(study),
            nonce=nonce,
            on_step=on_step,
        )
        truths = [_truth_of(stimulus, each) for stimulus, each in zip(stimuli, drawn, strict=True)]
        StimulusTruth.objects.bulk_create(
            StimulusTruth(
                stimulus=stimulus,
                image=each.image,
                name=truth.image,
                salt=salt_of(nonce, stimulus.number),
                **{name: getattr(truth, name) for name in StimulusTruth.SEALED},
            )
            for stimulus, each, truth in zip(stimuli, drawn, truths, strict=True)
        )
        StudySecret.objects.create(study=study, nonce=nonce)
        study.protocol = _protocol(study, stimuli, certified) | taught
        study.protocol_sha256 = digest(study.protocol)
        study.truth_sha256 = commit_to_truth(truths, nonce)
        seed = randomisation_seed(study.protocol_sha256, study.truth_sha256, nonce)
        lists = lists_of(design_of(study), truths, seed)
        study.draw_sha256 = commit_to_draw(settings_of(study), lists, nonce)
        study.nonce_sha256 = commit_to_nonce(nonce)
        study.fingerprint = study.seal.fingerprint
        study.sealed_at = timezone.now()
        study.save()
        ReadingList.objects.bulk_create(ReadingList(study=study, **each) for each in lists)
        record_event(
            "seal_study",
            study=study,
            actor=actor,
            **vars(study.seal),
        )
        names = [*names_of(each.image for each in drawn), *page_names(study)]
        transaction.on_commit(lambda: hide_originals(names))
    return study


def taught_images(study: Study) -> QuerySet[Image]:
    """Return images drawn for a study that a teaching collection holds: whoever learnt knows them.

    Attention checks are obvious anyhow.
    """
    drawn = study.drawn.exclude(use=Use.CHECK)
    return Image.objects.filter(drawn_for__in=drawn, cases__isnull=False).distinct()


def _taught(study: Study, reason: str) -> dict[str, object]:
    """Return what the protocol says of images that are taught; nothing where there are none."""
    taught = taught_images(study)
    if not taught:
        return {}
    if not reason:
        names = Case.objects.filter(image__in=taught).values_list("collection__name", flat=True)
        raise Taught(
            f"{len(taught)} images of study '{study.slug}' are taught "
            f"({', '.join(sorted(set(names)))}), and whoever learnt there knows them; save the "
            "draft to draw others in their place, or give a reason to seal it all the same, which "
            "everybody can read"
        )
    return {"taught": {"images": len(taught), "reason": reason}}


def settings_of(study: Study) -> dict[str, object]:
    """Return all that a coordinator chose, as JSON values; the end of the reading may move."""
    chosen = {
        field.name: getattr(study, field.name)
        for field in Study._meta.concrete_fields
        if field.editable and field.name not in ("id", "dataset", "closes_at")
    }
    dataset = {name: getattr(study.dataset, name) for name in ("name", "licence", "phantom")}
    # Without a margin the settings are those of a study sealed when there were none.
    margin = {} if study.margin is None else {"margin": str(study.margin)}
    del chosen["margin"]
    return {**chosen, **margin, "opens_at": moment(study.opens_at), "dataset": dataset}


def design_of(study: Study) -> ListDesign:
    """Return what decides the study's reading lists."""
    rules = OrderRules(
        block=study.block_size or 0,
        run_of_origin=study.run_of_origin or 0,
        run_of_entity=study.run_of_entity or 0,
        counterbalanced=study.counterbalanced,
    )
    return ListDesign(
        lists=study.raters_at_most,
        readings=study.readings_per_image,
        occasions=study.occasions,
        pairs=study.pairs,
        repeats_percent=study.repeats_percent,
        rules=rules,
    )


def lists_of(design: ListDesign, truths: Sequence[Truth], seed: str) -> list[dict[str, object]]:
    """Return the reading lists as they are stored and committed to: JSON values.

    Raises:
        DesignImpossible: nothing can keep what is asked for.
    """
    studied, practised = (
        [
            Item(each.number, each.origin, each.entity, each.generator, each.use == Use.CHECK)
            for each in truths
            if (each.use == Use.PRACTICE) == practice
        ]
        for practice in (False, True)
    )
    return [
        {
            "number": plan.number,
            "occasion": plan.occasion,
            "showings": [
                [showing.number, showing.beside, str(showing.kind), showing.block]
                for showing in plan.showings
            ],
        }
        for plan in draw_lists(design, studied, practised, seed)
    ]


def _truth_of(stimulus: Stimulus, drawn: StudyImage) -> Truth:
    image = drawn.image
    return Truth(
        number=stimulus.number,
        stimulus_sha256=stimulus.sha256,
        original_sha256=image.sha256,
        use=drawn.use,
        image=image.name,
        **{name: getattr(image, name) for name in StimulusTruth.OF_IMAGE},
    )


def treatment_of(study: Study) -> Treatment:
    """Return what a study asks of the stimulus pipeline, for the images that are drawn."""
    least = study.drawn.aggregate(side=Min(Least("image__width", "image__height")))["side"]
    return Treatment(
        shrunk_to=least if study.one_resolution else None,
        turned=study.turned,
        round_mask=study.round_mask,
    )


def render_stimuli(
    study: Study,
    images: Sequence[Image],
    feedback: Sequence[Mapping[str, object] | None],
    treatment: Treatment,
    *,
    nonce: str = "",
    on_step: OnStep | None = None,
) -> list[Stimulus]:
    """Store one stimulus an image under a random name, with what is told after it if anything."""
    store = storages["stimuli"]

    def render(numbered: tuple[int, Image]) -> bytes:
        number, image = numbered
        chance = SeededStream(nonce, "turn", number)
        return render_stimulus(open_original(image), treatment, chance)

    stimuli = []
    with ThreadPoolExecutor(2) as pool:
        pngs = pool.map(render, enumerate(images))
        for number, (told, png) in enumerate(zip(feedback, pngs, strict=True)):
            name = store.save(f"{study.pk}/{secrets.token_urlsafe(24)}", ContentFile(png))
            stimuli.append(
                Stimulus(
                    study=study,
                    number=number,
                    file=name,
                    sha256=hashlib.sha256(png).hexdigest(),
                    feedback=told,
                )
            )
            if on_step:
                on_step(number + 1, len(images))
    return Stimulus.objects.bulk_create(stimuli)


def _feedback(study: Study, drawn: StudyImage) -> dict[str, str] | None:
    """Return the truth that need not be hidden: of practice, checks, and a staircase's images."""
    if drawn.use == Use.STUDY and not study.staircase:
        return None
    explanation = drawn.image.explanation if drawn.use == Use.PRACTICE else ""
    return {
        "entity": drawn.image.entity,
        "origin": drawn.image.origin,
        "explanation": explanation,
    }


def titles_by_language(codes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what raters read for each entity, by language."""
    titles = {}
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            titles[language] = {code: entity_title(code) for code in codes}
    return titles


def _protocol(
    study: Study, stimuli: Sequence[Stimulus], certified: dict[str, object]
) -> dict[str, object]:
    """Return what is frozen, as JSON values; nothing in it tells the origin of a stimulus."""
    return {
        "format": 3,
        "study": study.slug,
        "title": study.title,
        "contact": study.contact,
        "consent_sha256": digest(study.consent_text),
        "questionnaire": study.questionnaire,
        "device_check": study.device_check,
        "tell_share": study.tell_share,
        "debrief": study.debrief,
        "entities": study.entities,
        "entity_titles": titles_by_language(study.entities),
        "images_per_cell": study.images_per_cell,
        "arms": len(study.generators),
        "exposure_ms": study.exposure_ms,
        "staircase": asdict(study.stairs) if study.staircase else None,
        "zoom": study.zoomable,
        "practice_images": study.practice_images,
        "checks": study.checks,
        "checks_needed": study.checks_needed,
        "questions": study.questions,
        "shuffle_entities": study.shuffle_entities,
        "corrections": study.corrections,
        "break_every": study.break_every,
        "confidence_levels": study.confidence_levels,
        "tell_results": study.tell_results,
        "opens_at": study.opens_at.isoformat() if study.opens_at else None,
        "lists": design_of(study).as_json(),
        "washout_days": study.washout_days,
        "margin": None if study.margin is None else str(study.margin),
        "analysis_plan": study.analysis_plan,
        "software": settings.VERSION,
        "pipeline": treatment_of(study).as_json(),
        "certificate": certified,
        "stimuli": [stimulus.sha256 for stimulus in stimuli],
    }
