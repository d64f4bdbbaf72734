"""What a rater's browser receives, over HTTP."""

import struct
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluation.invitations import invite_rater, make_open_link
from evaluation.models import Answer, StimulusTruth
from evaluation.sessions import turn

GIVEN = {"entity": "nv", "origin": "real", "confidence": 2, "response_ms": 1500}


@pytest.fixture
def rater(client, invitation):
    """Return a browser whose rater has begun to read."""
    client.get(reverse("invitation", args=[invitation.token]))
    client.post(reverse("consent"), {"agree": "yes"})
    client.post(reverse("start"))
    return client


@pytest.fixture
def session(invitation):
    return invitation.rater.sessions.get()


def submit(client, session, **changes):
    body = {"token": turn(session).current.token, "key": str(uuid4()), **GIVEN, **changes}
    return client.post(reverse("answers"), body, content_type="application/json")


def test_the_link_leads_over_consent_and_instructions_to_the_first_image(client, invitation):
    landed = client.get(reverse("invitation", args=[invitation.token]), follow=True)
    assert landed.redirect_chain == [(reverse("reading"), 302)]
    assert "evaluation/consent.html" in [t.name for t in landed.templates]

    for step, fields, template in (
        ("consent", {"agree": "yes"}, "about"),
        ("about", {"role": "resident", "years_dermatology": 3, "screen": ""}, "device"),
        (
            "device",
            {"steps_seen": 7, "bright": "on", "measured": '{"touch":false}'},
            "instructions",
        ),
    ):
        shown = client.post(reverse(step), fields, follow=True)
        assert f"evaluation/{template}.html" in [t.name for t in shown.templates]

    begun = client.post(reverse("start"), follow=True)
    assert "evaluation/reading.html" in [t.name for t in begun.templates]
    rater = invitation.rater
    rater.refresh_from_db()
    assert rater.about == {"role": "resident", "years_dermatology": 3}
    assert rater.sessions.get().device == {
        "steps_seen": 7,
        "bright": True,
        "unfiltered": False,
        "measured": {"touch": False},
    }


def test_raters_learn_how_long_it_takes_from_those_who_have_finished(rater, session):
    page = reverse("invitation", args=[invite_rater(session.rater.study).token])
    visitor = Client()
    before = visitor.get(page, follow=True).content.decode()
    for _ in range(28):
        submit(rater, session, response_ms=30_000)
    after = visitor.get(page, follow=True).content.decode()

    assert "about 5 minutes" in before  # 28 images at 10 s
    assert "about 14 minutes" in after


@pytest.mark.parametrize(
    ("told", "words"), [(True, "half were made by AI"), (False, "some were made by AI")]
)
def test_all_raters_are_told_the_share_in_the_same_words_or_none(client, sealed_with, told, words):
    study = sealed_with(tell_share=told)
    pages = [
        client.get(reverse("invitation", args=[invite_rater(study).token]), follow=True)
        for _ in range(2)
    ]

    assert study.protocol["tell_share"] is told
    assert all(words in page.content.decode() for page in pages)


def test_diagnoses_stand_in_an_order_of_each_raters_own_where_the_study_says_so(sealed_with):
    study = sealed_with(shuffle_entities=True)
    orders = []
    for _ in range(4):
        browser = Client()
        browser.get(reverse("invitation", args=[invite_rater(study).token]))
        for step, fields in (("consent", {"agree": "yes"}), ("start", {})):
            browser.post(reverse(step), fields)
        for _ in range(2):  # after a reload, too
            entity = browser.get(reverse("reading")).context["questions"][0]
            assert [option.key for option in entity.options] == list("1234567")
            orders.append([option.value for option in entity.options])

    assert all(sorted(order) == sorted(study.entities) for order in orders)
    assert orders[::2] == orders[1::2]
    assert len({tuple(order) for order in orders}) > 1


