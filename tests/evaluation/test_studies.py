"""Studies: drawing, sealing, inviting, closing."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.errors import (
    EvaluationError,
    StillBlinded,
    StudyNotOpen,
    StudySealed,
    TooFewImages,
    UnknownStudy,
)
from evaluation.invitations import invite_rater
from evaluation.models import Rater, StimulusTruth, Study, StudyImage
from evaluation.seal import digest
from evaluation.sealing import seal_study
from evaluation.simulated import Skill, read_study
from evaluation.studies import copy_study, create_study, get_study, redraw


def drawn(study):
    return set(study.drawn.values_list("image__sha256", flat=True))


def test_every_entity_and_origin_gets_its_number_of_images(draft):
    cells = Counter(draft.drawn.values_list("image__entity", "image__origin"))

    assert len(cells) == 14
    assert set(cells.values()) == {2}


def test_the_same_seed_draws_the_same_images_and_another_seed_others(draft):
    first = drawn(draft)

    redraw(draft)
    again = drawn(draft)
    draft.seed = 8
    redraw(draft)

    assert again == first
    assert drawn(draft) != first


def test_a_draw_that_cannot_be_filled_names_each_cell_and_leaves_nothing(draft):
    with pytest.raises(TooFewImages) as failure:
        create_study(
            slug="second",
            title="Second",
            dataset=draft.dataset,
            generators=["made"],
            images_per_cell=3,
            entities=["mel", "nv"],
        )

    assert "mel by made 1 of 3" in str(failure.value)
    assert "nv real 2 of 3" in str(failure.value)
    assert not Study.objects.filter(slug="second").exists()


def test_two_studies_share_no_image(draft):
    other = create_study(
        slug="second", title="Second", dataset=draft.dataset, generators=["made"], images_per_cell=1
    )

    assert not drawn(draft) & drawn(other)


def test_a_name_that_is_taken_is_refused(draft):
    with pytest.raises(EvaluationError, match="'pilot' exists already"):
        create_study(slug="pilot", title="x", dataset=draft.dataset, generators=["made"])


def test_an_unknown_study_is_named_with_those_that_exist(draft):
    with pytest.raises(UnknownStudy, match="'pilto' does not exist; there are: pilot"):
        get_study("pilto")


def test_sealing_writes_a_protocol_that_tells_no_origin(sealed):
    text = str(sealed.protocol)

    assert digest(sealed.protocol) == sealed.protocol_sha256
    assert len(sealed.protocol["stimuli"]) == 28
    for truth in StimulusTruth.objects.filter(stimulus__study=sealed).select_related("image"):
        assert truth.image.sha256 not in text
        assert truth.image.name not in text
    assert "synthetic" not in text


def test_a_sealed_study_cannot_be_redrawn_or_sealed_again(sealed):
    with pytest.raises(StudySealed):
        redraw(sealed)
    with pytest.raises(StudySealed):
        seal_study(sealed, reason="a test")


@pytest.mark.parametrize(
    "change",
    [
        lambda study: Study.objects.filter(pk=study.pk).update(images_per_cell=3),
        lambda study: Study.objects.filter(pk=study.pk).update(seed=99),
        lambda study: Study.objects.filter(pk=study.pk).update(protocol={}),
        lambda study: Study.objects.filter(pk=study.pk).update(entities=["mel"]),
        lambda study: Study.objects.filter(pk=study.pk).update(sealed_at=None, protocol=None),
        lambda study: StudyImage.objects.filter(study=study).first().delete(),
        lambda study: StudyImage.objects.filter(study=study).update(study=study),
        lambda study: study.stimuli.all().update(sha256="0" * 64),
        lambda study: study.reading_lists.update(showings=[]),
        lambda study: study.reading_lists.first().delete(),
        lambda study: StimulusTruth.objects.filter(stimulus__study=study).update(origin="real"),
        lambda study: StimulusTruth.objects.filter(stimulus__study=study)._raw_delete("default"),
    ],
)
def test_the_database_itself_refuses_to_change_what_is_sealed(sealed, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        change(sealed)


def test_raters_have_orders_and_addresses_of_their_own(sealed):
    one, other = (invite_rater(sealed).rater.sessions.get() for _ in range(2))

    def column(session, name):
        return list(session.trials.order_by("position").values_list(name, flat=True))

    assert column(one, "stimulus") != column(other, "stimulus")
    assert not set(column(one, "token")) & set(column(other, "token"))


def test_nobody_can_be_invited_to_a_draft(draft):
    with pytest.raises(StudyNotOpen, match="is draft"):
        invite_rater(draft)


def test_closing_with_unfinished_raters_needs_a_reason(sealed):
    invite_rater(sealed)

    with pytest.raises(EvaluationError, match="not finished: 1"):
        close_study(sealed)
    closed = close_study(sealed, reason="the rater fell ill")

    assert closed.state == Study.State.CLOSED
    assert closed.events.get(act="close_study").detail["reason"] == "the rater fell ill"


def test_the_table_stays_shut_until_the_study_is_closed(sealed):
    invitation = invite_rater(sealed, kind=Rater.Kind.SIMULATED)
    read_study(invitation.rater.sessions.get(), Skill(), seed=1)

    with pytest.raises(StillBlinded):
        unblinded_table("pilot")
    close_study(sealed)
    table = unblinded_table("pilot")

    assert len(table) == 28
    assert Counter(row["origin"] for row in table) == {"real": 14, "synthetic": 14}
    for row in table:
        assert (row["rating"] > 5) == (row["answered_origin"] == "synthetic")
        assert (row["generator"] == "made") == (row["origin"] == "synthetic")


def test_a_copy_has_the_same_design_and_images_of_its_own(sealed_with):
    study = sealed_with(
        questions=["scale", "quality"],
        run_of_origin=5,
        closes_at=timezone.now() + timedelta(days=1),
    )

    copy = copy_study(study, slug="second")

    assert copy.state == Study.State.DRAFT
    for name in ("title", "questions", "run_of_origin", "images_per_cell", "generators", "seed"):
        assert getattr(copy, name) == getattr(study, name)
    assert (copy.closes_at, copy.protocol) == (None, None)
    assert not drawn(study) & drawn(copy)
    with pytest.raises(EvaluationError, match="exists already"):
        copy_study(study, slug="second")
