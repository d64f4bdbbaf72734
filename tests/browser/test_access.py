"""Everybody can read: axe finds nothing on any page of a rater, in light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from evaluation.closing import close_study
from evaluation.models import Study
from tests.browser.reading import enter, wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_rater_violates_a_rule_of_axe(open_context, link_to, scheme):
    page = open_context(color_scheme=scheme, viewport={"width": 1280, "height": 720}).new_page()
    questions = ["entity", "origin", "confidence", "quality", "marks", "reason"]
    link = link_to(questions=questions, break_every=5, corrections=True)
    found = {}

    page.goto(link)
    found["consent"] = violations(page)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Continue").click()
    found["about"] = violations(page)
    page.get_by_role("button", name="Continue").click()
    found["device"] = violations(page)
    page.get_by_role("button", name="Continue").click()
    found["instructions"] = violations(page)
    page.get_by_role("button", name="Begin").click()
    for number in range(1, 6):
        wait_for_image(page, number)
        if number == 2:
            found["reading"] = violations(page)
            page.keyboard.press("?")
            found["keys"] = violations(page)
            page.keyboard.press("Escape")
            expect(page.locator("#key-list")).to_be_hidden()
        for key in ("1", "r", "2", "3", "Enter"):
            page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Time for a break?")).to_be_visible()
    found["break"] = violations(page)
    page.goto("/r/nonsense")
    found["no way in"] = violations(page)
    page.goto("/")
    found["front"] = violations(page)

    assert found == {name: [] for name in found}
    assert len(found) == 9


def test_text_of_twice_the_size_hides_no_button(open_context, link_to):
    page = open_context(viewport={"width": 1280, "height": 720}).new_page()
    enter(page, link_to())

    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for name in ("mel", "vasc", "real", "synthetic"):
        page.locator(f"input[value={name}]").check()
    page.locator("input[name=confidence][value='5']").check()
    page.locator("#next").click()

    wait_for_image(page, 2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_pairs_in_limited_time_violates_a_rule_of_axe(open_context, link_to, scheme):
    page = open_context(color_scheme=scheme, viewport={"width": 1280, "height": 720}).new_page()
    link = link_to(
        pairs=True,
        questions=["side", "confidence"],
        entities=["mel", "nv"],
        exposure_ms=200,
        staircase=True,
        tell_results=True,
    )
    found = {}

    page.goto(link)
    found["consent"] = violations(page)
    page.get_by_label("I have read this").check()
    for _ in range(3):
        page.get_by_role("button", name="Continue").click()
    found["instructions"] = violations(page)
    page.get_by_role("button", name="Begin").click()
    wait_for_image(page, 1, 2)
    found["reading"] = violations(page)
    for number in (1, 2):
        wait_for_image(page, number, 2)
        for key in ("ArrowLeft", "2", "Enter"):
            page.keyboard.press(key)
        expect(page.locator("#feedback")).to_be_visible()
        found["feedback"] = violations(page)
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    found["thanks"] = violations(page)
    close_study(Study.objects.get())
    page.reload()
    expect(page.get_by_role("heading", name="Your results")).to_be_visible()
    found["results"] = violations(page)

    assert found == {name: [] for name in found}
    assert len(found) == 6
