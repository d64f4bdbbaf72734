"""Practice: what raters are told after it, and taking it again."""

from uuid import uuid4

import pytest
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.design.items import Kind
from evaluation.models import Answer, Image
from evaluation.sealing import seal_study
from evaluation.sessions import GivenAnswer, practise_again, record_answer, turn
from evaluation.studies import change_draft
from tests.conftest import begin

GIVEN = GivenAnswer(entity="mel", origin="real", confidence=3, response_ms=900)


@pytest.fixture
def practised(draft):
    """Return the draft with two practice images."""
    return change_draft(draft, {"practice_images": 2})


def answer(session):
    token = turn(session).current.token
    return record_answer(session=session, token=token, key=uuid4(), given=GIVEN)[1]


def test_an_explanation_is_told_after_the_practice_image_and_after_no_other(client, practised):
    Image.objects.update(explanation="The border is painted.")
    session = begin(seal_study(practised, reason="a test"))
    client.cookies["reading"] = session.key

    told = []
    for _ in range(3):
        body = {
            "token": turn(session).current.token,
            "key": str(uuid4()),
            "entity": "mel",
            "origin": "real",
            "confidence": 3,
            "response_ms": 900,
        }
        reply = client.post(reverse("answers"), body, content_type="application/json")
        told.append(reply.json()["feedback"])

    assert told[0].endswith(". The border is painted.")
    assert told[1].endswith(". The border is painted.")
    assert told[2] is None


def test_practice_can_be_taken_again_and_again_until_the_study_begins(practised):
    session = begin(seal_study(practised, reason="a test"))
    first = [trial.stimulus_id for trial in session.trials.filter(kind=Kind.PRACTICE)]

    for _ in range(2):
        answer(session), answer(session)
        assert not turn(session).practice
        practise_again(session)
        standing = turn(session)
        assert (standing.practice, standing.answered, standing.total) == (True, 0, 2)
    answer(session)
    assert turn(session).answered == 1
    answer(session)

    rounds = session.trials.filter(kind=Kind.PRACTICE).order_by("position")
    assert [trial.stimulus_id for trial in rounds] == first * 3
    assert len({trial.token for trial in rounds}) == 6
    standing = answer(session)
    assert (standing.practice, standing.answered, standing.total) == (False, 1, 28)
    assert Answer.objects.count() == 7


def test_practice_is_not_taken_again_while_it_goes_on_or_once_the_study_has_begun(practised):
    session = begin(seal_study(practised, reason="a test"))
    answer(session)
    practise_again(session)
    assert session.trials.filter(kind=Kind.PRACTICE).count() == 2

    answer(session)
    answer(session)
    practise_again(session)
    assert session.trials.filter(kind=Kind.PRACTICE).count() == 2
    assert not turn(session).practice


def test_the_page_may_ask_for_the_practice_once_more(client, practised):
    session = begin(seal_study(practised, reason="a test"))
    client.cookies["reading"] = session.key
    answer(session)
    answer(session)

    again = client.post(reverse("practice"), {}, content_type="application/json").json()

    assert (again["practice"], again["answered"], again["total"]) == (True, 0, 2)
    assert client.get(again["images"][0]).status_code == 200


def test_a_coordinator_writes_the_explanation_and_changes_nothing_else(client, practised):
    client.login(username="coordinator", password=create_account("coordinator"))
    image = Image.objects.filter(drawn_for__use="practice").first()
    address = reverse("admin:evaluation_image_change", args=[image.pk])
    study = reverse("admin:evaluation_study_change", args=[practised.pk])

    assert address in client.get(study).content.decode()
    client.post(address, {"explanation": "Hairs end in nothing.", "entity": "nv", "name": "x"})

    changed = Image.objects.get(pk=image.pk)
    assert changed.explanation == "Hairs end in nothing."
    assert (changed.entity, changed.name) == (image.entity, image.name)
