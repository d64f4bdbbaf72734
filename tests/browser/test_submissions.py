"""De-identification in the browser: marked on a phone by touch, reviewed and approved elsewhere."""

import re

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import expect

from evaluation.accounts import create_account
from evaluation.phantoms import draw_phantom
from generation.models import Submission
from tests.browser.test_access import violations
from tests.generation.submitting import paint_with_tiny
from tests.generation.tiny_cascade import save_tiny_cascade

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A real generator of the fewest layers, beside the shipped one."""
    save_tiny_cascade(tmp_path / "weights" / "tiny")
    paint_with_tiny(tmp_path / "weights", monkeypatch)


@pytest.fixture
def photograph(tmp_path):
    """A photograph of 600 x 450 px, lying on its side in its file, as phones write them."""
    grain = np.random.default_rng(1).normal(0, 8, (450, 600, 1))
    lesion = np.asarray(Picture.fromarray(draw_phantom("mel", 1)).resize((600, 450)))
    shown = Picture.fromarray((lesion + grain).clip(0, 255).astype(np.uint8))
    exif = Picture.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    shown.rotate(90, expand=True).save(tmp_path / "photo.jpg", quality=95, exif=exif)
    return tmp_path / "photo.jpg"


@pytest.fixture
def signed_in(open_context, live_server, settings):
    """Return a function that opens a page for an account of a role."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    def open_page(role, **options):
        page = open_context(**options).new_page()
        page.goto(f"{live_server.url}/deidentify/")
        page.get_by_label("Username").fill(role)
        page.get_by_label("Password").fill(create_account(role, [role]))
        page.get_by_role("button", name="Log in").click()
        return page

    return open_page


def at(view, across, down):
    """Return a place in the view, in px of the window."""
    box = view.bounding_box()
    return box["x"] + box["width"] * across, box["y"] + box["height"] * down


def test_a_lesion_is_marked_on_a_phone_and_its_copy_is_approved(tiny, photograph, signed_in):
    page = signed_in("author", **PHONE)
    page.get_by_role("link", name="De-identify a photograph").tap()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    found = {"form": violations(page)}
    page.get_by_label("Photograph", exact=False).first.set_input_files(photograph)
    view, marked = page.locator("#view"), page.locator("#marked")
    sixteen = re.compile(r"Marked: 16(\.[0-3])?% of the photograph.")
    expect(marked).to_contain_text("Nothing is marked yet")
    view.scroll_into_view_if_needed()

    for corner in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)):
        page.touchscreen.tap(*at(view, *corner))
    expect(marked).to_have_text(sixteen)
    page.get_by_role("button", name="Undo").tap()
    expect(marked).to_have_text(re.compile(r"Marked: (7.9|8(\.\d)?)% "))
    page.touchscreen.tap(*at(view, 0.3, 0.7))
    page.touchscreen.tap(*at(view, 0.3, 0.3))  # closes it
    page.get_by_role("button", name="Brush").tap()
    page.touchscreen.tap(*at(view, 0.9, 0.9))
    expect(marked).to_have_text(re.compile(r"Marked: 16\.[4-8]% "))
    page.get_by_role("button", name="Eraser").tap()
    page.touchscreen.tap(*at(view, 0.9, 0.9))
    expect(marked).to_have_text(sixteen)
    found["marked"] = violations(page)
    page.get_by_label("Licence of the photograph").fill("CC-BY-4.0")
    page.get_by_label("Generator").select_option("tiny")
    page.get_by_label("Body site").select_option("face")
    page.get_by_role("button", name="Submit").tap()
    expect(page.locator(".problems")).to_contain_text("site 'face' is unknown")
    page.get_by_label("Body site").select_option("back")
    page.get_by_role("button", name="Submit").tap()
    made = page.get_by_text("A reviewer compares it with the original now")
    expect(made).to_be_visible(timeout=60_000)
    expect(page.locator(".pictures img")).to_have_count(0)
    found["submitted"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    submission = Submission.objects.get()
    keep = np.asarray(Picture.open(submission.mask)).mean(axis=2) > 127
    rows, columns = np.nonzero(keep)
    assert keep.shape == (450, 600)
    assert (rows.min(), rows.max()) == pytest.approx((135, 315), abs=3)
    assert (columns.min(), columns.max()) == pytest.approx((180, 420), abs=3)

    desk = signed_in("reviewer", color_scheme="dark", viewport={"width": 1280, "height": 900})
    desk.get_by_role("link", name="Melanoma").click()
    desk.get_by_role("button", name="Look at the original").click()
    expect(desk.get_by_alt_text("The original, with the outline")).to_be_visible()
    assert desk.evaluate("[...document.images].every((each) => each.naturalWidth === 600)")
    expect(desk.get_by_role("heading", name="Decide")).to_be_visible()
    found["review"] = violations(desk)
    desk.get_by_label("I have seen the original").check()
    desk.get_by_role("button", name="Pass on to the editors").click()
    expect(desk.get_by_text("Passed on to the editors.")).to_be_visible()

    editor = signed_in("editor", viewport={"width": 1280, "height": 900})
    editor.get_by_role("link", name="Melanoma").click()
    expect(editor.locator(".checks .ok")).to_have_count(7)
    expect(editor.get_by_role("button", name="Look at the original")).to_have_count(0)
    found["approval"] = violations(editor)
    editor.get_by_role("button", name="Approve the copy").click()
    expect(editor.get_by_text("Approved: the copy can be exported now.")).to_be_visible()
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download copy and report").tap()
    assert download.value.suggested_filename == f"deidentified-{submission.pk}.zip"
    assert found == {name: [] for name in found}


def test_a_mask_is_proposed_and_corrected_by_mouse(photograph, signed_in):
    page = signed_in("author", color_scheme="dark", viewport={"width": 1280, "height": 900})
    page.goto(page.url + "new")
    page.get_by_label("Photograph", exact=False).first.set_input_files(photograph)
    marked, undo = page.locator("#marked"), page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    page.get_by_role("button", name="Propose").click()
    expect(marked).to_contain_text("Correct the proposal with brush and eraser.")
    proposed = marked.text_content()
    assert violations(page) == []

    view = page.locator("#view")
    page.mouse.move(*at(view, 0.05, 0.05))
    page.mouse.down()
    page.mouse.move(*at(view, 0.3, 0.05), steps=4)
    page.mouse.up()
    expect(marked).not_to_have_text(proposed)
    page.keyboard.press("Control+z")
    expect(marked).to_have_text(
        proposed.removesuffix(" Correct the proposal with brush and eraser.")
    )
    undo.click()
    expect(marked).to_contain_text("Nothing is marked yet")
    page.get_by_label("Licence of the photograph").fill("CC0-1.0")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".problems")).to_have_text("Mark the lesion first.")
    assert not Submission.objects.exists()
