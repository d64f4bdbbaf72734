"""The reading page in a real browser."""

import pytest
from playwright.sync_api import expect

from evaluation.closing import close_study
from evaluation.invitations import link_of
from evaluation.models import Answer, Session
from tests.browser.reading import answer_by_keyboard, enter, wait_for_image

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def link(invitation, live_server) -> str:
    return link_of(invitation, live_server.url)


def test_the_address_bar_never_shows_the_links_token(page, link, invitation):
    page.goto(link)

    assert invitation.token not in page.url


def test_keys_answer_the_question_that_is_marked_and_enter_goes_on(page, link):
    enter(page, link)

    answer_by_keyboard(page, "3", "a", "4")
    wait_for_image(page, 2)

    stored = Answer.objects.get()
    assert (stored.entity, stored.origin, stored.confidence) == ("akiec", "synthetic", 4)
    assert stored.timing["method"] == "element"
    assert 300 <= stored.response_ms < 60_000


def test_backspace_takes_the_last_choice_back(page, link):
    enter(page, link)

    for key in ("1", "r", "Backspace", "Backspace", "2", "a", "5", "Enter"):
        page.keyboard.press(key)
    wait_for_image(page, 2)

    stored = Answer.objects.get()
    assert (stored.entity, stored.origin) == ("nv", "synthetic")


def test_enter_does_nothing_until_all_is_answered(page, link):
    enter(page, link)

    for key in ("1", "Enter", "r", "Enter"):
        page.keyboard.press(key)

    expect(page.locator("#next")).to_be_disabled()
    assert not Answer.objects.exists()


def test_keys_pressed_before_the_image_is_seen_do_not_count(page, link):
    enter(page, link)
    held = []
    page.route("**/stimulus/*", lambda route: held.append(route), times=1)
    page.reload(wait_until="domcontentloaded")
    page.wait_for_timeout(400)
    page.keyboard.press("1")
    held[0].continue_()
    wait_for_image(page, 1)

    expect(page.locator("input:checked")).to_have_count(0)


def test_a_reload_keeps_the_image_and_the_choices(page, link):
    enter(page, link)
    page.keyboard.press("6")
    page.keyboard.press("r")

    page.reload()
    wait_for_image(page, 1)

    expect(page.locator("input[value=df]")).to_be_checked()
    expect(page.locator("input[value=real]")).to_be_checked()


def test_closing_the_browser_and_returning_goes_on_at_the_same_image(open_context, link):
    first = open_context().new_page()
    enter(first, link)
    for number in range(1, 4):
        answer_by_keyboard(first, "1", "r", "2")
        wait_for_image(first, number + 1)
    first.context.close()

    again = open_context().new_page()
    again.goto(link)

    wait_for_image(again, 4, 28)


def test_a_lost_connection_keeps_the_answer_and_sends_it_once(page, link):
    enter(page, link)
    page.context.set_offline(True)

    answer_by_keyboard(page, "1", "a", "3")
    expect(page.locator("#notice")).to_contain_text("Not saved yet")
    assert not Answer.objects.exists()
    page.context.set_offline(False)
    wait_for_image(page, 2)

    assert Answer.objects.count() == 1


def test_an_answer_whose_acknowledgement_was_lost_is_not_doubled(page, link):
    enter(page, link)
    cut = []

    def deliver_but_cut_the_reply(route):
        if not cut:
            cut.append(route.fetch())
            route.abort()
        else:
            route.continue_()

    page.route("**/api/answers", deliver_but_cut_the_reply)
    answer_by_keyboard(page, "1", "a", "3")
    wait_for_image(page, 2)

    assert cut[0].status == 201
    assert Answer.objects.count() == 1


