"""The coordinator's desk in the browser."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from evaluation.accounts import create_account
from evaluation.models import Answer, Session, Study
from tests.browser.reading import wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


def step_to(page: Page, name: str) -> None:
    """Press Next until a step of the study's form is open."""
    step = page.locator(".steps").get_by_role("button", name=name)
    for _ in range(4):
        if step.get_attribute("aria-current") is None:
            page.get_by_role("button", name="Next").click()
    expect(step).to_have_attribute("aria-current", "step")


def test_a_study_is_put_together_step_by_step(at_desk, real_images, synthetic_images):
    page = at_desk(reverse("admin:evaluation_study_add"))
    page.get_by_role("button", name="Next").click()  # without a title there is no next step
    expect(page.get_by_label("Title")).to_be_focused()
    expect(page.get_by_label("Levels of confidence")).to_be_hidden()

    page.get_by_label("Title").fill("Stepwise")
    page.locator("#id_dataset").select_option(label=real_images.name)
    page.get_by_label("made", exact=True).check()
    page.get_by_label("Images per entity and origin").fill("4")
    page.keyboard.press("Tab")
    expect(page.locator(".beside .short")).to_have_text(["3 · too few"] * 7)
    step_to(page, "Review")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".errornote")).to_be_visible()  # the server finds too few, too
    expect(page.get_by_label("Title")).to_have_value("Stepwise")

    page.get_by_label("Images per entity and origin").fill("2")
    page.keyboard.press("Tab")
    expect(page.locator(".beside .short")).to_have_count(0)
    step_to(page, "Raters")
    page.get_by_label("Raters at most").fill("6")
    page.keyboard.press("Tab")
    expect(page.get_by_text("6 raters of 14 AI images each")).to_be_visible()
    step_to(page, "Review")
    review = page.locator(".review")
    expect(review).to_contain_text("diagnosis, real or AI, confidence in that")
    expect(review).to_contain_text("Raters at most6")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/evaluation/study/")

    study = Study.objects.get()
    assert (study.slug, study.raters_at_most, study.drawn.count()) == ("stepwise", 6, 28)


def test_questions_and_diagnoses_are_asked_in_the_coordinators_order(
    at_desk, real_images, synthetic_images
):
    page = at_desk(reverse("admin:evaluation_study_add"))
    page.get_by_label("Title").fill("Ordered")
    page.locator("#id_dataset").select_option(label=real_images.name)
    page.get_by_label("made", exact=True).check()
    page.get_by_label("Images per entity and origin").fill("1")

    up = page.get_by_role("button", name="Vascular lesion: up")
    up.click()
    up.press("Enter")
    step_to(page, "Questions")
    page.get_by_role("button", name="real or AI: up").click()
    step_to(page, "Review")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/evaluation/study/")

    study = Study.objects.get()
    assert study.questions == ["origin", "entity", "confidence"]
    assert study.entities == ["mel", "nv", "akiec", "bkl", "vasc", "bcc", "df"]
    page.locator("#result_list").get_by_role("link", name="Ordered").click()
    boxes = page.locator("#id_questions input")
    expect(boxes).to_have_count(8)  # the page is there
    values = boxes.evaluate_all("all => all.map(each => each.value)")
    assert values[:3] == study.questions
    expect(page.get_by_role("link", name="Diagnoses of your own").first).to_be_visible()


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({}, ("1", "a", "3")),
        ({"pairs": True, "questions": ["side", "confidence"]}, ("ArrowLeft", "2")),
    ],
)
def test_a_draft_is_previewed_and_nothing_is_stored(at_desk, draft_with, settings, keys):
    study = draft_with(**settings)
    page = at_desk(reverse("admin:evaluation_study_change", args=[study.pk]))
    page.get_by_role("link", name="See it as raters will").click()

    for number in (1, 2, 3):
        wait_for_image(page, number, 6)
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
    wait_for_image(page, 4, 6)

    expect(page.get_by_text("nothing is stored")).to_be_visible()
    assert page.locator("#canvas img").count() == (2 if settings else 1)
    assert not Answer.objects.exists()
    assert not Session.objects.exists()


def test_a_sealed_study_has_no_preview(client, sealed):
    password = create_account("coordinator")
    client.login(username="coordinator", password=password)
    address = reverse("admin:evaluation_study_preview", args=[sealed.pk])

    assert client.get(address).status_code == 404
    posted = client.post(
        reverse("admin:evaluation_study_preview_answers", args=[sealed.pk]),
        {"token": "0"},
        content_type="application/json",
    )
    assert posted.status_code == 404


def test_the_blinding_is_audited_before_a_study_is_sealed(at_desk, draft, tmp_path):
    page = at_desk(reverse("admin:evaluation_study_change", args=[draft.pk]))
    expect(page.locator("input[name=reason]")).to_be_visible()
    page.get_by_role("link", name="Audit the blinding").click()
    page.get_by_role("button", name="Audit the blinding").click(timeout=120_000)

    page.get_by_role("link", name="Read the certificate").click(timeout=120_000)
    expect(page.get_by_role("heading", name="What raters could notice")).to_be_visible()
    expect(page.get_by_text("a photograph", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go_back()
    expect(page.get_by_text("SHA-256")).to_be_visible()
    page.get_by_role("link", name="Pilot").click()
    expect(page.locator("input[name=reason]")).to_be_hidden()
    page.locator("input[name=name]").fill(draft.slug)
    page.get_by_role("button", name="Seal the study").click()
    expect(page.get_by_role("link", name="Certificate of blinding")).to_be_visible()
