"""What closing tells the raters."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from evaluation.closing import close_study, own_results
from evaluation.invitations import invite_rater
from evaluation.models import Rater
from evaluation.sealing import seal_study
from evaluation.simulated import Skill, read_study


@pytest.fixture
def read(sealed_with):
    """Return a function that seals a study, has it read once, and returns it with the link."""

    def sealed_and_read(**settings):
        study = sealed_with(**settings)
        invitation = invite_rater(study, kind=Rater.Kind.SIMULATED)
        read_study(invitation.rater.sessions.get(), Skill(sensitivity=20), seed=1)
        return study, invitation

    return sealed_and_read


def last_page(client, invitation) -> str:
    link = reverse("invitation", args=[invitation.token])
    return client.get(link, follow=True).content.decode()


def test_raters_see_their_own_results_once_the_study_is_closed_and_not_before(client, read):
    study, invitation = read(tell_results=True, practice_images=2)

    before = last_page(client, invitation)
    close_study(study)
    after = last_page(client, invitation)

    assert "your link shows you your own results" in before
    assert "Your results" not in before
    assert invitation.rater.results is None
    for told in ("Photographs recognised as real", "AI images recognised as AI"):
        assert f"{told}</th><td>7 / 7</td><td>100 %" in after
    assert "Diagnoses named right" in after


def test_raters_of_pairs_are_told_how_many_they_found(client, read):
    study, invitation = read(tell_results=True, pairs=True, questions=["side"])
    close_study(study)

    page = last_page(client, invitation)

    assert "Pairs in which you found the AI image</th><td>7 / 7" in page
    assert "Photographs recognised" not in page


def test_nobody_is_told_where_the_protocol_does_not_say_so(client, read):
    study, invitation = read()
    close_study(study)

    assert "Your results" not in last_page(client, invitation)
    assert Rater.objects.get().results is None
    assert study.protocol["tell_results"] is False


def test_own_results_count_each_question_by_itself():
    row = {"beside": None, "answered_entity": None, "entity": "mel"}

    counted = own_results(
        [
            {**row, "origin": "real", "answered_origin": "real"},
            {**row, "origin": "real", "answered_origin": "synthetic", "answered_entity": "mel"},
            {**row, "origin": "synthetic", "answered_origin": None, "answered_entity": "nv"},
        ]
    )

    assert counted == {"real": [1, 2], "entity": [1, 2]}


def test_a_study_that_is_closed_before_it_opens_says_that_it_is_over(client, draft):
    draft.opens_at = timezone.now() + timedelta(days=3)
    draft.save()
    study = seal_study(draft, reason="a test")
    invitation = invite_rater(study)

    waiting = client.get(reverse("invitation", args=[invitation.token]), follow=True)
    close_study(study, reason="cancelled")
    over = client.get(reverse("reading"))

    assert "evaluation/waiting.html" in [t.name for t in waiting.templates]
    assert over.status_code == 410
