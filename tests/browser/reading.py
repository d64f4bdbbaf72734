"""What a rater does in the browser, for the tests."""

import re

from playwright.sync_api import Page, expect


def enter(page: Page, link: str) -> None:
    """Follow an invitation to the first image."""
    page.goto(link)
    page.get_by_label("I have read this").check()
    for _ in range(3):  # consent, the rater, the screen
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()
    wait_for_image(page, 1)


def wait_for_image(page: Page, number: int, total: int | None = None) -> None:
    """Wait until image `number` is shown, painted and open to keys."""
    expect(page.locator("#count")).to_have_text(
        f"{number} / {total}" if total else re.compile(rf"^(\D+ )?{number} / ")
    )
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#answer")).to_have_attribute("data-open", "")


def answer_by_keyboard(page: Page, entity: str, origin: str, confidence: str) -> None:
    """Answer the image that is shown."""
    for key in (entity, origin, confidence):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