def test_who_declines_is_thanked_and_may_change_their_mind(client, invitation, session):
    client.get(reverse("invitation", args=[invitation.token]))

    declined = client.post(reverse("consent"), {"agree": "no"})
    session.refresh_from_db()
    assert session.declined_at is not None
    assert session.consented_at is None
    again = client.get(reverse("invitation", args=[invitation.token]), follow=True)

    assert "evaluation/declined.html" in [t.name for t in declined.templates]
    assert "evaluation/consent.html" in [t.name for t in again.templates]


@pytest.mark.parametrize(
    ("step", "fields", "said"),
    [
        ("about", {"years_dermatology": "many"}, "Enter a whole number."),
        ("about", {"role": "emperor"}, "emperor is not one of the available choices."),
        ("device", {"steps_seen": 12}, None),
    ],
)
def test_what_makes_no_sense_about_rater_or_screen_is_asked_again(
    client, invitation, session, step, fields, said
):
    client.get(reverse("invitation", args=[invitation.token]))
    client.post(reverse("consent"), {"agree": "yes"})

    response = client.post(reverse(step), fields)

    assert response.status_code == 422
    assert said is None or said in response.content.decode()
    session.refresh_from_db()
    assert (session.rater.about, session.device) == (None, None)


def test_consent_without_the_box_ticked_is_asked_for_again(client, invitation, session):
    client.get(reverse("invitation", args=[invitation.token]))

    response = client.post(reverse("consent"))

    assert response.status_code == 422
    session.refresh_from_db()
    assert session.consented_at is None


@pytest.mark.parametrize("path", ["/reading/", "/r/nonsense"])
def test_without_a_valid_link_there_is_a_plain_word_and_no_image(client, db, path):
    response = client.get(path)

    assert response.status_code == 403
    assert "evaluation/no_way_in.html" in [t.name for t in response.templates]


def test_an_answer_brings_the_next_turn(rater, session):
    response = submit(rater, session)

    assert response.status_code == 201
    assert response.json()["answered"] == 1
    assert response.json()["token"] == turn(session).current.token


@pytest.mark.parametrize(
    "wrong",
    [
        {"entity": "wart"},
        {"origin": "fake"},
        {"confidence": 6},
        {"confidence": 0},
        {"response_ms": 0},
        {"key": "1"},
        {"timing": {"x": "y" * 2000}},
    ],
)
def test_an_answer_that_the_study_does_not_ask_for_is_refused(rater, session, wrong):
    response = submit(rater, session, **wrong)

    assert response.status_code == 400
    assert list(response.json()) == list(wrong)
    assert not Answer.objects.exists()


def test_an_answer_from_another_tab_gives_409_and_the_current_turn(rater, session):
    token = turn(session).current.token
    submit(rater, session)

    response = submit(rater, session, token=token)

    assert response.status_code == 409
    assert response.json()["turn"]["answered"] == 1


def test_only_the_window_that_was_opened_last_answers_and_a_retry_is_still_known(rater, session):
    first, second = (rater.get(reverse("reading")).context["window"] for _ in range(2))
    key, token = str(uuid4()), turn(session).current.token

    refused = submit(rater, session, window=first)
    taken = submit(rater, session, window=second, key=key)
    again = submit(rater, session, window=first, key=key, token=token)

    assert (refused.status_code, refused.json()["turn"]) == (409, None)
    assert (taken.status_code, again.status_code) == (201, 201)
    assert Answer.objects.count() == 1


def test_what_is_said_at_the_end_is_asked_after_the_last_image_only_and_once(rater, session):
    words = {"ai_percent": "40", "gave_away": ""}
    rater.post(reverse("ending"), words)
    session.refresh_from_db()
    assert session.debrief is None
    while turn(session).current:
        submit(rater, session)

    wrong = rater.post(reverse("ending"), {"ai_percent": "140"})
    rater.post(reverse("ending"), words)
    rater.post(reverse("ending"), {"ai_percent": "90"})

    assert (wrong.status_code, b"100" in wrong.content) == (422, True)
    session.refresh_from_db()
    assert session.debrief == {"ai_percent": 40}


def test_the_api_refuses_strangers_and_missing_csrf(client, rater, session, invitation):
    stranger = Client()
    forged = Client(enforce_csrf_checks=True)
    forged.get(reverse("invitation", args=[invitation.token]))

    assert submit(stranger, session).status_code == 401
    assert submit(forged, session).status_code == 403
    assert not Answer.objects.exists()