def test_the_window_opened_last_reads_and_the_other_may_take_the_reading_back(open_context, link):
    one = open_context().new_page()
    enter(one, link)
    two = open_context(viewport={"width": 390, "height": 844}).new_page()  # a phone, say
    two.goto(link)
    wait_for_image(two, 1)

    answer_by_keyboard(one, "1", "r", "1")
    expect(one.get_by_role("heading", name="Continued elsewhere")).to_be_visible()
    assert not Answer.objects.exists()
    one.keyboard.press("Enter")
    wait_for_image(one, 1)
    expect(one.locator("#next")).to_be_enabled()  # the choice was kept
    one.keyboard.press("Enter")
    wait_for_image(one, 2)

    answer_by_keyboard(two, "2", "a", "5")
    expect(two.locator("#notice")).to_contain_text("another window")
    wait_for_image(two, 2)
    assert Answer.objects.get().entity == "mel"
    answer_by_keyboard(two, "2", "a", "5")
    wait_for_image(two, 3)
    assert Answer.objects.count() == 2


def test_raters_are_asked_at_the_end_and_their_words_are_kept(page, link_to):
    enter(page, link_to(entities=["mel", "nv"]))
    for number in range(1, 5):
        wait_for_image(page, number)
        answer_by_keyboard(page, "1", "r", "1")

    page.get_by_label("in per cent").fill("40")
    page.get_by_label("What gave them away?").fill("too smooth")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("Your last words are saved")).to_be_visible()
    assert Session.objects.get().debrief == {"ai_percent": 40, "gave_away": "too smooth"}


def test_back_never_shows_an_image_that_is_answered(page, link):
    enter(page, link)
    answer_by_keyboard(page, "1", "r", "1")
    wait_for_image(page, 2)

    page.goto("/")
    page.go_back()

    wait_for_image(page, 2)


def test_a_study_that_closes_meanwhile_says_so(page, link, sealed):
    enter(page, link)
    close_study(sealed, reason="enough")

    answer_by_keyboard(page, "1", "r", "1")

    expect(page.locator("#notice")).to_contain_text("could not be saved any more")
    expect(page.locator("#next")).to_be_disabled()
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("This study is closed.")


@pytest.mark.parametrize(
    ("width", "height", "touch"), [(1280, 720, False), (390, 844, True)], ids=["laptop", "phone"]
)
def test_all_fits_on_one_screen_and_can_be_done_by_hand(open_context, link, width, height, touch):
    page = open_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch
    ).new_page()
    enter(page, link)

    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    act = "tap" if touch else "click"
    for name in (
        "input[value=df]",
        "input[value=synthetic]",
        "input[name=confidence][value='3']",
        "#next",
    ):
        getattr(page.locator(name), act)()
    wait_for_image(page, 2)

    assert Answer.objects.get().entity == "df"


def test_the_page_fetches_only_this_and_the_next_image_and_nothing_from_elsewhere(
    page, link, live_server
):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, link)
    page.wait_for_load_state("networkidle")

    assert all(url.startswith((live_server.url, "data:")) for url in asked)
    assert len([url for url in asked if "/stimulus/" in url]) == 2


def test_an_image_that_does_not_arrive_can_be_put_off_to_the_end(page, link, invitation):
    first, *others = invitation.rater.sessions.get().trials.order_by("position")
    page.route(f"**/stimulus/{first.token}", lambda route: route.abort())
    page.goto(link)
    page.get_by_label("I have read this").check()
    for _ in range(3):
        page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#notice")).to_contain_text("did not arrive")
    expect(page.locator("#later")).to_be_hidden()

    page.get_by_role("button", name="Show this image at the end").click(timeout=10_000)
    wait_for_image(page, 1)
    expect(page.locator("#notice")).to_be_hidden()
    page.unroute(f"**/stimulus/{first.token}")
    answer_by_keyboard(page, "1", "r", "3")
    wait_for_image(page, 2)

    assert Answer.objects.get().trial == others[0]
    for trial in others[1:]:
        answer_by_keyboard(page, "1", "r", "3")
        if trial is not others[-1]:
            wait_for_image(page, others.index(trial) + 2)
    wait_for_image(page, 28)
    answer_by_keyboard(page, "2", "a", "3")
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    assert Answer.objects.latest("pk").trial == first
    assert Answer.objects.count() == 28
