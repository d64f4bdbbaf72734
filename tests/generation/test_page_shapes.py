"""The page that generates images, of a generator that is told shapes: tone, lesion, masks."""

from io import BytesIO

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as PillowImage

from evaluation.models import Image
from generation import batches
from generation.batches import run_batch
from generation.engine.lesions import written_from_image
from generation.engine.registry import load_generator
from generation.forms import filled_in
from generation.models import Batch
from tests.generation.test_page import PAGE
from tests.generation.tiny_dermgan import save_tiny_dermgan


@pytest.fixture
def shaped(monkeypatch, tmp_path):
    """Put a small dermgan beside dermdiff."""
    for module in ("forms", "batches"):
        monkeypatch.setattr(f"generation.{module}.OWN_WEIGHTS", tmp_path)
    save_tiny_dermgan(tmp_path / "shaped")
    return "shaped"


def test_a_generator_that_is_told_shapes_is_asked_for_tone_and_lesion_alone(desk, shaped):
    page = desk.get(PAGE, {"generator": shaped}).content.decode()

    assert 'name="lesion"' in page
    assert 'type="number" name="tone"' in page
    assert "dark · Fitzpatrick ≈ VI · Monk ≈ 8–10" in page
    for name in ("prompt", "sex", "guidance", "steps"):
        assert f'<input type="text" name="{name}"' not in page
        assert f'id="id_{name}"' not in page
    assert 'name="lesion"' not in desk.get(PAGE).content.decode()


def test_tone_and_lesion_are_asked_for_recorded_and_told(desk, shaped):
    wish = {"generator": shaped, "entity": "nv", "count": "2", "tone": "12", "seed": "3"}

    refused = desk.post(PAGE, {**wish, "lesion": "0.5,0.5,9,9"})
    desk.post(PAGE, {**wish, "lesion": "0.3,0.4,0.5,0.2"})
    batch = Batch.objects.get()
    run_batch(batch, load_generator(shaped, batches.OWN_WEIGHTS, "cpu"))
    image = Image.objects.filter(generator=shaped).order_by("pk").first()
    large = desk.get(reverse("generated_image", args=[batch.pk, image.pk])).content.decode()

    assert "is not between 0.04 and 1.2" in refused.content.decode()
    assert (batch.asked, batch.tones) == ({"lesion": "0.3,0.4,0.5,0.2"}, [12.0])
    assert image.recipe["lesion"] == "0.3,0.4,0.5,0.2"
    assert "tan (12°)" in large
    assert "0.3,0.4,0.5,0.2" in large
    assert "<dt>Steps</dt>" not in large
    assert filled_in(batch)["lesion"] == "0.3,0.4,0.5,0.2"


def mask_file(size=(64, 64), box=(16, 16, 48, 40), fill=255, name="mask.png"):
    """Return a mask as a browser sends it: a bright rectangle."""
    picture = PillowImage.new("L", size)
    if box:
        picture.paste(fill, box)
    content = BytesIO()
    picture.save(content, "PNG")
    return SimpleUploadedFile(name, content.getvalue(), content_type="image/png")


SHAPED = {"entity": "nv", "count": "1", "seed": "3"}


def test_a_mask_from_a_file_takes_the_place_of_what_is_drawn(desk, shaped):
    wish = {**SHAPED, "generator": shaped, "lesion": "0.3,0.4,0.5,0.2"}

    desk.post(PAGE, {**wish, "mask": mask_file()})

    batch = Batch.objects.get()
    assert batch.asked == {"lesion": written_from_image(mask_file().read(), "mask.png")}
    run_batch(batch, load_generator(shaped, batches.OWN_WEIGHTS, "cpu"))
    image = Image.objects.get(generator=shaped)
    for address in (
        reverse("generated", args=[batch.pk]),
        reverse("generated_image", args=[batch.pk, image.pk]),
    ):
        page = desk.get(address).content.decode()
        assert "a mask of 19 % of the image" in page  # 32 x 24 of 64 x 64
        assert 'class="shape" src="data:image/png;base64,' in page
    row = desk.get(reverse("admin:generation_batch_change", args=[batch.pk])).content.decode()
    assert "a mask of 19 % of the image" in row
    assert "png:" not in row


def test_a_form_that_is_refused_keeps_the_mask(desk, shaped):
    wish = {**SHAPED, "generator": shaped, "count": "99", "mask": mask_file()}

    page = desk.post(PAGE, wish)

    assert page.status_code == 422
    kept = page.context["form"]["lesion"].value()
    assert kept == written_from_image(mask_file().read(), "mask.png")
    again = desk.post(PAGE, {**SHAPED, "generator": shaped, "lesion": kept})
    assert again.status_code == 302
    assert Batch.objects.get().asked == {"lesion": kept}


@pytest.mark.parametrize(
    ("file", "said", "german"),
    [
        (
            mask_file(size=(64, 48)),
            "mask.png has 64 x 48 pixels; make it square",
            "mask.png hat 64 x 48 Pixel; machen Sie die Maske quadratisch",
        ),
        (
            mask_file(box=None),
            "mask.png is dark all over; make the lesion white",
            "mask.png ist überall dunkel; machen Sie die Läsion weiß",
        ),
        (
            mask_file(box=(0, 0, 64, 64)),
            "mask.png is bright all over; make the lesion white",
            "mask.png ist überall hell; machen Sie die Läsion weiß",
        ),
        (
            SimpleUploadedFile("notes.png", b"no image"),
            "notes.png is no PNG or JPEG that can be read",
            "notes.png ist kein lesbares PNG oder JPEG",
        ),
    ],
)
def test_a_file_that_is_no_mask_is_refused_with_the_mend(desk, shaped, file, said, german):
    answers = []
    for language in ("en", "de"):
        desk.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        for address in (PAGE, reverse("generate_mask")):
            file.seek(0)
            answers.append(desk.post(address, {**SHAPED, "generator": shaped, "mask": file}))

    assert {each.status_code for each in answers} == {422}
    assert not Batch.objects.exists()
    form, asked, german_form, german_asked = answers
    assert said in form.content.decode()
    assert said in asked.json()["problem"]
    assert german in german_form.content.decode()
    assert german in german_asked.json()["problem"]


def test_a_form_that_is_adapted_without_a_script_says_that_the_file_is_lost(desk, shaped):
    page = desk.get(PAGE, {"generator": shaped, "mask": "mask.png"}).content.decode()

    assert "mask.png could not be kept: choose it again." in page