def test_stimuli_differ_in_nothing_but_their_pixels(rater, session):
    truths = dict(StimulusTruth.objects.values_list("stimulus", "origin"))
    seen = []
    while trial := turn(session).current:
        response = rater.get(reverse("stimulus", args=[trial.token]))
        headers = {name: value for name, value in response.headers.items() if name != "Date"}
        seen.append((truths[trial.stimulus_id], headers, response.content))
        submit(rater, session)

    assert {origin for origin, _, _ in seen} == {"real", "synthetic"}
    assert len({str(headers) for _, headers, _ in seen}) == 1
    assert len({len(content) for _, _, content in seen}) == 1
    for _, headers, content in seen:
        assert not {"ETag", "Last-Modified", "Accept-Ranges"} & set(headers)
        assert headers["Cache-Control"] == "private, no-store"
        assert chunks(content) == ["IHDR", "IDAT", "IEND"]
    assert len({content for _, _, content in seen}) == 28


def chunks(png):
    """Return the names of a PNG's chunks, runs of the same name as one."""
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name = png[at + 4 : at + 8].decode()
        if names[-1:] != [name]:
            names.append(name)
        at += 12 + length
    return names


def test_nothing_that_a_rater_receives_names_the_truth(rater, session, sealed):
    received = []
    while trial := turn(session).current:
        for path in (reverse("reading"), reverse("stimulus", args=[trial.token])):
            response = rater.get(path)
            received.append(str(response.headers).encode() + response.content)
        received.append(submit(rater, session).content)
    everything = b"".join(received)

    for truth in StimulusTruth.objects.select_related("image"):
        for secret in (truth.image.name, truth.image.sha256, truth.image.file.name, truth.salt):
            assert secret.encode() not in everything
    assert sealed.nonce.encode() not in everything


def test_the_page_of_one_trial_is_that_of_another_but_for_tokens_and_count(rater, session):
    pages = []
    for _ in range(4):
        trial, following = turn(session).current, turn(session).following
        shown = rater.get(reverse("reading"))
        page = shown.content.decode()
        csrf = page.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
        for word in (trial.token, following.token, csrf, shown.context["window"]):
            page = page.replace(word, "…")
        pages.append(page.replace(f'"answered": {trial.position - 1}', "…"))
        submit(rater, session)

    assert len(set(pages)) == 1


def test_ranges_and_conditional_requests_get_the_whole_stimulus(rater, session):
    path = reverse("stimulus", args=[turn(session).current.token])
    whole = rater.get(path).content

    for header in ({"Range": "bytes=0-9"}, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}):
        response = rater.get(path, headers=header)
        assert response.status_code == 200
        assert response.content == whole


def test_every_page_forbids_foreign_sources(rater):
    policy = rater.get(reverse("reading")).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_looking_at_an_open_link_makes_no_rater_and_pressing_the_button_one(client, sealed):
    link = make_open_link(sealed, cap=1)
    address = reverse("open_link", args=[link.token])

    assert "evaluation/join.html" in [t.name for t in client.get(address).templates]
    assert not sealed.raters.exists()
    joined = client.post(address, follow=True)

    assert "evaluation/consent.html" in [t.name for t in joined.templates]
    assert sealed.raters.get().came_by == link
    full = client.post(address)
    assert full.status_code == 403
    assert "All places are taken" in full.content.decode()


def test_an_answer_and_the_next_image_take_at_most_twelve_queries(rater, session):
    submit(rater, session)
    token = turn(session).current.token
    body = {"token": token, "key": str(uuid4()), **GIVEN}

    with CaptureQueriesContext(connection) as captured:
        following = rater.post(reverse("answers"), body, content_type="application/json").json()
        rater.get(following["images"][0])

    # Savepoints come from the test's own transaction.
    queries = [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]
    assert following["answered"] == 2
    assert any("INSERT INTO evaluation_answer" in query for query in queries)
    assert len(queries) <= 12, "\n".join(queries)
