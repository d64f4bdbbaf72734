"""Teaching: what may be taught, what is told and when, and that no study is spoilt by it."""

import csv
from uuid import uuid4

import pytest
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.certificates import subject_of
from evaluation.closing import close_study
from evaluation.dataset import unblinded_table
from evaluation.entering import give_consent, start_reading
from evaluation.errors import EvaluationError, NotForTeaching, StudyNotOpen, Taught, UnknownStudy
from evaluation.lessons import shown_in, summaries, tone_group, total
from evaluation.models import (
    Answer,
    Case,
    Certificate,
    Collection,
    Dataset,
    Image,
    Session,
    Study,
    Trial,
)
from evaluation.sealing import seal_study
from evaluation.studies import change_draft, create_study
from evaluation.teaching import add_cases, open_class
from tests.conftest import begin
from tests.evaluation.test_hiding import as_web

ORIGINS = {"real": "real", "synthetic": "AI-generated"}


@pytest.fixture
def collection(real_images, synthetic_images):
    """Return a collection of four cases: two photographs and two AI images of two diagnoses."""
    Dataset.objects.update(teaching_approved_by="Dr B")
    Image.objects.filter(generator="made").update(teaching_approved_by="Dr B")
    images = [
        Image.objects.filter(entity=entity, origin=origin).first()
        for entity in ("mel", "nv")
        for origin in ("real", "synthetic")
    ]
    made = Collection.objects.create(name="First steps")
    add_cases(made, images)
    made.cases.update(features="An irregular network.")
    return made


@pytest.fixture
def lesson(collection):
    """Return a class of it, each case to be right once."""
    return open_class(collection, slug="class", title="Class", times_right=1)


def enter(study, client) -> Session:
    """Invite a learner who begins, and give their browser the cookie."""
    session = begin(study)
    client.cookies["reading"] = session.key
    return session


def current(session) -> Trial:
    return session.trials.get(answered=False)


def post(client, session, *, right=True, **changes):
    """Answer the current case over HTTP, right or wrong."""
    trial = current(session)
    truth = trial.stimulus.feedback
    entity = truth["entity"] if right else "vasc"
    body = {
        "token": trial.token,
        "key": str(uuid4()),
        "entity": entity,
        "origin": truth["origin"],
        "response_ms": 900,
        **changes,
    }
    return client.post(reverse("answers"), body, content_type="application/json")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"licence": "CC-BY-ND-4.0"}, "its licence, 'CC-BY-ND-4.0', is not known to allow"),
        ({"licence": "CC-BY-4.0", "teaching_approved_by": ""}, "nobody has approved it"),
        ({"licence": "LicenseRef-clinic", "sealed": True}, "a study that is open for reading"),
    ],
)
def test_what_may_not_be_taught_is_refused_by_name(collection, change, named):
    held = collection.cases.count()
    image = Image.objects.filter(origin="synthetic", cases=None).first()
    Image.objects.filter(pk=image.pk).update(**change)
    fine = Image.objects.filter(origin="real", cases=None).first()

    with pytest.raises(NotForTeaching) as refused:
        add_cases(collection, Image.objects.filter(pk__in=[image.pk, fine.pk]))

    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith(f"{image.name}: ")
    assert named in refused.value.problems[0]
    assert collection.cases.count() == held


def test_a_class_is_refused_once_an_approval_is_taken_back(collection):
    image = collection.cases.filter(image__origin="synthetic").first().image
    Image.objects.filter(pk=image.pk).update(teaching_approved_by="")

    with pytest.raises(NotForTeaching, match=image.name):
        open_class(collection, slug="class", title="Class")

    assert not Study.objects.exists()


def test_what_is_right_is_told_after_the_answer_is_stored_and_the_missed_case_comes_back(
    client, lesson
):
    session = enter(lesson, client)
    missed = current(session).stimulus

    reply = post(client, session, right=False).json()

    assert Answer.objects.count() == 1
    assert reply["lesson"] == {
        "right": False,
        "answered": f"Vascular lesion, {ORIGINS[missed.feedback['origin']]}",
        "features": "An irregular network.",
    }
    assert {"mel": "Melanoma", "nv": "Melanocytic nevus"}[missed.feedback["entity"]] in (
        reply["feedback"]
    )
    assert (reply["answered"], reply["learnt"], reply["total"]) == (1, 0, 4)
    for _ in range(4):
        reply = post(client, session).json()
    shown = [trial.stimulus_id for trial in session.trials.order_by("position")]
    assert shown[0] == shown[4] == missed.pk
    assert (reply["token"], reply["learnt"]) == (None, 4)
    session.refresh_from_db()
    assert session.completed_at
    assert client.get(reverse("reading")).url == reverse("progress")


