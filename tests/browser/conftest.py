"""A real Chromium against the real server."""

import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from evaluation.accounts import create_account
from evaluation.invitations import invite_rater, link_of
from tests.browser.chromium import ARGUMENTS, find_chromium

# Playwright keeps an event loop in this thread; Django takes that for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

expect.set_options(timeout=15_000)  # milliseconds; two tests at once slow each other down


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_context(browser, live_server) -> Iterator:
    """Return a function that opens a browser profile of its own on the server."""
    opened: list[BrowserContext] = []

    def open_one(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=live_server.url, **options)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    time.sleep(0.3)  # requests under way end before the database is emptied under them


@pytest.fixture
def link_to(sealed_with, live_server):
    """Return a function that seals a study with other settings and returns a rater's link."""
    return lambda **settings: link_of(invite_rater(sealed_with(**settings)), live_server.url)


@pytest.fixture
def page(open_context) -> Page:
    return open_context(viewport={"width": 1280, "height": 720}).new_page()


@pytest.fixture
def at_desk(page, live_server):
    """Return a function that opens a page of the desk as a coordinator."""

    def open_page(address: str) -> Page:
        password = create_account("coordinator")
        page.goto(f"{live_server.url}{address}")
        page.get_by_label("Username").fill("coordinator")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        return page

    return open_page
