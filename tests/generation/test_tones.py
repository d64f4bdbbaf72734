"""Batches over several skin tones: dealt evenly, gone on with, reported; and the API that asks."""

import base64
import csv
import json
from collections import Counter
from importlib import import_module
from io import BytesIO, StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image as Picture

from evaluation.accounts import create_account
from evaluation.models import Image
from generation.batches import plan_batch, run_batch
from generation.engine.dermgan.generator import DermGanGenerator
from generation.engine.lesions import mask_of
from generation.models import Batch
from generation.tones import Asked, reached, reached_tones
from tests.generation.tiny_dermgan import save_tiny_dermgan

TONES = (60.0, 20.0, -20.0)


@pytest.fixture
def tiny(db, monkeypatch, tmp_path):
    for module in ("batches", "forms", "api"):
        monkeypatch.setattr(f"generation.{module}.OWN_WEIGHTS", tmp_path)
    save_tiny_dermgan(tmp_path / "tiny")
    return DermGanGenerator("tiny", tmp_path / "tiny", "cpu")


@pytest.fixture
def signed_in(client, db):
    """Return headers of an account of the desk, as `curl -u` sends them."""
    told = f"anna:{create_account('anna')}"
    return {"Authorization": f"Basic {base64.b64encode(told.encode()).decode()}"}


