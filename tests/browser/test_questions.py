"""Studies that ask other questions, allow corrections, offer breaks; and the stage's zoom."""

import re

import pytest
from playwright.sync_api import expect

from evaluation.models import Answer
from tests.browser.reading import answer_by_keyboard, enter, wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_scale_quality_marks_and_a_reason_in_the_studys_order(page, link_to):
    enter(page, link_to(questions=["scale", "quality", "marks", "reason"]))
    names = page.locator("fieldset").evaluate_all("all => all.map(each => each.dataset.name)")

    page.keyboard.press("0")  # the tenth level
    page.keyboard.press("4")
    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    page.mouse.click(box["x"] + 22, box["y"] + 20)  # takes the second mark away
    expect(page.locator("#marked")).to_have_text("1")
    page.locator("textarea").fill("1 r too smooth")
    page.locator("#next").click()
    wait_for_image(page, 2)

    assert names == ["scale", "quality", "marks", "reason"]
    stored = Answer.objects.get()
    assert (stored.scale, stored.quality, stored.reason) == (10, 4, "1 r too smooth")
    [(x, y)] = stored.marks
    assert abs(x - 64) <= 1
    assert abs(y - 128) <= 1
    assert (stored.entity, stored.origin, stored.confidence) == ("", "", None)
    expect(page.locator(".mark")).to_have_count(0)
    expect(page.locator("textarea")).to_have_value("")


def test_keys_typed_into_the_reason_answer_nothing(page, link_to):
    enter(page, link_to(questions=["origin", "reason"]))

    page.locator("textarea").press_sequentially("ar 1")
    expect(page.locator("input:checked")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("a")

    expect(page.locator("input[value=synthetic]")).to_be_checked()
    expect(page.locator("textarea")).to_have_value("ar 1")


def test_the_diagnosis_alone_can_be_asked(page, link_to):
    enter(page, link_to(questions=["entity"], entities=["mel", "nv"]))

    page.keyboard.press("2")
    page.keyboard.press("Enter")
    wait_for_image(page, 2, 4)

    assert Answer.objects.get().entity == "nv"


def test_the_last_answer_can_be_corrected(page, link_to):
    enter(page, link_to(corrections=True))
    expect(page.locator("#back")).to_be_hidden()
    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 2)

    page.locator("#back").click()
    wait_for_image(page, 1)
    expect(page.locator("#notice")).to_contain_text("correcting")
    expect(page.locator("input[value=mel]")).to_be_checked()
    page.locator("input[value=synthetic]").check()
    page.keyboard.press("Enter")
    wait_for_image(page, 2)

    answers = Answer.objects.order_by("version").values_list("version", "entity", "origin")
    assert list(answers) == [(1, "mel", "real"), (2, "mel", "synthetic")]
    assert len({answer.trial_id for answer in Answer.objects.all()}) == 1


def test_a_break_is_offered_and_the_clock_waits(page, link_to):
    enter(page, link_to(break_every=5))
    for number in range(1, 6):
        answer_by_keyboard(page, "1", "r", "2")
        if number < 5:
            wait_for_image(page, number + 1)

    expect(page.get_by_role("heading", name="Time for a break?")).to_be_visible()
    expect(page.locator("#pause-text")).to_contain_text("5 of 14 images are answered")
    page.wait_for_timeout(3000)
    page.keyboard.press("Enter")
    wait_for_image(page, 6)
    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 7)

    assert Answer.objects.latest("pk").response_ms < 3000


def test_an_image_is_enlarged_by_wheel_and_keys_moved_and_fitted_again(page, link_to):
    enter(page, link_to())
    canvas = page.locator("#canvas")
    size = canvas.bounding_box()["width"]

    page.keyboard.press("+")
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -100)
    enlarged = canvas.bounding_box()
    page.mouse.down()
    page.mouse.move(360, 330, steps=4)
    page.mouse.up()
    moved = canvas.bounding_box()
    way = (moved["x"] - enlarged["x"], moved["y"] - enlarged["y"])
    expect(page.locator("#zoom")).to_have_text(re.compile(r"^3\d\d %$"))
    page.keyboard.press("f")

    assert enlarged["width"] == pytest.approx(size * 1.25**2, rel=0.01)
    assert way == pytest.approx((60, 30), abs=2)
    assert canvas.bounding_box()["width"] == pytest.approx(size, rel=0.01)
    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 2)
    assert Answer.objects.get().timing["zooms"] == 2


