"""Pairs, limited exposure and the staircase, in the database and over HTTP."""

from collections import Counter
from uuid import uuid4

import pytest
from django.urls import reverse

from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.design.items import Kind
from evaluation.errors import EvaluationError
from evaluation.invitations import invite_rater
from evaluation.models import Rater, StimulusTruth, Trial
from evaluation.sessions import (
    GivenAnswer,
    record_answer,
    stimulus_bytes,
    turn,
)
from evaluation.simulated import Skill, read_study
from tests.conftest import begin


@pytest.fixture
def study_of(sealed_with):
    """Return a function that seals a study of two images a cell, unless said otherwise."""
    return lambda **settings: sealed_with(**{"images_per_cell": 2, **settings})


def origins_of(study):
    truths = StimulusTruth.objects.filter(stimulus__study=study)
    return dict(truths.values_list("stimulus", "origin"))


def say(session, trial, **given):
    record_answer(
        session=session,
        token=trial.token,
        key=uuid4(),
        given=GivenAnswer(response_ms=900, **given),
    )


def test_a_pair_is_a_photograph_and_an_ai_image_of_one_diagnosis(study_of):
    study = study_of(pairs=True, questions=["side", "confidence"])
    session = begin(study)
    truths = {t.stimulus_id: t for t in StimulusTruth.objects.filter(stimulus__study=study)}

    trials = session.trials.all()

    assert session.images == len(trials) == 14
    for trial in trials:
        left, right = truths[trial.stimulus_id], truths[trial.beside_id]
        assert {left.origin, right.origin} == {"real", "synthetic"}
        assert left.entity == right.entity
    sides = Counter(truths[trial.stimulus_id].origin for trial in trials)
    assert sides == {"real": 7, "synthetic": 7}


def test_both_images_of_a_pair_are_handed_out_alike_and_no_third(client, study_of):
    study = study_of(pairs=True, questions=["side"], images_per_cell=1)
    session = begin(study)
    client.cookies["reading"] = session.key
    page = client.get(reverse("reading")).context["turn"]

    left, right = (client.get(address) for address in page["images"])

    assert [left.status_code, right.status_code] == [200, 200]
    assert left.headers == right.headers
    assert left.content != right.content
    assert len(page["ahead"]) == 2
    single = study_of(slug="single", images_per_cell=1)
    own = begin(single)
    assert stimulus_bytes(own.key, turn(own).current.token, beside=True) is None


def test_a_row_of_a_pair_is_about_its_ai_image(study_of):
    study = study_of(pairs=True, questions=["side", "confidence"])
    session = begin(study, kind=Rater.Kind.SIMULATED)
    origins = origins_of(study)
    said = {}
    for _ in range(14):
        trial = turn(session).current
        said[trial.position] = "left" if trial.position % 3 else "right"
        say(session, trial, side=said[trial.position], confidence=3)
    close_study(study)

    rows = unblinded_table(study.slug)

    trials = {t.position: t for t in session.trials.all()}
    for row in rows:
        on_the_left = origins[trials[row["trial"]].stimulus_id] == "synthetic"
        found = (said[row["trial"]] == "left") == on_the_left
        assert row["origin"] == "synthetic"
        assert row["generator"] == "made"
        assert row["answered_origin"] == ("synthetic" if found else "real")
        assert row["rating"] == (8 if found else 3)
        assert row["beside"] not in ("", None, row["image"])
    assert len({row["beside"] for row in rows}) == 14


def test_who_sees_the_difference_finds_the_ai_image_in_most_pairs(study_of):
    study = study_of(pairs=True, questions=["side", "confidence"], images_per_cell=3)
    for seed in range(6):
        session = invite_rater(study, kind=Rater.Kind.SIMULATED).rater.sessions.get()
        read_study(session, Skill(sensitivity=2), seed=seed)
    close_study(study)

    rows = unblinded_table(study.slug)
    right = sum(row["answered_origin"] == "synthetic" for row in rows) / len(rows)

    assert len(rows) == 6 * 21
    assert right == pytest.approx(0.921, abs=0.07)  # Phi(2 / sqrt 2)


