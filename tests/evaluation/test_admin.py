"""The coordinator's pages, from an import to a closed study."""

import csv
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from evaluation.accounts import create_account
from evaluation.closing import close_study
from evaluation.models import AuditEvent, Dataset, Image, Rater, Study
from evaluation.sessions import note_shown
from tests.evaluation.test_importing import HEADER, jpeg

ROLES = ("coordinator", "officer")


@pytest.fixture
def desk(client, db):
    """Return a browser in which a coordinator is logged in."""
    client.login(username="coordinator", password=create_account("coordinator", ROLES))
    return client


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, jpeg(number))
    return SimpleUploadedFile("photos.zip", out.getvalue())


def table(*names):
    out = io.StringIO()
    rows = [[name, f"L{name}", "nv", "histo", "50", "male", "back"] for name in names]
    csv.writer(out).writerows([HEADER, *rows])
    return SimpleUploadedFile("photos.csv", out.getvalue().encode())


def act(desk, study, verb, **fields):
    address = reverse(f"admin:evaluation_study_{verb}", args=[study.pk])
    return text(desk.post(address, fields, follow=True))


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def form_of(draft, **changes):
    return {
        "title": "Second",
        "slug": "second",
        "dataset": draft.dataset.pk,
        "generators": ["made"],
        "entities": draft.entities,
        "images_per_cell": 1,
        "confidence_levels": 5,
        "step_up_ms": 30,
        "step_down_ms": 10,
        "contact": "office@example.org",
        "consent_text": "",
        "seed": 3,
        "raters_at_most": 5,
        "occasions": 1,
        "washout_days": 14,
        "repeats_percent": 0,
        "questions": ["entity", "origin", "confidence"],
        "practice_images": 0,
        "checks": 0,
        "checks_needed": 0,
        "break_every": 35,
        **changes,
    }


def test_the_first_page_lists_the_steps_of_a_study(desk):
    page = text(desk.get(reverse("admin:index")))

    for step in ("Import", "Generate", "Create", "Audit and seal", "Invite", "close", "report"):
        assert step in page
    assert "Accounts" not in page


def test_an_import_names_each_problem_and_takes_nothing_until_it_is_mended(desk):
    address = reverse("admin:evaluation_dataset_add")
    fields = {"name": "clinic", "licence": "CC-BY-4.0"}

    refused = text(
        desk.post(address, {**fields, "images": zipped("A.jpg", "B.jpg"), "metadata": table("A")})
    )
    assert "B.jpg has no row in photos.csv" in refused
    assert not Image.objects.exists()

    taken = desk.post(
        address,
        {**fields, "images": zipped("A.jpg", "B.jpg"), "metadata": table("A", "B")},
        follow=True,
    )
    assert "2 images imported." in text(taken)
    assert Dataset.objects.get().images.count() == 2


def test_what_is_left_out_of_an_import_is_said(desk):
    response = desk.post(
        reverse("admin:evaluation_dataset_add"),
        {
            "name": "clinic",
            "licence": "CC-BY-4.0",
            "skip_problems": "on",
            "images": zipped("A.jpg", "B.jpg"),
            "metadata": table("A"),
        },
        follow=True,
    )

    assert "1 images imported." in text(response)
    assert "Left out: photos.zip: B.jpg has no row" in text(response)


def test_a_file_that_is_no_zip_is_said_beside_the_form(desk):
    response = desk.post(
        reverse("admin:evaluation_dataset_add"),
        {
            "name": "clinic",
            "licence": "CC-BY-4.0",
            "images": SimpleUploadedFile("photos.zip", b"no zip"),
            "metadata": table("A"),
        },
    )

    assert "photos.zip" in response.context["adminform"].form.non_field_errors()[0]
    assert not Dataset.objects.exists()


