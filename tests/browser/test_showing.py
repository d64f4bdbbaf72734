"""Pairs and limited exposure in the browser."""

import pytest
from playwright.sync_api import expect

from evaluation.models import Answer, StimulusTruth
from tests.browser.reading import enter, wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


def test_pairs_stand_side_by_side_and_arrows_choose(page, link_to):
    enter(page, link_to(pairs=True, questions=["side", "confidence"]))
    left, right = (page.locator("#canvas img").nth(k).bounding_box() for k in (0, 1))
    alts = page.locator("#canvas img").evaluate_all("all => all.map(each => each.alt)")

    page.keyboard.press("ArrowRight")
    expect(page.locator("input[value=right]")).to_be_checked()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    wait_for_image(page, 2, 7)

    assert alts == ["Image 1, left", "Image 1, right"]
    assert left["width"] == right["width"]
    assert left["y"] == right["y"]
    assert right["x"] - left["x"] - left["width"] == 16
    stored = Answer.objects.get()
    assert (stored.side, stored.confidence, stored.origin) == ("left", 4, "")


def test_pairs_fit_a_phone(open_context, link_to):
    page = open_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ).new_page()
    enter(page, link_to(pairs=True, questions=["side", "confidence"]))

    boxes = [page.locator("#canvas img").nth(k).bounding_box() for k in (0, 1)]
    page.locator("label", has_text="The left one").tap()
    page.locator("label", has_text="3").tap()
    page.locator("#next").tap()
    wait_for_image(page, 2, 7)

    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert Answer.objects.get().side == "left"


def test_a_limited_image_is_counted_in_shown_and_covered(page, link_to):
    link = link_to(questions=["origin"], exposure_ms=400)
    page.add_init_script("""
        window.seen = [];
        new MutationObserver(() => {
            const inside = [...document.querySelectorAll("#canvas > *")].map(each => each.tagName);
            const count = document.querySelector("#countdown");
            const now = `${count && !count.hidden ? count.textContent : ""}${inside.join()}`;
            if (now !== seen.at(-1)?.[0]) seen.push([now, performance.now()]);
        }).observe(document, {subtree: true, childList: true, attributes: true});
    """)
    enter(page, link)
    seen = page.evaluate("seen")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    wait_for_image(page, 2)

    states = [state for state, _ in seen if state]
    assert states[:3] == ["3", "2", "1"]
    assert states[3:] == ["IMG", "CANVAS"]
    times = dict(seen)
    assert times["2"] - times["3"] == pytest.approx(500, abs=60)
    assert times["CANVAS"] - times["IMG"] == pytest.approx(400, abs=60)
    stored = Answer.objects.get()
    assert stored.timing["exposed_ms"] == pytest.approx(400, abs=stored.timing["frame_ms"])
    assert stored.response_ms >= stored.timing["exposed_ms"]


def test_nothing_can_be_answered_before_the_mask(page, link_to):
    link = link_to(questions=["origin"], exposure_ms=1500)
    page.goto(link)
    page.get_by_label("I have read this").check()
    for _ in range(3):
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false")

    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.locator("input:checked")).to_have_count(0)
    wait_for_image(page, 1)
    page.keyboard.press("r")

    expect(page.locator("input[value=real]")).to_be_checked()
    expect(page.locator("#canvas img")).to_have_count(0)


def test_a_staircase_tells_what_was_right_and_changes_the_time(page, link_to):
    link = link_to(questions=["origin"], exposure_ms=200, staircase=True)
    enter(page, link)

    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_visible()
    told = page.locator("#feedback-text").inner_text()
    page.keyboard.press("Enter")
    wait_for_image(page, 2)
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.locator("#feedback")).to_be_visible()

    first, second = Answer.objects.order_by("pk")
    truth = StimulusTruth.objects.get(stimulus=first.trial.stimulus).origin
    assert ("made by AI" in told) == (truth == "synthetic")
    assert second.trial.exposure_ms == (190 if truth == "synthetic" else 230)
    assert abs(second.timing["exposed_ms"] - second.trial.exposure_ms) <= second.timing["frame_ms"]