def test_a_retry_adds_nothing_and_another_answer_to_the_same_case_is_refused(client, lesson):
    session = enter(lesson, client)
    token, key = current(session).token, str(uuid4())

    first = post(client, session, right=False, token=token, key=key, entity="bcc")
    again = post(client, session, token=token, key=key, entity="bcc", origin=first_origin(token))
    other = post(client, session, token=token, entity="mel")

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert again.json()["token"] == first.json()["token"]
    assert "lesson" not in other.json()
    assert (Answer.objects.count(), session.trials.count()) == (1, 2)


def first_origin(token: str) -> str:
    return Answer.objects.get(trial__token=token).origin


def test_nothing_before_an_answer_differs_between_real_and_synthetic_but_the_pixels(client, lesson):
    session = enter(lesson, client)
    received, pixels, pages = set(), set(), set()
    for number in range(4):
        trial = current(session)
        page = client.get(reverse("reading")).content.decode()
        turn = client.get(reverse("reading")).context["turn"]
        page = page.replace(trial.token, "TOKEN").replace(f'"answered": {number}', "")
        page = page.replace(f'"learnt": {number}', "")
        window = client.get(reverse("reading")).context["window"]
        image = client.get(turn["images"][0])
        headers = frozenset((k, v) for k, v in image.headers.items())
        received.add((headers, len(image.content), tuple(sorted(turn)), len(turn["token"])))
        pixels.add(image.content)
        pages.add(len(page) - len(window))
        post(client, session, window=window)

    assert len(pixels) == 4
    assert len(received) == 1
    assert len(pages) == 1
    told = {each.feedback["origin"] for each in lesson.stimuli.all()}
    assert told == {"real", "synthetic"}


def test_progress_counts_only_what_was_met_and_the_name_on_the_certificate_is_not_kept(
    client, lesson
):
    session = enter(lesson, client)
    post(client, session, right=False)
    post(client, session)

    shown = shown_in(lesson, session)
    progress = client.get(reverse("progress"))
    page = client.post(reverse("lesson_certificate"), {"name": "Ada Müller"}).content.decode()

    lines = summaries(shown, lesson)
    assert [sum(line.cases for line in lines[by]) for by in lines] == [2, 2, 2]
    assert (total(shown).cases, total(shown).first_right, total(shown).last_right) == (2, 1, 1)
    assert progress.context["learnt"] == 1
    for words in ("Ada Müller", "2 of the 4 cases", "1 / 2"):
        assert words in page
    assert not Session.objects.filter(rater__label__contains="Ada").exists()
    rows = list(csv.DictReader(client.get(reverse("results")).content.decode().splitlines()))
    assert [(row["case"], row["right"]) for row in rows] == [("1", "False"), ("2", "True")]


def test_skin_tones_are_grouped_by_angle():
    angles = (55, 54.9, 30, 20, -30, -40, None)  # a bound begins the class above it

    assert [tone_group(angle) for angle in angles] == [
        "very light",
        "light",
        "intermediate",
        "tan",
        "brown",
        "dark",
        "unknown",
    ]


def test_answers_of_a_class_enter_no_report_and_no_truth_is_opened(client, lesson):
    session = enter(lesson, client)
    post(client, session)

    with pytest.raises(UnknownStudy, match="teaches"):
        unblinded_table("class")
    with pytest.raises(StudyNotOpen, match="teaches"):
        close_study(lesson, reason="over")


def test_a_study_passes_over_what_is_taught_and_is_not_sealed_with_it_unknowingly(
    real_images, synthetic_images
):
    settings = {"dataset": real_images, "generators": ["made"], "images_per_cell": 2, "seed": 7}
    draft = create_study(slug="pilot", title="Pilot", **settings)
    image = draft.drawn.first().image
    Image.objects.filter(pk=image.pk).update(teaching_approved_by="Dr B", licence="CC0-1.0")
    add_cases(Collection.objects.create(name="Early"), Image.objects.filter(pk=image.pk))

    with pytest.raises(Taught, match=r"1 images of study 'pilot' are taught \(Early\)"):
        _seal_certified(draft)
    change_draft(draft, {})
    assert not draft.drawn.filter(image=image).exists()
    sealed = seal_study(draft, reason="a test")
    assert "taught" not in sealed.protocol


