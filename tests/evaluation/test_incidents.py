"""Raters who leave, and answers given by mistake."""

from uuid import uuid4

import pytest

from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.entering import open_invitation
from evaluation.errors import EvaluationError, InvitationInvalid, StudyNotOpen
from evaluation.incidents import void_answer, withdraw_rater
from evaluation.invitations import invite_rater
from evaluation.models import Rater
from evaluation.sessions import GivenAnswer, record_answer, turn
from evaluation.simulated import Skill, read_study
from tests.conftest import begin

pytestmark = pytest.mark.django_db


def test_a_withdrawn_rater_reads_no_more_and_counts_nowhere(sealed):
    for number in range(2):
        invitation = invite_rater(sealed, kind=Rater.Kind.SIMULATED)
        read_study(invitation.rater.sessions.get(), Skill(), seed=number)
    waiting = invite_rater(sealed)
    gone = sealed.raters.get(reading_list=0)

    with pytest.raises(EvaluationError, match="say why"):
        withdraw_rater(gone, reason="")
    withdraw_rater(gone, reason="asked us to")
    withdraw_rater(waiting.rater, reason="never came")
    with pytest.raises(EvaluationError, match="withdrawn already"):
        withdraw_rater(gone, reason="again")
    close_study(sealed)

    excluded = {row["rater"]: row["excluded"] for row in unblinded_table("pilot")}
    assert excluded == {gone.code: True, sealed.raters.get(reading_list=1).code: False}
    assert sealed.events.filter(act="withdraw_rater").count() == 2
    with pytest.raises(InvitationInvalid):
        open_invitation(waiting.token)
    with pytest.raises(StudyNotOpen, match="its results stand"):
        withdraw_rater(sealed.raters.get(reading_list=1), reason="late")


def test_a_withdrawn_rater_can_give_no_answer(sealed):
    session = invite_rater(sealed, kind=Rater.Kind.SIMULATED).rater.sessions.get()
    withdraw_rater(session.rater, reason="asked us to")

    with pytest.raises(StudyNotOpen):
        read_study(session, Skill(), seed=1)


def test_a_void_answer_is_the_one_that_the_rater_counts_and_counts_nowhere(sealed_with):
    study = sealed_with(slug="slips", practice_images=2, corrections=True)
    session = begin(study)
    answered = []
    for number in range(6):
        trial = turn(session).current
        given = GivenAnswer(response_ms=900, entity="nv", origin="real", confidence=3)
        record_answer(session=session, token=trial.token, key=uuid4(), given=given)
        answered.append(trial.position)
        if number == 3:  # the second image of the study is corrected
            corrected = GivenAnswer(response_ms=400, entity="mel", origin="real", confidence=3)
            record_answer(
                session=session, token=trial.token, key=uuid4(), given=corrected, correction=True
            )

    for number, reason, problem in (
        (3, "", "say why"),
        (0, "slip", "there is no answer 0"),
        (5, "slip", "has given 4 so far"),
    ):
        with pytest.raises(EvaluationError, match=problem):
            void_answer(session, number, reason=reason)
    void_answer(session, 3, reason="pressed the wrong key")
    with pytest.raises(EvaluationError, match="void already: pressed"):
        void_answer(session, 3, reason="again")
    close_study(study, reason="enough")

    excluded = [row["trial"] for row in unblinded_table("slips") if row["excluded"]]
    assert excluded == [answered[2 + 2]]  # the third after two of practice
    event = study.events.get(act="void_answer")
    assert event.detail["reason"] == "pressed the wrong key"
    with pytest.raises(StudyNotOpen, match="its results stand"):
        void_answer(session, 4, reason="late")
