"""The whole product: the demonstration is built, read by keyboard, closed, and reported."""

import io
import re
from collections import Counter

import pytest
from django.core.management.base import OutputWrapper
from playwright.sync_api import expect

from config import demonstration
from config.demonstration import build_demonstration
from evaluation.models import Answer, Session
from evaluation.studies import get_study
from generation.batches import plan_batch
from tests.browser.reading import answer_by_keyboard, enter, wait_for_image


@pytest.fixture
def hasty(monkeypatch):
    """Let the solver take few steps: how good the images are is tested elsewhere."""

    def plan(*, generator, **asked):
        steps = {"steps": 4} if generator == demonstration.GENERATOR else {}  # dermgan knows none
        return plan_batch(generator=generator, **steps, **asked)

    monkeypatch.setattr(demonstration, "plan_batch", plan)


@pytest.mark.django_db(transaction=True)
def test_from_nothing_to_a_report(hasty, open_context, live_server):
    said = io.StringIO()
    demo = build_demonstration(said.write, OutputWrapper(said))
    assert get_study("demo").stimuli.count() == 140

    # A rater reads 140 images by keyboard, and closes the browser in the middle.
    rater = open_context(viewport={"width": 1280, "height": 720}).new_page()
    enter(rater, demo.rater)
    for number in range(1, 141):
        if number in (36, 71, 106):  # a break is offered
            expect(rater.locator("#go-on")).to_be_focused()
            rater.keyboard.press("Enter")
        wait_for_image(rater, number, 140)
        answer_by_keyboard(rater, str(1 + number % 7), "ra"[number % 2], str(1 + number % 5))
        if number == 70:
            expect(rater.locator("#count")).to_have_text("70 / 140")
            rater.context.close()
            rater = open_context(viewport={"width": 390, "height": 844}).new_page()
            rater.goto(demo.rater)
    expect(rater.get_by_role("heading", level=1)).to_have_text("Thank you.")

    session = Session.objects.get(rater__study__slug="demo")
    answers = Answer.objects.filter(trial__session=session)
    assert session.completed_at is not None
    assert Counter(answers.values_list("origin", flat=True)) == {"real": 70, "synthetic": 70}
    assert Counter(answers.values_list("entity", flat=True)) == dict.fromkeys(
        get_study("demo").entities, 20
    )

    # Anybody may learn in the class.
    learner = open_context(viewport={"width": 390, "height": 844}).new_page()
    learner.goto(demo.learner)
    learner.get_by_role("button", name="Take part").click()
    learner.get_by_label("I have read this").check()
    learner.get_by_role("button", name="Continue").click()
    learner.get_by_role("button", name="Begin").click()
    expect(learner.locator("#answer")).to_have_attribute("data-open", "")
    for key in ("1", "r", "Enter"):
        learner.keyboard.press(key)
    expect(learner.locator("#features")).to_contain_text("Typical of")

    # The coordinator finds the finished reading, closes the study, and opens its report.
    desk = open_context(viewport={"width": 1280, "height": 900}).new_page()
    desk.set_default_timeout(120_000)  # milliseconds: whoever looks first has the report written
    desk.goto(demo.report)
    desk.get_by_label("Username").fill("coordinator")
    desk.get_by_label("Password").fill(demo.password)
    desk.get_by_role("button", name="Log in").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("6 simulated raters")
    assert desk.goto("/reports/demo/").status == 409

    desk.goto(demo.admin)
    desk.get_by_role("link", name="teaching collections and classes").click()
    desk.get_by_role("link", name="Seven skin lesions", exact=True).click()
    desk.get_by_role("link", name="Seven skin lesions, told after each answer").click()
    expect(desk.get_by_role("row", name="simulated 1")).to_contain_text("14 / 14")

    desk.goto(demo.admin)
    desk.get_by_role("link", name="Watch progress, then close").click()
    desk.get_by_role("link", name="Real or AI-generated?").click()
    expect(desk.get_by_text("140 / 140")).to_be_visible()
    desk.get_by_role("button", name="Close and unblind").click()
    desk.get_by_role("link", name="Read the report").click()

    expect(desk).to_have_url(re.compile("/reports/demo/$"))
    expect(desk.get_by_role("heading", level=1)).to_contain_text("70 AI-generated images")