def test_zoom_begins_anew_with_each_image(page, link_to):
    enter(page, link_to())
    size = page.locator("#canvas").bounding_box()["width"]
    page.keyboard.press("+")

    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 2)

    assert page.locator("#canvas").bounding_box()["width"] == pytest.approx(size, rel=0.01)


def test_hidden_time_is_recorded_and_not_counted(page, link_to):
    enter(page, link_to())

    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.wait_for_timeout(2000)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {value: false, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 2)

    stored = Answer.objects.get()
    assert 1900 <= stored.timing["hidden_ms"] <= 2600
    assert stored.response_ms < 2000


def test_an_expired_cookie_is_renewed_over_the_page_and_the_answer_goes_out(page, link_to):
    link = link_to()
    enter(page, link)
    page.context.clear_cookies(name="reading")

    answer_by_keyboard(page, "5", "a", "3")
    asked = page.get_by_role("dialog", name="confirm that it is you")
    asked.get_by_label("Your link").fill("https://elsewhere.example/r/unknown")
    asked.get_by_role("button").click()
    expect(asked.get_by_role("alert")).to_contain_text("does not lead to your reading")
    assert not Answer.objects.exists()
    asked.get_by_label("Your link").fill(link)
    asked.get_by_role("button").click()
    wait_for_image(page, 2)

    assert Answer.objects.get().entity == "bcc"


def test_an_answer_outlives_an_expired_cookie_and_a_closed_dialog(page, link_to):
    link = link_to()
    enter(page, link)
    page.context.clear_cookies(name="reading")

    answer_by_keyboard(page, "5", "a", "3")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#notice")).to_contain_text("open your link again")
    assert not Answer.objects.exists()
    page.goto(link)
    wait_for_image(page, 2)

    assert Answer.objects.get().entity == "bcc"


def test_an_expired_csrf_token_is_renewed_unseen(page, link_to):
    enter(page, link_to())
    page.context.clear_cookies(name="csrftoken")

    answer_by_keyboard(page, "5", "a", "3")
    wait_for_image(page, 2)

    assert Answer.objects.count() == 1


def test_leaving_with_an_unsaved_answer_warns(page, link_to):
    enter(page, link_to())
    page.context.set_offline(True)
    answer_by_keyboard(page, "5", "a", "3")
    expect(page.locator("#notice")).to_contain_text("Not saved yet")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    page.close(run_before_unload=True)
    page.wait_for_timeout(500)

    assert asked == ["beforeunload"]


def test_the_list_of_keys_opens_and_swallows_keys(page, link_to):
    enter(page, link_to())

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("input:checked")).to_have_count(0)


def test_practice_tells_what_was_right_and_the_study_does_not(page, link_to):
    enter(page, link_to(practice_images=2))
    expect(page.locator("#count")).to_have_text("Practice 1 / 2")

    answer_by_keyboard(page, "1", "r", "2")
    expect(page.locator("#feedback-text")).to_have_text(
        re.compile("This is a real photograph|This image was made by AI")
    )
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("Practice 2 / 2")
    wait_for_image(page, 2)
    answer_by_keyboard(page, "1", "r", "2")
    expect(page.locator("#understood")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The study begins.")).to_be_visible()
    page.get_by_role("button", name="Practise again").click()
    for number in (1, 2):
        expect(page.locator("#count")).to_have_text(f"Practice {number} / 2")
        wait_for_image(page, number)
        answer_by_keyboard(page, "1", "r", "2")
        expect(page.locator("#understood")).to_be_focused()
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    wait_for_image(page, 1, 14)
    answer_by_keyboard(page, "1", "r", "2")
    wait_for_image(page, 2, 14)

    expect(page.locator("#feedback")).to_be_hidden()
    assert Answer.objects.count() == 5
