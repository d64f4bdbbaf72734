"""Designs in the database: shares, orders, occasions, arms, practice, checks."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.design.drawing import ListDesign, draw_lists
from evaluation.design.items import Item
from evaluation.entering import (
    find_session,
    give_consent,
    open_invitation,
    start_reading,
)
from evaluation.entities import ENTITIES
from evaluation.errors import (
    EvaluationError,
    StudyNotOpen,
)
from evaluation.invitations import invite_rater
from evaluation.models import Rater, Session, StimulusTruth, Study, Trial
from evaluation.seal import randomisation_seed
from evaluation.simulated import Skill, read_study
from tests.conftest import add_synthetic_image, square_phantom


def recomputed(study):
    """Draw the reading lists of a closed study again, from what its export holds."""
    truths = StimulusTruth.objects.filter(stimulus__study=study).order_by("stimulus__number")
    rows = truths.values_list("stimulus__number", "origin", "entity", "generator")
    seed = randomisation_seed(study.protocol_sha256, study.truth_sha256, study.nonce)
    design = ListDesign.from_json(study.protocol["lists"])
    return draw_lists(design, [Item(*row) for row in rows], [], seed)


def read_by(rater):
    """Return what a rater is shown, as (occasion, number, kind), in order."""
    trials = Trial.objects.filter(session__rater=rater).order_by("session__occasion", "position")
    return list(trials.values_list("session__occasion", "stimulus__number", "kind"))


@pytest.fixture
def rich(sealed_with):
    """Return a sealed study of two occasions with blocks, repeats and a share for each rater."""
    return sealed_with(
        slug="rich",
        images_per_cell=3,
        seed=7,
        raters_at_most=4,
        readings_per_image=2,
        occasions=2,
        washout_days=3,
        repeats_percent=10,
        block_size=7,
        run_of_origin=3,
        run_of_entity=2,
    )


def test_every_order_can_be_recomputed_from_what_is_sealed(rich):
    raters = [invite_rater(rich).rater for _ in range(3)]

    plans = recomputed(rich)

    for number, rater in enumerate(raters):
        assert read_by(rater) == [
            (plan.occasion, showing.number, showing.kind)
            for plan in plans
            if plan.number == number
            for showing in plan.showings
        ]


def test_raters_share_the_images_as_designed(rich):
    raters = [invite_rater(rich).rater for _ in range(4)]
    truths = dict(
        StimulusTruth.objects.filter(stimulus__study=rich).values_list("stimulus__number", "origin")
    )

    first = [
        [number for occasion, number, kind in read_by(rater) if (occasion, kind) == (1, "first")]
        for rater in raters
    ]
    readings = Counter(number for numbers in first for number in numbers)

    assert set(readings.values()) == {2}
    assert [len(numbers) for numbers in first] == [21] * 4
    for numbers in first:
        assert abs(sum(truths[number] == "real" for number in numbers) - 10.5) <= 0.5


def test_a_second_reading_shows_the_same_images_in_another_order_after_the_washout(rich):
    rater = invite_rater(rich, kind=Rater.Kind.SIMULATED).rater
    first, second = rater.sessions.order_by("occasion")
    link = rater.invitations.get().token

    assert not second.is_open
    read_study(first, Skill(), seed=1)
    assert open_invitation(link) == second
    assert not second.is_open
    give_consent(second)
    start_reading(second)
    assert find_session(second.key).started_at is None
    long_ago = timezone.now() - timedelta(days=3)
    Session.objects.filter(pk=first.pk).update(completed_at=long_ago)
    second = find_session(second.key)
    read_study(second, Skill(), seed=2)

    assert rater.sessions.filter(completed_at=None).count() == 0
    orders = [
        [number for occasion, number, kind in read_by(rater) if (occasion, kind) == (k, "first")]
        for k in (1, 2)
    ]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_repeats_are_marked_in_the_table(rich):
    rater = invite_rater(rich, kind=Rater.Kind.SIMULATED).rater
    read_study(rater.sessions.get(occasion=1), Skill(), seed=1)
    close_study(rich, reason="one reading is enough")

    table = unblinded_table("rich")
    repeats = [row for row in table if row["repeat"]]

    assert len(table) == 23
    assert len(repeats) == 2
    for repeat in repeats:
        assert any(row["image"] == repeat["image"] and not row["repeat"] for row in table)


def test_no_more_raters_can_be_invited_than_lists_were_sealed(rich):
    for _ in range(4):
        invite_rater(rich)

    with pytest.raises(StudyNotOpen, match="sealed for 4 raters, and all are invited"):
        invite_rater(rich)


def test_several_generators_are_each_balanced_and_half_of_all_images_is_real(draft_with):
    for entity in ENTITIES:
        add_synthetic_image(
            pixels=square_phantom(entity, 2000),
            name=f"other-{entity}",
            entity=entity,
            generator="other",
        )

    study = draft_with(generators=["made", "other"])
    cells = Counter(study.drawn.values_list("image__entity", "image__generator"))

    for entity in ENTITIES:
        assert [cells[entity, arm] for arm in ("", "made", "other")] == [2, 1, 1]


@pytest.fixture
def obvious(db):
    """Put obvious cases by another generator into the catalogue."""
    return [
        add_synthetic_image(
            pixels=square_phantom(entity, 3000),
            name=f"obvious-{entity}",
            entity=entity,
            generator="obvious",
        )
        for entity in ENTITIES
    ]


@pytest.fixture
def checked(sealed_with, obvious):
    """Return a sealed study with practice images and attention checks."""
    return sealed_with(
        slug="checked",
        images_per_cell=2,
        practice_images=5,
        checks=4,
        checks_from="obvious",
        checks_needed=3,
        block_size=10,
    )


def test_practice_comes_first_and_checks_among_the_others(checked):
    kinds = [kind for _, _, kind in read_by(invite_rater(checked).rater)]
    truths = StimulusTruth.objects.filter(stimulus__study=checked)
    uses = Counter(truths.values_list("use", "origin"))

    assert kinds[:5] == ["practice"] * 5
    assert Counter(kinds[5:]) == {"first": 28, "check": 4}
    assert (uses["practice", "real"], uses["practice", "synthetic"]) == (3, 2)
    assert uses["check", "synthetic"] == 4
    told = checked.stimuli.filter(feedback__isnull=False)
    assert {stimulus.truth.use for stimulus in told} == {"practice", "check"}


def test_raters_who_fail_the_checks_are_marked_by_the_sealed_rule(checked):
    for number, sensitivity in enumerate((50.0, -50.0)):
        session = invite_rater(checked, kind=Rater.Kind.SIMULATED).rater.sessions.get()
        read_study(session, Skill(sensitivity=sensitivity), seed=number)
    close_study(checked)

    table = unblinded_table("checked")
    excluded = {row["rater"]: row["excluded"] for row in table}
    good, bad = checked.raters.order_by("reading_list").values_list("code", flat=True)

    assert excluded == {good: False, bad: True}
    assert Counter((row["check"], row["practice"]) for row in table) == {
        (False, False): 56,
        (True, False): 8,
        (False, True): 10,
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"generators": []}, "no generator is named"),
        ({"generators": ["made", "made"]}, "a generator is named twice"),
        ({"generators": ["dalle"]}, "'dalle' has made no images; there are images by: made"),
        ({"readings_per_image": 9, "raters_at_most": 5}, "9 raters an image are more than the 5"),
        ({"repeats_percent": 60}, "repeats_percent: .* less than or equal to 25"),
        ({"checks": 2}, "name one"),
        ({"checks": 2, "checks_from": "made"}, "study does not compare; name one"),
        ({"checks": 2, "checks_from": "nobody"}, "too few images for attention checks: 0 of 2"),
        ({"checks_needed": 1}, "1 checks needed are more than the 0"),
        ({"practice_images": 30}, "too few .* images are left to practise on"),
        ({"questions": ["confidence"]}, "ask for one of them; confidence is asked without"),
        ({"questions": ["scale", "origin"]}, "leave those two out"),
        ({"questions": ["mood"]}, "question 'mood' is unknown; use some of entity, origin"),
        ({"run_of_entity": 1, "entities": ["mel"]}, "allow longer runs"),
    ],
)
def test_a_design_that_makes_no_sense_is_refused_before_anything_is_made(
    draft_with, settings, said
):
    with pytest.raises(EvaluationError, match=said):
        draft_with(**settings)

    assert not Study.objects.exists()
