"""Letters to raters."""

import pytest
from django.core import mail
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.errors import EvaluationError
from evaluation.invitations import invite_rater, reissue_link
from evaluation.letters import (
    invitation_letter,
    reminder_letter,
    send_invitations,
    send_reminders,
)
from evaluation.models import Session

SITE = "https://reading.example.org"


@pytest.fixture
def mail_server(settings):
    settings.EMAIL_HOST = "mail.example.org"


def test_each_rater_with_an_address_gets_one_letter_with_their_own_link(sealed, mail_server):
    links = [invite_rater(sealed, label=name) for name in ("a@example.org", "b@example.org")]
    invite_rater(sealed, label="Dr C, by hand")

    assert send_invitations(sealed, site=SITE) == 2
    assert send_invitations(sealed, site=SITE) == 0

    assert [letter.to for letter in mail.outbox] == [["a@example.org"], ["b@example.org"]]
    for letter, link in zip(mail.outbox, links, strict=True):
        assert f"{SITE}/r/{link.token}" in letter.body
    assert links[0].token not in mail.outbox[1].body
    assert sealed.events.filter(act="send_invitation").count() == 2


def test_only_those_who_have_not_finished_are_reminded(sealed, mail_server):
    done, slow = (invite_rater(sealed, label=f"{name}@example.org") for name in ("done", "slow"))
    send_invitations(sealed, site=SITE)
    mail.outbox.clear()
    Session.objects.filter(rater=done.rater).update(completed_at=done.created_at)

    assert send_reminders(sealed, site=SITE) == 1

    assert mail.outbox[0].to == ["slow@example.org"]
    assert slow.token in mail.outbox[0].body


def test_a_new_link_is_sent_again(sealed, mail_server):
    rater = invite_rater(sealed, label="a@example.org").rater
    send_invitations(sealed, site=SITE)
    newer = reissue_link(rater)

    assert send_invitations(sealed, site=SITE) == 1

    assert newer.token in mail.outbox[1].body


def test_without_a_mail_server_nothing_is_sent_and_the_mend_is_said(sealed):
    invite_rater(sealed, label="a@example.org")

    with pytest.raises(EvaluationError, match="set DERMTURING_SMTP, or copy the letter"):
        send_invitations(sealed, site=SITE)

    assert mail.outbox == []


def test_a_server_that_refuses_is_named_and_what_went_out_stays_sent(sealed, mail_server, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    invite_rater(sealed, label="a@example.org")

    with pytest.raises(EvaluationError, match=r"did not take the letter to a@example\.org"):
        send_invitations(sealed, site=SITE)


def test_letters_tell_the_end_and_whom_to_ask_and_nothing_of_the_truth(sealed):
    for make in (invitation_letter, reminder_letter):
        letter = make(sealed, "LINK")

        assert "LINK" in letter.body
        assert sealed.title in letter.subject
        assert "synthetic" not in letter.body


def test_a_coordinator_sends_letters_from_the_studys_page(client, sealed, mail_server):
    client.login(username="anna", password=create_account("anna"))
    invite_rater(sealed, label="a@example.org")

    page = client.post(
        reverse("admin:evaluation_study_send", args=[sealed.pk]), follow=True
    ).content.decode()

    assert "1 invitation is sent." in page
    assert "Letters to copy" in page
    assert "http://testserver/r/" in mail.outbox[0].body
