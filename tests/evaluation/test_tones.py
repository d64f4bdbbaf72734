"""Skin tones in the catalogue: measured as images come in, and afterwards where they were not."""

from io import StringIO

import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image as Picture

from evaluation.catalogue import open_original
from evaluation.importing import plan_import, run_import
from evaluation.models import Image
from evaluation.skin.finding import METHOD, measured_tone
from evaluation.tones import measure_tones, tones_by_source
from tests.conftest import add_synthetic_image


@pytest.fixture
def clinic(db, tmp_path):
    """Import a light, a brown and a blue picture."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in (("a", (225, 190, 165)), ("b", (120, 80, 55)), ("c", (40, 60, 220))):
        Picture.new("RGB", (90, 60), colour).save(folder / f"{name}.png")
    table = tmp_path / "index.csv"
    table.write_text("image_id,dx,skin_tone\na,nv,30\nb,nv,\nc,nv,\n")
    where = {"source": str(folder), "metadata": str(table)}
    plan = plan_import(**where, dataset="clinic", licence="CC0-1.0")
    return run_import(plan, source=str(folder))


def test_the_tone_is_measured_on_import_beside_what_is_said_of_it(clinic):
    light, brown, blue = Image.objects.order_by("name")

    assert (light.skin_tone, brown.skin_tone) == (30, None)
    assert light.measured_tone > 41
    assert -30 < brown.measured_tone < 10
    assert blue.measured_tone is None
    assert {light.tone_method, brown.tone_method, blue.tone_method} == {METHOD}
    for image in (light, brown, blue):
        assert image.measured_tone == measured_tone(open_original(image))
    assert tones_by_source()["clinic"].classes[1] == 1


def test_a_generated_image_is_measured_as_photographs_are(db):
    made = add_synthetic_image(
        pixels=np.full((64, 64, 3), (205, 160, 130), np.uint8), name="made", entity="nv"
    )

    assert Image.objects.get().measured_tone == measured_tone(open_original(made))


def test_what_came_in_before_is_measured_once_and_a_broken_file_hinders_no_other(clinic):
    before = dict(Image.objects.values_list("name", "measured_tone"))
    Image.objects.update(measured_tone=None, tone_method=0)
    gone = Image.objects.get(name="b")
    content = open_original(gone)
    storages["originals"].delete(gone.file.name)

    out = StringIO()
    with pytest.raises(CommandError, match=rf"1 images could not be measured:\n{gone}: "):
        call_command("measure_tones", stdout=out)
    assert "2 images measured, skin found in 1 of them" in out.getvalue()
    assert "| clinic | 2 | 1 |" in out.getvalue()

    with storages["originals"].open(gone.file.name, "wb") as file:
        content.save(file, "PNG")
    again = measure_tones(Image.objects.all())

    assert (again.images, again.found) == (1, 1)
    assert dict(Image.objects.values_list("name", "measured_tone")) == before
    assert measure_tones(Image.objects.all()).images == 0


def test_the_desk_says_what_the_angle_is_not(clinic, admin_client):
    light, brown, blue = Image.objects.order_by("name")
    Image.objects.filter(pk=brown.pk).update(tone_method=0)

    pages = [
        admin_client.get(reverse("admin:evaluation_image_change", args=[image.pk])).content.decode()
        for image in (light, brown, blue)
    ]

    assert f"{light.measured_tone:.0f}° (" in pages[0]
    assert "no skin type" in pages[0]
    assert "not measured yet" in pages[1]
    assert "no skin found" in pages[2]