def test_a_study_goes_from_draft_to_closed(desk, draft):
    address = reverse("admin:evaluation_study_add")
    made = desk.post(address, form_of(draft), follow=True)
    study = Study.objects.get(slug="second")
    assert "was added successfully" in text(made)
    assert study.drawn.count() == 14

    assert "type its short name" in act(desk, study, "seal", name="wrong")
    assert "The study is sealed" in act(desk, study, "seal", name="second", reason="a test")
    assert "2 links are ready." in act(desk, study, "invite", raters="Dr A\n\n Dr B \n")
    page = text(desk.get(reverse("admin:evaluation_study_change", args=[study.pk])))
    rater = Rater.objects.get(label="Dr B")
    link = reverse("invitation", args=[rater.invitations.get().token])
    assert f"http://testserver{link}" in page

    assert "the old one no longer works" in act(desk, study, "relink", rater=rater.code)
    assert desk.get(link).status_code != 200
    assert "give a reason" in act(desk, study, "close", reason="")
    assert "The study is closed" in act(desk, study, "close", reason="holidays")
    acts = AuditEvent.objects.filter(study=study, actor__username="coordinator")
    assert list(acts.order_by("pk").values_list("act", flat=True)) == [
        "create_study",
        "seal_study",
        "invite_rater",
        "invite_rater",
        "reissue_link",
        "close_study",
    ]


def test_a_shortage_of_images_is_said_and_leaves_no_study(desk, draft):
    page = text(desk.post(reverse("admin:evaluation_study_add"), form_of(draft, images_per_cell=9)))

    assert "mel" in page
    assert not Study.objects.filter(slug="second").exists()


def test_a_draft_can_be_changed_and_a_sealed_study_cannot(desk, draft):
    address = reverse("admin:evaluation_study_change", args=[draft.pk])
    desk.post(address, form_of(draft, slug="pilot", title="Renamed"))
    draft.refresh_from_db()
    assert (draft.title, draft.drawn.count()) == ("Renamed", 14)

    act(desk, draft, "seal", name="pilot", reason="a test")
    desk.post(address, form_of(draft, slug="pilot", title="Again", seed=99))
    draft.refresh_from_db()
    assert (draft.title, draft.seed) == ("Renamed", 3)


def test_a_sealed_study_is_shown_in_words(desk, sealed):
    page = text(desk.get(reverse("admin:evaluation_study_change", args=[sealed.pk])))

    assert "Melanoma, Melanocytic nevus" in page
    assert "diagnosis, real or AI, confidence in that" in page
    assert "&quot;mel&quot;" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"dataset": "nonsense", "generators": "nobody", "entities": "mel"}, False),
        ({"generators": "made", "entities": "mel", "images_per_cell": "many"}, True),
    ],
)
def test_the_stock_leaves_out_what_makes_no_sense(desk, synthetic_images, query, found):
    page = text(desk.get(reverse("admin:evaluation_study_stock"), query))

    assert ("Melanoma" in page) is found


def test_what_a_size_can_show_is_said_of_sizes_that_make_sense_only(desk):
    said = [text(desk.get(reverse("reach"), {"raters": raters, "images": 70})) for raters in (5, 0)]

    assert "5 raters of 70 AI images each" in said[0]
    assert said[1].strip() == ""


def test_the_list_of_studies_says_when_each_was_read_last(desk, sealed, invitation):
    listed = reverse("admin:evaluation_study_changelist")
    before = text(desk.get(listed))
    session = invitation.rater.sessions.get()
    note_shown(session.trials.first())
    shown = session.trials.first().shown_at

    after = text(desk.get(listed))

    assert '<td class="field-last_activity">-</td>' in before
    assert date_format(localtime(shown), "DATETIME_FORMAT") in after
    assert "0 / 1" in after


def test_images_of_a_sealed_study_are_hidden_until_it_is_closed(desk, sealed):
    hidden = sealed.drawn.first().image
    spare = Image.objects.exclude(drawn_for__study=sealed).first()
    catalogue = reverse("admin:evaluation_image_changelist")
    pages = [
        reverse("admin:evaluation_image_thumbnail", args=[hidden.pk]),
        reverse("admin:evaluation_image_change", args=[hidden.pk]),
    ]

    assert desk.get(reverse("admin:evaluation_image_thumbnail", args=[spare.pk])).status_code == 200
    assert hidden.name not in text(desk.get(catalogue))
    assert desk.get(pages[0]).status_code == 404
    assert desk.get(pages[1]).status_code == 302
    study_page = text(desk.get(reverse("admin:evaluation_study_change", args=[sealed.pk])))
    assert hidden.name not in study_page

    close_study(sealed)
    assert hidden.name in text(desk.get(catalogue))
    assert [desk.get(page).status_code for page in pages] == [200, 200]