def test_whoever_seals_with_taught_images_says_why_for_everybody(draft):
    image = draft.drawn.first().image
    Case.objects.create(collection=Collection.objects.create(name="Early"), image=image)

    sealed = seal_study(draft, reason="the learners are other people")

    assert sealed.protocol["taught"] == {"images": 1, "reason": "the learners are other people"}


def _seal_certified(draft):
    """Seal a draft as if its audit had passed, so that nothing else asks for a reason."""
    Certificate.objects.create(
        study=draft,
        subject=subject_of(draft),
        sha256="",
        document={"passed": True, "refused": False},
    )
    seal_study(draft)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"times_right": 9}, "choose 1 to 5"),
        ({"questions": ["quality"]}, "the diagnosis, the origin, or both"),
        ({"title": ""}, "title: "),
    ],
)
def test_settings_that_make_no_class_are_refused(collection, changes, named):
    with pytest.raises(EvaluationError, match=named):
        open_class(collection, **{"slug": "class", "title": "Class", **changes})


def test_the_pages_of_a_lesson_are_no_pages_of_a_study(client, invitation):
    session = invitation.rater.sessions.get()
    client.cookies["reading"] = session.key

    for name in ("progress", "results", "lesson_certificate"):
        assert client.get(reverse(name)).status_code == 404


def test_a_coordinator_approves_collects_opens_a_class_and_watches_it(
    client, real_images, synthetic_images
):
    client.login(username="anna", password=create_account("anna"))
    real = list(Image.objects.filter(origin="real", entity="mel")[:2])
    made = list(Image.objects.filter(origin="synthetic", entity="mel")[:2])
    images = reverse("admin:evaluation_image_changelist")
    collection = Collection.objects.create(name="First steps")

    def act(address, action, chosen, **more):
        ticked = {"action": action, "_selected_action": [each.pk for each in chosen], **more}
        return client.post(address, ticked, follow=True).content.decode()

    into = {"collection": collection.pk}
    refused = act(images, "put_into_collection", [*real, *made], **into)
    assert refused.count("nobody has approved it") == 4
    act(reverse("admin:evaluation_dataset_changelist"), "approve_for_teaching", [real_images])
    act(images, "approve_for_teaching", made)
    act(images, "put_into_collection", [*real, *made], **into)
    assert collection.cases.count() == 4
    page = client.get(reverse("admin:evaluation_collection_change", args=[collection.pk]))
    assert page.content.decode().count("/thumbnail") == 4
    opened = client.post(
        reverse("admin:evaluation_collection_open", args=[collection.pk]),
        {"title": "Monday", "questions": ["entity"], "times_right": 1, "learners": 5},
    )
    study = Study.objects.get(slug="monday")
    assert opened.url == reverse("admin:evaluation_collection_class", args=[study.pk])
    client.post(reverse("admin:evaluation_study_invite", args=[study.pk]), {"raters": "Ada"})
    learner = study.raters.get(label="Ada")
    session = learner.sessions.get()
    assert study.questions == ["entity"]

    browser = type(client)()
    give_consent(session)
    session.refresh_from_db()
    start_reading(session)
    browser.cookies["reading"] = session.key
    post(browser, session, origin="")

    page = client.get(opened.url).content.decode()
    rows = client.get(reverse("admin:evaluation_collection_results", args=[study.pk]))
    for words in ("Ada", "1 / 4", "Melanoma"):
        assert words in page
    (row,) = csv.DictReader(rows.content.decode().splitlines())
    assert row["case"] in {each.name for each in (*real, *made)}
    assert row["learner"] == learner.code


def test_a_class_is_opened_and_taught_by_a_web_process_that_reads_no_sealed_image(
    client, collection, draft
):
    taken = collection.cases.first().image
    sealed = seal_study(draft, reason="a test")
    with as_web():
        session = enter(open_class(collection, slug="class", title="Class"), client)
        assert post(client, session).json()["lesson"]["right"]
        assert client.get(reverse("progress")).status_code == 200

    Case.objects.create(collection=collection, image=sealed.drawn.first().image)
    with as_web(), pytest.raises(NotForTeaching, match="shows 1 of the cases"):
        open_class(collection, slug="again", title="Again")
    with pytest.raises(NotForTeaching, match="open for reading"):
        open_class(collection, slug="again", title="Again")
    assert not sealed.drawn.filter(image=taken).exists()