def square_mask(side=300):
    mask = Picture.new("1", (side, side))
    mask.paste(1, (side // 4, side // 4, side // 2, 3 * side // 4))
    out = BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()


class StopsAfterOne(DermGanGenerator):
    calls = 0

    def generate(self, requests, on_step=None):
        self.calls += 1
        if self.calls > 1:
            raise KeyboardInterrupt
        return super().generate(requests, on_step)


def test_every_diagnosis_and_the_batch_get_as_many_of_each_tone_but_for_one(tiny):
    batch = plan_batch(generator="tiny", per_entity=10, tones=TONES)

    cells = Counter(batch.planned.values_list("entity", "tone"))
    assert len(cells) == 6
    assert set(cells.values()) == {3, 4}
    assert sorted(Counter(batch.planned.values_list("tone", flat=True)).values()) == [6, 7, 7]
    assert plan_batch(generator="tiny", per_entity=10, tones=TONES) == batch
    assert plan_batch(generator="tiny", per_entity=10, tones=TONES[:2]) != batch


def test_a_stopped_batch_goes_on_with_its_tones_and_tells_what_it_reached(tiny, tmp_path):
    batch = plan_batch(generator="tiny", per_entity=6, entities=["mel", "nv"], tones=TONES)
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, StopsAfterOne("tiny", tmp_path / "tiny", "cpu", compute_batch=5))
    begun = reached_tones(batch)

    run_batch(batch, DermGanGenerator("tiny", tmp_path / "tiny", "cpu", compute_batch=5))

    assert [row.made for row in begun] == [2, 2, 1, 0, 0, 0, 2, 2, 1]
    for planned in batch.planned.select_related("image"):
        image = planned.image
        assert (image.skin_tone, image.recipe["tone"]) == (planned.tone, planned.tone)
        assert image.measured_tone == pytest.approx(planned.tone, abs=10)
    rows = reached_tones(batch)
    assert [(r.entity, r.tone) for r in rows[-3:]] == [("all", tone) for tone in TONES]
    assert all((r.planned, r.made, r.measured) == (2, 2, 2) for r in rows[:6])
    assert all(r.mean_error < 10 for r in rows)
    Image.objects.filter(pk=batch.planned.first().image_id).update(sealed=True)
    assert reached_tones(batch)[0].made == 1  # a study that is open has it


def test_what_was_reached_is_counted_by_distance_and_by_class():
    row = reached(
        [Asked("mel", 20.0, True, m) for m in (18.0, 26.0, 30.0, None)]
        + [Asked("mel", 20.0, False, None)],
        "mel",
        20.0,
    )

    assert (row.planned, row.made, row.measured) == (5, 4, 3)
    assert (row.median, row.mean_error, row.within_class) == (26.0, 6.0, 0.667)
    assert row.tone_class == "tan"
    none = reached([Asked("mel", 20.0, True, None)], "mel", 20.0)
    assert (none.median, none.mean_error, none.within_class) == (None, None, None)


def test_the_command_deals_tones_and_prints_what_was_reached(tiny):
    out = StringIO()

    call_command(
        "generate_batch", "--generator", "tiny", "--per-entity", "2", "--tone", "60", "-20",
        "--device", "cpu", stdout=out,
    )  # fmt: skip

    assert "skin tones, asked and measured" in out.getvalue()
    assert "all      -20° brown" in out.getvalue()
    assert "no skin type" in out.getvalue()
    assert Batch.objects.get().tones == [60.0, -20.0]


def test_tones_that_cannot_be_dealt_are_refused(tiny):
    for generator, options, words in (
        ("tiny", ["--tone", "60,20,-20"], "2 images per entity are too few for 3 tones"),
        ("tiny", ["--tone", "60", "400"], "tone is 400 degrees; use -90 to 180"),
        ("tiny", ["--tone", "fair"], "'fair' is no number of degrees"),
        ("dermdiff", ["--tone", "60", "20"], "does not honour tone"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("generate_batch", "--generator", generator, "--per-entity", "2", *options)

    assert not Batch.objects.exists()


def test_a_batch_of_before_keeps_its_tone(tiny):
    batch = plan_batch(generator="tiny", per_entity=1, tones=[20.0])
    Batch.objects.update(asked={"tone": 20.0}, tones=[])
    batch.planned.update(tone=None)

    import_module("generation.migrations.0005_tones").move_in(apps, None)

    assert plan_batch(generator="tiny", per_entity=1, tones=[20.0]) == batch
    assert set(batch.planned.values_list("tone", flat=True)) == {20.0}


def test_the_desk_asks_for_tones_and_a_mask_and_shows_what_was_reached(
    tiny, admin_client, django_capture_on_commit_callbacks
):
    wish = {
        "generator": "tiny", "entities": ["mel", "nv"], "per_entity": 2, "seed": 1,
        "tones": ["65.0", "-10.0"],
    }  # fmt: skip

    def post(**more):
        with django_capture_on_commit_callbacks(execute=True):
            answer = admin_client.post(reverse("admin:generation_batch_add"), {**wish, **more})
        return answer.content.decode()

    full = SimpleUploadedFile("full.png", b"no image")
    assert "full.png is no PNG or JPEG" in post(mask=full)
    assert "leave one out" in post(
        mask=SimpleUploadedFile("m.png", square_mask()), lesion="0.5,0.5,0.4,0.4"
    )
    assert "is outside the image" in post(lesion="3,0.5,0.4,0.4")
    assert not Batch.objects.exists()
    post(mask=SimpleUploadedFile("m.png", square_mask()))

    batch = Batch.objects.get()
    assert (batch.tones, batch.asked["lesion"][:4]) == ([65.0, -10.0], "png:")
    page = admin_client.get(
        reverse("admin:generation_batch_change", args=[batch.pk])
    ).content.decode()
    assert "Skin tones: asked for, and measured" in page
    assert "-10° brown" in page
    table = admin_client.get(reverse("api_batch_tones_csv", args=[batch.pk]))
    rows = list(csv.DictReader(StringIO(table.content.decode())))
    assert len(rows) == 6
    assert {(row["planned"], row["made"]) for row in rows} == {("1", "1"), ("2", "2")}


def test_the_api_begins_a_batch_and_gives_its_images(
    tiny, client, signed_in, django_capture_on_commit_callbacks
):
    mask = "png:" + base64.b64encode(square_mask()).decode()
    wish = {"generator": "tiny", "per_entity": 2, "entities": ["nv"], "tones": [60, -20]}

    def post(given):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(
                reverse("api_batches"), given, content_type="application/json", headers=signed_in
            )

    begun, again = post({**wish, "lesion": mask}), post({**wish, "lesion": mask})

    assert (begun.status_code, again.status_code) == (201, 200)
    batch = client.get(f"/api/batches/{begun.json()['batch']}", headers=signed_in).json()
    assert (batch["made"], batch["total"], batch["tones"]) == (2, 2, [60.0, -20.0])
    assert mask_of(batch["lesion"], 0, 256)[128, 96]
    assert [image["tone"] for image in batch["images"]] == [60.0, -20.0]
    for image in batch["images"]:
        assert image["measured_tone"] == pytest.approx(image["tone"], abs=12)
        content = client.get(image["file"], headers=signed_in)
        told = json.loads(Picture.open(BytesIO(content.content)).text["provenance"])
        assert told["recipe"]["tone"] == image["tone"]
    tones = client.get(f"/api/batches/{batch['batch']}/tones", headers=signed_in).json()
    assert [row["tone"] for row in tones["tones"]] == [60.0, -20.0]
    assert "no skin type" in tones["note"]
    known = client.get("/api/generators", headers=signed_in).json()["generators"]
    assert {"name": "tiny", "entities": ["mel", "nv"], "controls": ["lesion", "tone"]} in known
    (solved,) = (each for each in known if each["name"] == "dermdiff")
    assert (solved["steps"], {*solved["guidance"]}) == (18, {*solved["entities"]})


def test_the_api_says_what_is_wrong(tiny, admin_client):
    for wrong, words in (
        ({"tones": [400]}, "tone is 400 degrees; use -90 to 180"),
        ({"tones": ["fair"]}, "A valid number is required"),
        ({"lesion": "0.5,0.5"}, "cannot be read; write x,y,width,height"),
        ({"lesion": "png:!!"}, "mask cannot be read"),
        ({"lesion": "png:" + base64.b64encode(b"no").decode()}, "is no PNG or JPEG"),
        ({"tone": 20}, "tone: unknown; use generator, per_entity"),
        ({"sex": "male"}, "does not honour sex"),
        ({"generator": "nobody"}, "'nobody' is unknown"),
        ({"per_entity": 0}, "greater than or equal to 1"),
    ):
        answer = admin_client.post(
            reverse("api_batches"),
            {"generator": "tiny", "per_entity": 1, **wrong},
            content_type="application/json",
        )

        assert answer.status_code == 400, wrong
        assert words in answer.content.decode()
    assert not Batch.objects.exists()


def test_the_api_knows_accounts_that_may_generate_and_nobody_else(tiny, client):
    create_account("otto", ["officer"])
    stranger = client.get(reverse("api_generators"))
    client.force_login(User.objects.get(username="otto"))

    assert stranger.status_code == 401
    assert client.get(reverse("api_generators")).status_code == 403
