"""The demonstration's class: opened once, partly learnt, and found from the front page."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from config.demonstration_class import CLASS, ensure_class
from evaluation.accounts import create_account
from evaluation.closing import close_study
from evaluation.invitations import invite_rater
from evaluation.lessons import shown_in, standing_of, total
from evaluation.models import Rater, Session, Study
from evaluation.simulated import Skill, read_study


@pytest.fixture
def link(sealed):
    """Return the link to a class of what a closed study showed to simulated raters."""
    for seed in (1, 2):  # the learners' seeds, too
        invitation = invite_rater(sealed, kind=Rater.Kind.SIMULATED)
        read_study(invitation.rater.sessions.get(), Skill(), seed=seed)
    create_account("anna")
    example = close_study(sealed, reason="a test")
    return ensure_class(example, User.objects.get(username="anna"))


def test_a_photograph_and_an_ai_image_of_each_diagnosis_are_taught_to_two_learners(link, sealed):
    study = Study.objects.get(slug=CLASS)
    cases = [
        (case.image.entity, case.image.origin, bool(case.features))
        for case in study.collection.cases.select_related("image")
    ]
    first, second = Session.objects.filter(rater__study=study).order_by("rater__reading_list")

    assert sorted(cases) == sorted(
        (entity, origin, True) for entity in sealed.entities for origin in ("real", "synthetic")
    )
    assert first.completed_at
    assert standing_of(first)[1] == 14
    assert not second.completed_at
    assert standing_of(second)[0] == 24
    assert 0 < total(shown_in(study, second)).first_right < 14
    assert ensure_class(sealed, User.objects.get(username="anna")) == link


def test_only_the_front_page_of_a_demonstration_leads_to_the_class(link, client, settings):
    way_in = reverse("open_link", args=[link.token])
    assert way_in not in client.get("/").content.decode()

    settings.DEMONSTRATION = True

    assert way_in in client.get("/").content.decode()
    joined = client.post(way_in, follow=True)
    assert joined.context["study"].slug == CLASS
