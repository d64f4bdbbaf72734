"""Sealing as a service: render what raters see, commit to the truth, draw the reading lists."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone, translation

from evaluation.audit_trail import record_event
from evaluation.catalogue import open_original
from evaluation.design.items import Item
from evaluation.design.lists import ReadingPlan, plan_lists
from evaluation.design.order import OrderRules
from evaluation.design.pairs import match_pairs, pair_items, take_sides
from evaluation.design.randomness import SeededStream
from evaluation.entities import entity_title
from evaluation.errors import EvaluationError, StudySealed
from evaluation.models import ReadingList, Stimulus, StimulusTruth, Study, StudyImage, Use
from evaluation.seal import Truth, commit_to_truth, digest, randomisation_seed, salt_of
from evaluation.stimuli import PIPELINE, render_stimulus

OnStep = Callable[[int, int], None]


def seal_study(study: Study, *, actor: User | None = None, on_step: OnStep | None = None) -> Study:
    """Freeze a draft: render its stimuli, write the protocol, commit to the truth, open it.

    Raises:
        StudySealed: it is sealed already.
        EvaluationError: no images are drawn, or an original cannot be read.
        DesignImpossible: no order keeps what the design asks for.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=study.pk)
        if study.sealed_at:
            raise StudySealed(f"study '{study.slug}' is sealed already")
        drawn = list(study.drawn.select_related("image").order_by("image__sha256"))
        if not drawn:
            raise EvaluationError(f"study '{study.slug}' has no images; draw them first")
        nonce = secrets.token_hex(32)
        drawn = SeededStream(nonce, "numbers").shuffled(drawn)
        stimuli = _render(study, drawn, on_step)
        truths = [
            Truth(
                stimulus.number,
                stimulus.sha256,
                each.image.sha256,
                each.image.entity,
                each.image.origin,
                each.image.generator,
                each.use,
            )
            for stimulus, each in zip(stimuli, drawn, strict=True)
        ]
        StimulusTruth.objects.bulk_create(
            StimulusTruth(
                stimulus=stimulus,
                image=each.image,
                entity=each.image.entity,
                origin=each.image.origin,
                use=each.use,
                salt=salt_of(nonce, stimulus.number),
            )
            for stimulus, each in zip(stimuli, drawn, strict=True)
        )
        study.nonce = nonce
        study.protocol = _protocol(study, stimuli)
        study.protocol_sha256 = digest(study.protocol)
        study.truth_sha256 = commit_to_truth(truths, nonce)
        study.sealed_at = timezone.now()
        study.save()
        seed = randomisation_seed(study.protocol, study.truth_sha256, nonce)
        ReadingList.objects.bulk_create(
            ReadingList(
                study=study,
                number=plan.number,
                occasion=plan.occasion,
                showings=[
                    [showing.number, showing.beside, showing.kind, showing.block]
                    for showing in plan.showings
                ],
            )
            for plan in draw_lists(study, truths, seed)
        )
        record_event(
            "seal_study",
            study=study,
            actor=actor,
            protocol=study.protocol_sha256,
            truth=study.truth_sha256,
        )
    return study


def order_rules(study: Study) -> OrderRules:
    """Return what every order of the study keeps."""
    return OrderRules(
        block=study.block_size or 0,
        run_of_origin=study.run_of_origin or 0,
        run_of_entity=study.run_of_entity or 0,
        counterbalanced=study.counterbalanced,
    )


def draw_lists(study: Study, truths: Sequence[Truth], seed: str) -> list[ReadingPlan]:
    """Return the reading lists of a study as its design asks for them.

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
    if not study.pairs:
        practice = [item.number for item in practised]
        return _plan(study, studied, practice, seed)
    pairs = match_pairs(studied, SeededStream(seed, "pairs"))
    count = len(pairs)
    pairs += match_pairs(practised, SeededStream(seed, "practice pairs"))
    plans = _plan(study, pair_items(pairs)[:count], range(count, len(pairs)), seed)
    return [take_sides(plan, pairs, seed) for plan in plans]


def _plan(
    study: Study, items: Sequence[Item], practice: Sequence[int], seed: str
) -> list[ReadingPlan]:
    return plan_lists(
        items,
        lists=study.raters_at_most,
        readings=study.readings_per_image,
        occasions=study.occasions,
        rules=order_rules(study),
        repeats_percent=study.repeats_percent,
        seed=seed,
        practice=practice,
    )


def _render(study: Study, drawn: Sequence[StudyImage], on_step: OnStep | None) -> list[Stimulus]:
    """Store one stimulus an image under a random name."""
    store = storages["stimuli"]
    stimuli = []
    with ThreadPoolExecutor(2) as pool:
        pngs = pool.map(lambda each: render_stimulus(open_original(each.image)), drawn)
        for number, (each, png) in enumerate(zip(drawn, pngs, strict=True)):
            name = store.save(f"{study.pk}/{secrets.token_urlsafe(24)}", ContentFile(png))
            stimuli.append(
                Stimulus(
                    study=study,
                    number=number,
                    file=name,
                    sha256=hashlib.sha256(png).hexdigest(),
                    feedback=_feedback(study, each),
                )
            )
            if on_step:
                on_step(number + 1, len(drawn))
    return Stimulus.objects.bulk_create(stimuli)


def _feedback(study: Study, drawn: StudyImage) -> dict[str, str] | None:
    """Return what is told after a practice image, or any whose answer moves the exposure."""
    if drawn.use != Use.PRACTICE and not study.staircase:
        return None
    explanation = drawn.image.explanation if drawn.use == Use.PRACTICE else ""
    return {
        "entity": drawn.image.entity,
        "origin": drawn.image.origin,
        "explanation": explanation,
    }


def _titles(codes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what raters read for each entity, by language."""
    titles = {}
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            titles[language] = {code: entity_title(code) for code in codes}
    return titles


def _protocol(study: Study, stimuli: Sequence[Stimulus]) -> dict[str, object]:
    """Return what is frozen, as JSON values; nothing in it tells the origin of a stimulus."""
    return {
        "format": 1,
        "study": study.slug,
        "title": study.title,
        "contact": study.contact,
        "consent_sha256": digest(study.consent_text),
        "questionnaire": study.questionnaire,
        "device_check": study.device_check,
        "tell_share": study.tell_share,
        "debrief": study.debrief,
        "entities": study.entities,
        "entity_titles": _titles(study.entities),
        "images_per_cell": study.images_per_cell,
        "arms": len(study.generators),
        "pairs": study.pairs,
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
        "raters": study.raters_at_most,
        "readings_per_image": study.readings_per_image,
        "occasions": study.occasions,
        "washout_days": study.washout_days,
        "order": {**asdict(order_rules(study)), "repeats_percent": study.repeats_percent},
        "pipeline": PIPELINE,
        "stimuli": [stimulus.sha256 for stimulus in stimuli],
    }
