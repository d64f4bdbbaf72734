"""The page that generates images, in the browser, with the worker of background tasks."""

import os
import re
import subprocess
import sys

import pytest
from django.db import connection
from playwright.sync_api import expect

from evaluation.models import Image
from generation.batches import next_seed, plan_batch, run_batch
from generation.models import Batch
from tests.browser.test_access import violations
from tests.generation.test_batches import Painter
from tests.generation.test_page_shapes import mask_file, shaped  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(settings):
    """Queue background tasks, and run one worker that takes them up."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    at = connection.get_connection_params()
    address = f"postgresql://{at['user']}@/{at['dbname']}?host={at['host']}"
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; import django; "
        "django.setup(); from django.core.management import call_command; "
        "call_command('db_worker', interval=0.1, verbosity=0)"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "DERMTURING_VAR": str(settings.VAR_DIR),
    }
    process = subprocess.Popen([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment)
    yield process
    process.kill()
    process.wait()


def painted(count):
    """Return a batch of the page that a small generator has made."""
    batch = plan_batch(
        generator="dermdiff",
        entities=["mel"],
        per_entity=count,
        seed=next_seed("dermdiff"),
        consecutive=True,
    )
    run_batch(batch, Painter())
    return batch


def test_images_appear_without_reloading_and_open_large(at_desk, worker):
    page = at_desk("/admin/")
    page.get_by_role("link", name="Generate AI images").click()
    page.get_by_label("By choices").check()
    page.get_by_label("Body site").select_option("back")
    expect(page.get_by_text("a dermoscopic image of melanoma on the back")).to_be_visible()
    page.get_by_label("In words").check()
    page.get_by_label("Prompt").fill("a mole on the moon")
    expect(page.get_by_text("'moon' is unknown to this generator")).to_be_visible()
    page.get_by_label("Prompt").fill("a mole on the foot")
    page.get_by_role("spinbutton", name="Images").fill("2")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Steps").fill("2")

    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".tile.empty")).to_have_count(2)
    page.evaluate("window.same = true")
    expect(page.locator(".tile img")).to_have_count(2, timeout=120_000)
    expect(page.locator("#news")).to_have_text("2 images made")

    assert page.evaluate("window.same")
    page.get_by_role("link", name="Generated image 2").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    image = Image.objects.order_by("pk").last()
    expect(dialog).to_contain_text(image.sha256)
    expect(dialog).to_contain_text(image.generator_revision)
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download the original").click()
    assert download.value.suggested_filename == f"{image.name}.png"
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_role("heading")).to_have_text("Image 1 of 2")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Generated image 2")).to_be_focused()
    assert Batch.objects.get().asked == {"prompt": "a mole on the foot"}


def test_the_seed_of_an_image_is_filled_in_for_another_diagnosis(at_desk):
    batch = painted(3)
    page = at_desk(f"/generate/{batch.pk}/")
    page.get_by_role("link", name="Generated image 2").click()
    page.get_by_role("link", name="Same seed, other diagnosis").click()

    expect(page.get_by_label("Seed")).to_have_value("2")
    expect(page.get_by_role("spinbutton", name="Images")).to_have_value("1")
    expect(page.get_by_label("Diagnosis")).to_have_value("mel")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_violates_no_rule_of_axe_and_fits_a_phone(at_desk, page, scheme):
    batch = painted(2)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    at_desk(f"/generate/{batch.pk}/")
    expect(page.locator(".tile img")).to_have_count(2)
    found = {"made": violations(page)}
    page.get_by_label("By choices").check()
    page.get_by_text("More", exact=True).click()
    found["choices"] = violations(page)
    page.get_by_role("link", name="Generated image 1").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found["large"] = violations(page)

    assert found == {name: [] for name in found}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("held", ["**/generate*.js", "**/generate/?*"])
def test_a_slow_network_loses_no_fields_of_the_generator_chosen(at_desk, page, held):
    late = []
    page.route(held, lambda route: late.append(route))
    at_desk("/generate/")
    page.get_by_label("Generator").select_option("dermgan")
    page.get_by_role("spinbutton", name="Images").fill("3")
    page.wait_for_timeout(500)
    assert late
    assert page.locator("lesion-square").count() == 0
    for route in late:
        route.continue_()

    expect(page.locator("lesion-square svg")).to_be_visible()
    expect(page.get_by_label("Generator")).to_have_value("dermgan")
    expect(page.get_by_role("spinbutton", name="Images")).to_have_value("3")


def test_a_lesion_is_drawn_by_mouse_and_keys_and_the_tone_by_a_slider(
    at_desk,
    shaped,  # noqa: F811
):
    page = at_desk("/generate/")
    page.get_by_label("Generator").select_option("shaped")
    lesion, square = page.get_by_role("textbox", name="Lesion"), page.locator("lesion-square svg")
    expect(square).to_be_visible()
    square.scroll_into_view_if_needed()
    box = square.bounding_box()

    def drag(*points):
        (x, y), *others = [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points
        ]
        page.mouse.move(x, y)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place)
        page.mouse.up()

    drag((0.2, 0.3), (0.4, 0.4), (0.6, 0.5))
    expect(lesion).to_have_value("0.4,0.4,0.4,0.2")
    drag((0.4, 0.4), (0.5, 0.6))
    expect(lesion).to_have_value("0.5,0.6,0.4,0.2")
    square.press("ArrowLeft")
    square.press("Shift+ArrowDown")
    expect(lesion).to_have_value("0.48,0.6,0.4,0.24")
    assert violations(page) == []
    square.press("Delete")
    expect(lesion).to_have_value("")
    lesion.fill("0.3,0.3,0.2,0.2")
    expect(square.locator("ellipse")).to_have_attribute("cx", "0.3")

    slider = page.get_by_role("slider", name="Skin, from dark to light")
    slider.fill("-20")
    expect(page.get_by_role("spinbutton", name="Skin")).to_have_value("-20")
    expect(page.locator("tone-slider output")).to_have_text("brown · Fitzpatrick ≈ V · Monk ≈ 7")


def sent(**mask):
    """Return a mask as the browser takes files."""
    file = mask_file(**mask)
    return {"name": file.name, "mimeType": "image/png", "buffer": file.read()}


@pytest.fixture
def upload(at_desk, shaped):  # noqa: F811
    """Return the page, where a generator is told shapes, and a function that chooses a mask."""
    page = at_desk(f"/generate/?generator={shaped}")

    def choose(**mask):
        page.get_by_label("or its mask").set_input_files(sent(**mask))

    return page, choose


def test_a_mask_from_a_file_and_a_drawn_lesion_take_each_others_place(upload):
    page, choose = upload
    square, shape = page.locator("lesion-square svg"), page.locator("lesion-square .mask")
    square.press("ArrowLeft")
    expect(page.get_by_role("textbox", name="Lesion")).to_have_value("0.48,0.5,0.5,0.5")

    choose()
    expect(page.locator(".said")).to_have_text("a mask of 19 % of the image")
    expect(square.locator("ellipse")).to_be_hidden()
    box = shape.evaluate("path => { const { x, y, width } = path.getBBox(); return [x, y, width] }")
    assert box == pytest.approx([0.25, 0.25, 0.5], abs=0.02)
    assert violations(page) == []

    choose(box=None)  # refused: the one before stays
    expect(page.locator(".said")).to_contain_text("mask.png is dark all over")
    expect(shape).to_have_attribute("d", re.compile("^M"))

    square.press("Delete")
    expect(shape).not_to_have_attribute("d", re.compile("."))
    square.press("ArrowLeft")
    expect(page.get_by_role("textbox", name="Lesion")).to_have_value("0.48,0.5,0.5,0.5")


def test_a_mask_chosen_before_the_script_arrives_is_read_then(at_desk, shaped, page):  # noqa: F811
    late = []
    page.route("**/shape*.js", lambda route: late.append(route))
    at_desk(f"/generate/?generator={shaped}")
    page.get_by_label("or its mask").set_input_files(sent())
    page.wait_for_timeout(300)
    assert page.locator("lesion-square svg").count() == 0
    for route in late:
        route.continue_()

    expect(page.locator(".said")).to_have_text("a mask of 19 % of the image")
    expect(page.locator("lesion-square .mask")).to_have_attribute("d", re.compile("^M"))


def test_the_mask_outlives_a_refused_form_and_stands_with_the_batch(upload):
    page, choose = upload
    choose()
    expect(page.locator(".said")).to_have_text("a mask of 19 % of the image")
    page.get_by_role("spinbutton", name="Images").fill("1")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Seed").fill("none")

    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("Seed: Enter a whole number.")).to_be_visible()
    expect(page.locator(".said")).to_have_text("a mask of 19 % of the image")
    expect(page.locator("lesion-square .mask")).to_have_attribute("d", re.compile("^M"))
    page.get_by_label("Seed").fill("7")
    page.get_by_role("button", name="Generate").click()

    expect(page.get_by_role("heading", name="a mask of 19 % of the image")).to_be_visible()
    expect(page.locator("h2 .shape")).to_be_visible()
    assert Batch.objects.get().asked["lesion"].startswith("png:")
