"""The whole way of a rater in German; what is stored does not depend on the language."""

import re

import pytest
from playwright.sync_api import expect

from evaluation.models import Answer
from tests.browser.reading import answer_by_keyboard, wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_german_browser_reads_in_german_and_answers_in_codes(open_context, link_to):
    page = open_context(locale="de-DE").new_page()
    page.goto(link_to(practice_images=1))

    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_label("Ich habe dies gelesen").check()
    for _ in range(3):
        page.get_by_role("button", name="Weiter").click()
    expect(page.get_by_text("Melanozytärer Nävus")).to_be_visible()
    page.get_by_role("button", name="Beginnen").click()
    wait_for_image(page, 1)
    expect(page.get_by_text("Von einer KI")).to_be_visible()
    answer_by_keyboard(page, "2", "a", "3")

    expect(page.locator("#feedback-text")).to_contain_text(re.compile("Das ist eine|stammt von"))
    stored = Answer.objects.get()
    assert (stored.entity, stored.origin) == ("nv", "synthetic")


def test_the_language_can_be_chosen(page, link_to):
    page.goto(link_to())

    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_text("Einladung zu einer Lesung")).to_be_visible()
    page.get_by_role("button", name="English").click()

    expect(page.get_by_text("Invitation to a reading")).to_be_visible()
