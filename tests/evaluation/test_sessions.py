"""Sessions: links, consent, turns, and answers that are stored exactly once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.entering import (
    give_consent,
    open_invitation,
    start_reading,
)
from evaluation.errors import AnswerConflict, EvaluationError, InvitationInvalid, StudyNotOpen
from evaluation.invitations import invite_rater, join, make_open_link, reissue_link
from evaluation.models import Answer, Invitation
from evaluation.sessions import (
    GivenAnswer,
    postpone,
    record_answer,
    stimulus_bytes,
    turn,
)
from evaluation.studies import move_end
from tests.conftest import begin

GIVEN = GivenAnswer(
    response_ms=2100,
    entity="mel",
    origin="synthetic",
    confidence=4,
    timing={"method": "element"},
)
OTHER = GivenAnswer(response_ms=900, entity="nv", origin="real", confidence=1)


@pytest.fixture
def session(invitation):
    """Return a session that has begun."""
    session = open_invitation(invitation.token)
    give_consent(session)
    start_reading(session)
    return session


def answer(session, key=None, given=GIVEN, token=None):
    return record_answer(
        session=session, token=token or turn(session).current.token, key=key or uuid4(), given=given
    )[0]


def test_an_unknown_a_revoked_and_an_expired_link_are_told_apart(sealed, invitation):
    expired = invite_rater(sealed, expires_at=timezone.now() - timedelta(hours=1))
    reissue_link(invitation.rater)

    reasons = []
    for token in ("nonsense", invitation.token, expired.token):
        with pytest.raises(InvitationInvalid) as failure:
            open_invitation(token)
        reasons.append(failure.value.reason)

    assert reasons == ["unknown", "revoked", "expired"]


def test_a_new_link_goes_on_where_the_old_one_stopped(session, invitation):
    answer(session)

    again = open_invitation(reissue_link(invitation.rater).token)

    assert turn(again).answered == 1


def test_reading_needs_consent_even_for_the_database(invitation):
    session = open_invitation(invitation.token)

    start_reading(session)
    session.refresh_from_db()

    assert session.started_at is None
    with pytest.raises(StudyNotOpen):
        answer(session)
    session.started_at = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        session.save()


def test_the_turn_moves_along_the_stored_order(session):
    stored = list(session.trials.order_by("position").values_list("token", flat=True))

    met = []
    while turn(session).current:
        met.append(turn(session).current.token)
        answer(session)
    session.refresh_from_db()

    assert met == stored
    assert session.completed_at is not None


def test_a_retry_with_the_same_key_returns_the_stored_answer(session):
    key, token = uuid4(), turn(session).current.token

    first = answer(session, key, token=token)
    second = answer(session, key, token=token)

    assert first.pk == second.pk
    assert Answer.objects.count() == 1


def test_a_second_tab_cannot_overwrite_an_answer(session):
    key, token = uuid4(), turn(session).current.token
    answer(session, key, token=token)

    for other_key, given in ((uuid4(), GIVEN), (key, OTHER)):
        with pytest.raises(AnswerConflict):
            answer(session, other_key, given, token)

    assert Answer.objects.get().entity == "mel"


def correct(session, token, given=OTHER):
    return record_answer(session=session, token=token, key=uuid4(), given=given, correction=True)[0]


@pytest.fixture
def correctable(sealed_with):
    """Return a session that has begun, of a study in which the last answer may be corrected."""
    return begin(sealed_with(slug="correctable", corrections=True))


def test_the_last_answer_can_be_corrected_and_both_are_kept(correctable):
    token = turn(correctable).current.token
    answer(correctable)

    corrected = correct(correctable, token)

    assert turn(correctable).answered == 1
    assert corrected.version == 2
    assert list(Answer.objects.order_by("version").values_list("entity", flat=True)) == [
        "mel",
        "nv",
    ]
    close_study(correctable.rater.study, reason="enough")
    assert [row["answered_entity"] for row in unblinded_table("correctable")] == ["nv"]


def test_only_the_last_answer_can_be_corrected_and_only_where_it_is_meant(correctable):
    first = turn(correctable).current.token
    answer(correctable)
    second = turn(correctable).current.token

    for act in (
        lambda: answer(correctable, given=OTHER, token=first),  # another tab, not a correction
        lambda: correct(correctable, turn(correctable).following.token),
    ):
        with pytest.raises(AnswerConflict):
            act()
    answer(correctable, token=second)
    with pytest.raises(AnswerConflict):
        correct(correctable, first)

    assert Answer.objects.count() == 2


def test_nothing_can_be_corrected_unless_the_study_allows_it(session):
    token = turn(session).current.token
    answer(session)

    with pytest.raises(AnswerConflict):
        correct(session, token)


def test_a_later_image_cannot_be_answered_before_its_turn(session):
    with pytest.raises(AnswerConflict):
        answer(session, token=turn(session).following.token)


def test_another_raters_image_cannot_be_answered(sealed, session):
    stranger = invite_rater(sealed).rater.sessions.get()

    with pytest.raises(AnswerConflict):
        answer(session, token=turn(stranger).current.token)


def test_a_closed_study_takes_no_answer(sealed, session):
    close_study(sealed, reason="enough")

    with pytest.raises(StudyNotOpen):
        answer(session)


def test_answers_can_be_neither_changed_nor_deleted(session):
    stored = answer(session)

    for change in (
        lambda: Answer.objects.filter(pk=stored.pk).update(origin="real"),
        lambda: Answer.objects.filter(pk=stored.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_only_the_current_and_the_next_stimulus_are_handed_out(sealed, session):
    tokens = list(session.trials.order_by("position").values_list("token", flat=True))
    stranger = invite_rater(sealed).rater.sessions.get()

    handed = [stimulus_bytes(session.key, token) is not None for token in tokens]

    assert handed == [True, True] + [False] * 26
    assert stimulus_bytes(session.key, turn(stranger).current.token) is None


@pytest.mark.django_db(transaction=True)
def test_many_submits_at_once_leave_one_answer(session):
    key, token = uuid4(), turn(session).current.token

    def submit(number):
        try:
            # Half of them retry one answer, half of them come from other tabs.
            return answer(session, key if number % 2 else uuid4(), token=token).key
        except AnswerConflict:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(submit, range(32)))

    stored = Answer.objects.get()
    assert set(results) <= {stored.key, None}
    assert stored.key in results


def test_a_link_holds_at_least_128_random_bits(invitation):
    assert len(invitation.token) >= 22
    assert Invitation.objects.values("token").distinct().count() == Invitation.objects.count()


def study_between(sealed_with, opens, closes):
    now = timezone.now()
    return begin(sealed_with(opens_at=now + opens, closes_at=now + closes))


def test_nobody_reads_before_the_opening(sealed_with):
    session = study_between(sealed_with, timedelta(days=1), timedelta(days=2))

    assert session.started_at is None
    with pytest.raises(StudyNotOpen):
        answer(session)


def test_no_answer_is_taken_after_the_end_until_it_is_moved(sealed_with):
    session = study_between(sealed_with, timedelta(days=-2), timedelta(days=1))
    study = move_end(session.rater.study, timezone.now() - timedelta(minutes=1))

    with pytest.raises(StudyNotOpen):
        answer(session)
    move_end(study, None)

    assert answer(session).version == 1
    assert study.events.filter(act="move_end").count() == 2


def test_an_end_before_the_opening_is_refused(sealed_with):
    session = study_between(sealed_with, timedelta(days=1), timedelta(days=2))

    with pytest.raises(EvaluationError, match="end before it opens"):
        move_end(session.rater.study, timezone.now())


def test_an_open_link_takes_as_many_raters_as_it_allows(sealed):
    link = make_open_link(sealed, cap=2)

    one, other = join(link.token), join(link.token)

    assert one.rater != other.rater
    with pytest.raises(InvitationInvalid) as failure:
        join(link.token)
    assert failure.value.reason == "full"


def test_a_newer_open_link_replaces_the_older_one(sealed):
    older = make_open_link(sealed, cap=2)
    make_open_link(sealed, cap=3)

    with pytest.raises(InvitationInvalid) as failure:
        join(older.token)
    assert failure.value.reason == "revoked"


def test_an_open_link_for_nobody_or_too_many_is_refused(sealed):
    for cap in (0, 51):
        with pytest.raises(EvaluationError, match="choose 1 to 50"):
            make_open_link(sealed, cap=cap)


def test_what_is_put_off_comes_last_and_only_the_current_image_can_be(session):
    first, second, third = session.trials.order_by("position")[:3]

    assert postpone(session, second.token).current == first
    standing = postpone(session, first.token)
    assert (standing.current, standing.following) == (second, third)
    assert (standing.answered, standing.total) == (0, 28)
    postpone(session, second.token)
    seen = []
    while current := turn(session).current:
        answer(session)
        seen.append(current)

    assert seen[-2:] == [first, second]
    assert len(seen) == 28
    assert turn(session).answered == 28
