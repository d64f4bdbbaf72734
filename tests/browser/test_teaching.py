"""A learner in the browser: a case is missed, explained, and met again."""

import pytest
from playwright.sync_api import Page, expect

from evaluation.invitations import invite_rater, link_of
from evaluation.models import Collection, Dataset, Image, Session
from evaluation.teaching import add_cases, open_class
from tests.browser.test_access import violations

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = {"mel": "1", "nv": "2", "real": "r", "synthetic": "a"}


@pytest.fixture
def link(real_images, synthetic_images, live_server) -> str:
    """Return a learner's link to a class of four cases, each to be right once."""
    Dataset.objects.update(teaching_approved_by="Dr B")
    Image.objects.filter(generator="made").update(teaching_approved_by="Dr B")
    collection = Collection.objects.create(name="First steps")
    for entity in ("mel", "nv"):
        for origin in ("real", "synthetic"):
            add_cases(collection, [Image.objects.filter(entity=entity, origin=origin).first()])
    collection.cases.update(features="Pigment in several shades, an irregular border.")
    study = open_class(collection, slug="class", title="First steps", times_right=1)
    return link_of(invite_rater(study), live_server.url)


def enter(page: Page, link: str) -> None:
    """Follow a link to the first case."""
    page.goto(link)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()


def answer(page: Page, *, right: bool) -> str:
    """Answer the case on the stage by keyboard, and return its address."""
    expect(page.locator("#answer")).to_have_attribute("data-open", "")
    token = page.locator("#canvas img").get_attribute("src")
    trial = Session.objects.get().trials.select_related("stimulus").get(answered=False)
    truth = trial.stimulus.feedback
    for key in (KEYS[truth["entity"]] if right else "6", KEYS[truth["origin"]], "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#feedback")).to_be_visible()
    return token


def picture(page: Page) -> str:
    """Return what is on the stage, as pixels."""
    expect(page.locator("#answer")).to_have_attribute("data-open", "")
    return page.evaluate("""() => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 256;
        canvas.getContext("2d").drawImage(document.querySelector("#canvas img"), 0, 0);
        return canvas.toDataURL();
    }""")


@pytest.mark.parametrize("size", [(1200, 800), (390, 844)])
def test_a_missed_case_is_explained_and_met_again(open_context, link, size):
    width, height = size
    page = open_context(viewport={"width": width, "height": height}).new_page()
    enter(page, link)
    first = picture(page)
    address = answer(page, right=False)

    expect(page.locator("#verdict")).to_contain_text("Not right; this case comes back.")
    expect(page.locator("#answered")).to_contain_text("Dermatofibroma")
    expect(page.locator("#features")).to_have_text(
        "Pigment in several shades, an irregular border."
    )
    expect(page.locator("#understood")).to_be_focused()
    expect(page.locator("fieldset").first).to_be_hidden()
    understood = page.locator("#understood").bounding_box()
    assert understood["y"] + understood["height"] <= height
    assert violations(page) == []

    page.locator("#canvas").click()  # looks closer, and the keyboard still goes on
    page.keyboard.press("Enter")
    for learnt in (0, 1, 2):
        expect(page.locator("#count")).to_have_text(f"{learnt} / 4 learnt")
        assert picture(page) != first
        answer(page, right=True)
        expect(page.locator("#verdict")).to_contain_text("Right.")
        page.keyboard.press("Enter")
    assert picture(page) == first
    assert answer(page, right=True) != address
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="All cases are learnt.")).to_be_visible()
    expect(page.get_by_role("row", name="Melanoma")).to_contain_text("2")
    assert violations(page) == []
    page.get_by_label("Your name").fill("Ada Müller")
    page.get_by_role("button", name="Make a page to print").click()
    expect(page.get_by_role("heading", name="Ada Müller")).to_be_visible()
    expect(page.get_by_text("3 / 4")).to_be_visible()
    assert violations(page) == []


def test_a_lesson_that_was_left_goes_on_where_it_was(open_context, link):
    page = open_context(viewport={"width": 390, "height": 844}).new_page()
    enter(page, link)
    answer(page, right=True)
    page.get_by_role("link", name="Your progress").click()
    expect(page.get_by_text("1 of 4 cases are learnt")).to_be_visible()

    again = open_context(viewport={"width": 390, "height": 844}).new_page()
    again.goto(link)

    expect(again.locator("#count")).to_have_text("1 / 4 learnt")