def test_the_exposure_follows_the_answers_and_starts_anew_with_each_block(study_of):
    study = study_of(
        questions=["origin"], exposure_ms=500, staircase=True, block_size=14, practice_images=2
    )
    session = begin(study)
    origins = origins_of(study)
    seen = []
    while (trial := turn(session).current) is not None:
        right = trial.position % 4 != 0
        truth = origins[trial.stimulus_id]
        other = "real" if truth == "synthetic" else "synthetic"
        seen.append((trial.kind, trial.block, trial.exposure_ms, right))
        say(session, trial, origin=truth if right else other)

    practice, studied = seen[:2], seen[2:]
    assert [(kind, ms) for kind, _, ms, _ in practice] == [(Kind.PRACTICE, 500)] * 2
    expected = 500
    for before, now in zip([None, *studied], studied, strict=False):
        if before is None or before[1] != now[1]:
            expected = 500
        else:
            expected += -10 if before[3] else 30
        assert now[2] == expected
    assert Counter(block for _, block, _, _ in studied) == {0: 14, 1: 14}


def test_who_sees_more_in_less_time_ends_at_shorter_exposures(study_of):
    study = study_of(questions=["origin"], images_per_cell=3, exposure_ms=500, staircase=True)
    last = []
    for seed, sensitivity in enumerate((0, 20)):
        session = invite_rater(study, kind=Rater.Kind.SIMULATED).rater.sessions.get()
        read_study(session, Skill(sensitivity=sensitivity), seed=seed)
        last.append(session.trials.last().exposure_ms)

    guessing, seeing = last
    assert seeing == 100  # never wrong, down to the shortest
    assert guessing > 500
    assert Skill(sensitivity=2).within(250).sensitivity == 1
    assert Skill(sensitivity=2).within(None) == Skill(sensitivity=2)


def test_a_staircase_of_pairs_follows_the_side(study_of):
    study = study_of(pairs=True, questions=["side"], exposure_ms=300, staircase=True, step_up_ms=40)
    session = begin(study)
    trial = turn(session).current
    truth = origins_of(study)[trial.stimulus_id]

    say(session, trial, side="left" if truth == "synthetic" else "right")
    after_right = turn(session).current
    truth = origins_of(study)[after_right.stimulus_id]
    say(session, after_right, side="right" if truth == "synthetic" else "left")

    assert after_right.exposure_ms == 290
    assert turn(session).current.exposure_ms == 330


def test_a_fixed_exposure_stays_and_tells_nothing(study_of):
    study = study_of(questions=["origin"], exposure_ms=250)
    session = begin(study)

    say(session, turn(session).current, origin="real")

    assert set(session.trials.values_list("exposure_ms", flat=True)) == {250}
    assert not study.stimuli.filter(feedback__isnull=False).exists()
    assert study.protocol["exposure_ms"] == 250
    assert study.protocol["staircase"] is None
    assert study.protocol["zoom"] is False


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pairs": True}, "question 'entity' is about one image"),
        ({"pairs": True, "questions": ["confidence"]}, "which one is AI is not asked"),
        ({"questions": ["side"]}, "no pairs are shown"),
        (
            {"pairs": True, "questions": ["side"], "checks": 2, "checks_from": "made"},
            "attention checks are single images",
        ),
        ({"pairs": True, "questions": ["side"], "run_of_origin": 3}, "holds both origins"),
        ({"pairs": True, "questions": ["side"], "practice_images": 3}, "an even number"),
        ({"exposure_ms": 200, "corrections": True}, "leave corrections out"),
        ({"exposure_ms": 200, "questions": ["origin", "marks"]}, "an image that is gone"),
        ({"exposure_ms": 50}, "exposure_ms"),
        ({"staircase": True}, "starts at 0 ms; give it a start from 100 to 1000"),
        (
            {"staircase": True, "exposure_ms": 300, "questions": ["entity"]},
            "only follow answers on the origin",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(draft_with, settings, words):
    with pytest.raises(EvaluationError, match=words):
        draft_with(**settings)


def test_practice_of_pairs_is_told_and_apart_from_the_study(client, study_of):
    study = study_of(pairs=True, questions=["side"], images_per_cell=1, practice_images=4)
    session = begin(study)
    client.cookies["reading"] = session.key
    practice = list(session.trials.filter(kind=Kind.PRACTICE))
    studied = Trial.objects.filter(session=session).exclude(kind=Kind.PRACTICE)
    truth = origins_of(study)[practice[0].stimulus_id]

    reply = client.post(
        reverse("answers"),
        {"token": practice[0].token, "key": str(uuid4()), "side": "left", "response_ms": 800},
        content_type="application/json",
    ).json()

    side = "left" if truth == "synthetic" else "right"
    assert reply["feedback"].startswith(f"The {side} image was made by AI")
    assert (session.practice_images, session.images) == (2, 7)
    shown = {s for t in practice for s in (t.stimulus_id, t.beside_id)}
    assert not shown & {s for t in studied for s in (t.stimulus_id, t.beside_id)}
