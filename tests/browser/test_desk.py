"""The coordinator's desk in the browser."""

import pytest
from playwright.sync_api import expect

from evaluation.coordinators import create_coordinator
from evaluation.models import Study

pytestmark = pytest.mark.django_db(transaction=True)


def test_questions_and_diagnoses_are_asked_in_the_coordinators_order(
    page, real_images, synthetic_images, live_server
):
    password = create_coordinator("coordinator")
    page.goto(f"{live_server.url}/admin/evaluation/study/add/")
    page.get_by_label("Username").fill("coordinator")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Title").fill("Ordered")
    page.locator("#id_dataset").select_option(label=real_images.name)
    page.get_by_label("made", exact=True).check()
    page.get_by_label("Images per entity and origin").fill("1")

    page.get_by_role("button", name="real or AI: up").click()
    up = page.get_by_role("button", name="Vascular lesion: up")
    up.click()
    up.press("Enter")
    page.locator("input[type=submit]").first.click()
    page.wait_for_url("**/evaluation/study/")

    study = Study.objects.get()
    assert study.questions == ["origin", "entity", "confidence"]
    assert study.entities == ["mel", "nv", "akiec", "bkl", "vasc", "bcc", "df"]
    page.locator("#result_list").get_by_role("link", name="Ordered").click()
    boxes = page.locator("#id_questions input").evaluate_all("all => all.map(each => each.value)")
    assert boxes[:3] == study.questions
    expect(page.get_by_role("link", name="Diagnoses of your own").first).to_be_visible()