def test_a_coordinator_reaches_neither_accounts_nor_truth_nor_deletion(desk, sealed):
    for page in ("auth_user_changelist", "auth_group_changelist"):
        assert desk.get(reverse(f"admin:{page}")).status_code == 403
    delete = reverse("admin:evaluation_study_delete", args=[sealed.pk])
    assert desk.post(delete, {"post": "yes"}).status_code == 403
    assert Study.objects.filter(pk=sealed.pk).exists()


def test_acts_need_the_permission_and_the_method(client, desk, sealed, django_user_model):
    address = reverse("admin:evaluation_study_close", args=[sealed.pk])
    assert desk.get(address).status_code == 405

    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    assert client.post(address, {"reason": "x"}).status_code == 403
    sealed.refresh_from_db()
    assert sealed.closed_at is None


def test_a_rater_that_is_not_there_is_not_found(desk, sealed):
    address = reverse("admin:evaluation_study_relink", args=[sealed.pk])

    assert desk.post(address, {"rater": "nobody"}).status_code == 404
    assert desk.post(address, {}).status_code == 404


def test_an_open_link_and_the_end_are_set_on_the_studys_page(desk, sealed):
    assert "a number" in act(desk, sealed, "open", cap="many")
    page = act(desk, sealed, "open", cap="3")
    assert reverse("open_link", args=[sealed.open_links.get().token]) in page
    assert "a date and a time" in act(desk, sealed, "end", closes_at="soon")
    act(desk, sealed, "end", closes_at="2099-12-31T18:30")

    sealed.refresh_from_db()
    assert sealed.closes_at.isoformat() == "2099-12-31T18:30:00+00:00"
    act(desk, sealed, "end", closes_at="")
    sealed.refresh_from_db()
    assert sealed.closes_at is None


def test_progress_is_watched_live_and_as_csv_by_those_who_may(
    client, desk, sealed, invitation, django_user_model
):
    pages = [
        reverse(f"admin:evaluation_study_{name}", args=[sealed.pk])
        for name in ("monitor", "progress")
    ]

    live, table = (desk.get(page) for page in pages)

    assert invitation.rater.label in text(live)
    assert "0 / 28" in text(live)
    assert table.headers["Content-Type"].startswith("text/csv")
    assert invitation.rater.code in text(table)
    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    assert [client.get(page).status_code for page in pages] == [403, 403]


def test_raters_are_withdrawn_answers_voided_and_studies_copied_on_the_studys_page(
    desk, sealed, invitation
):
    code = invitation.rater.code
    assert "Say why" in act(desk, sealed, "withdraw", rater=code, reason=" ")
    slip = {"rater": code, "occasion": "1", "reason": "slip"}
    assert "which answer" in act(desk, sealed, "void", **slip, number="x")
    assert "no answer 1" in act(desk, sealed, "void", **slip, number="1")
    nonsense = {**slip, "occasion": "x", "number": "1"}
    address = reverse("admin:evaluation_study_void", args=[sealed.pk])
    assert desk.post(address, nonsense).status_code == 404
    assert "counted nowhere" in act(desk, sealed, "withdraw", rater=code, reason="ill")
    assert "exists already" in act(desk, sealed, "copy", slug="pilot")

    assert "Too few images" in act(desk, sealed, "copy", slug="another")


def test_a_draft_says_what_is_drawn_of_what_there_is_and_what_it_could_show(desk, draft):
    page = text(desk.get(reverse("admin:evaluation_study_change", args=[draft.pk])))
    planned = text(desk.get(reverse("plan") + "?images=14"))

    available = draft.dataset.images.filter(entity="mel").count()
    assert f"<td>2 of {available}</td><td>2 of 3</td>" in page
    assert f"{reverse('plan')}?images=14" in page
    assert "<figure" in planned or "<img" in planned
