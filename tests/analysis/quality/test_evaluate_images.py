"""`manage.py evaluate_images`, on images of the catalogue."""

import csv
import json
from io import StringIO
from urllib.parse import quote

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from analysis import image_quality
from analysis.quality import published
from analysis.quality.extractors import DomainExtractor
from analysis.quality.sets import About
from evaluation.accounts import Role, create_account
from evaluation.models import Dataset, Image
from tests.conftest import add_synthetic_image, square_phantom


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Keep features and reports apart from those of other tests."""
    monkeypatch.setattr(image_quality, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(image_quality, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr("analysis.quality_reports.REPORTS", tmp_path / "reports")
    monkeypatch.setattr("analysis.quality_views.REPORTS", tmp_path / "reports")


def test_a_report_is_started_at_the_desk_and_what_hinders_it_is_read_there(images, admin_client):
    """The tests' tasks run at once."""
    wanted = {"generator": "ours", "reference": images.name}
    analyst = Client()
    create_account("ana", roles=[Role.ANALYST])
    analyst.force_login(User.objects.get(username="ana"))

    begun = admin_client.post("/quality/", wanted, follow=True)
    Image.objects.filter(generator="ours").update(suspected_copy=True)
    hindered = admin_client.post("/quality/", wanted, follow=True)

    assert begun.redirect_chain
    assert b"/quality/ours/" in begun.content
    assert b"http-equiv" not in begun.content
    assert b"24 are suspected copies" in hindered.content
    assert admin_client.post("/quality/", {**wanted, "reference": "none"}).status_code == 422
    assert analyst.post("/quality/", wanted).status_code == 403
    assert b"Compare</button>" not in analyst.get("/quality/").content
    since = quote(timezone.now().isoformat())
    waiting = admin_client.get(f"/quality/?generator=ours&since={since}").content
    assert b"are being compared" in waiting


@pytest.fixture
def images(real_images):
    """Put twelve images of two entities beside the real ones."""
    for entity in ("mel", "nv"):
        for seed in range(12):
            add_synthetic_image(
                generator="ours",
                pixels=square_phantom(entity, seed),
                name=f"{entity}-{seed}",
                entity=entity,
                recipe={"seed": seed},
                age=40.0 + seed,
            )
    return real_images


def evaluate(**options):
    out, err = StringIO(), StringIO()
    call_command("evaluate_images", stdout=out, stderr=err, **options)
    return out.getvalue()


class MeanColour:
    """A small network in the place of Keras'."""

    def __init__(self, path):
        self.about = About("keras", "Inception-v3 of Keras", "ef" * 32, 3)

    def rows(self, pixels):
        return pixels.mean((1, 2)).astype(np.float32)


def test_a_report_of_few_images_tells_no_number_that_they_cannot_carry(
    images, tmp_path, monkeypatch
):
    monkeypatch.setattr(image_quality, "KerasInceptionExtractor", MeanColour)
    monkeypatch.setattr(published, "LEAST", 4)

    said = evaluate(generator="ours", out=tmp_path / "out", keras=tmp_path / "keras.npz")

    folder = tmp_path / "out"
    assert said.strip() == f"quality report written: {folder / 'index.html'}"
    numbers = json.loads((folder / "report.json").read_text())
    assert numbers["schema"] == "dermturing-quality/1"
    found = numbers["findings"]
    assert {one["value"]["reason"] for one in found["sets"] if one["measure"] == "kid"} == {
        "n too small: 4 < 50",
        "n too small: 2 < 50",
    }
    agreement = {one["entity"]: one for one in found["faithfulness"]["agreement"]}
    assert agreement["mel"]["synthetic"]["n"] == 12
    assert agreement["mel"]["real"]["reason"] == "n too small: 4 < 10"
    page = (folder / "index.html").read_text()
    assert "There are too few images" in page
    assert "2 &lt; 50" in page
    assert "is no skin type" in page
    assert "--inception PATH" in page
    assert "--held-out DATASET" in page
    assert found["memorisation"] == []
    assert found["facts"]["keras"]["key"] == "keras"
    assert [row["entity"] for row in found["published"]] == ["mel", "nv", ""]
    assert all(row["fid"]["value"] > 0 for row in found["published"])
    assert {row["psnr"]["reason"] for row in found["published"][:-1]} == {"n too small: 2 < 10"}
    sha256 = DomainExtractor().about.sha256
    with (folder / "tables" / "distances.csv").open() as file:
        assert {row["sha256"] for row in csv.DictReader(file)} == {sha256}
    for figure in numbers["figures"].values():
        assert figure["alt"]
        assert (folder / figure["data"]).is_file()
        assert (folder / figure["svg"]).is_file()


def test_held_out_images_are_compared_and_must_be_of_other_lesions(images, tmp_path):
    others = Dataset.objects.create(name="others", licence="CC0-1.0", phantom=True)
    for entity in ("mel", "nv"):
        own = images.images.filter(entity=entity).values_list("pk", flat=True)
        images.images.filter(pk__in=list(own)[:2]).update(dataset=others)

    evaluate(generator="ours", reference=images.name, held_out="others", out=tmp_path / "out")

    found = json.loads((tmp_path / "out" / "report.json").read_text())["findings"]
    assert found["facts"]["held_out"] == "others"
    assert found["facts"]["images"]["held_out"] == {"mel": 2, "nv": 2}
    assert found["facts"]["caveats"][0].startswith("Computer-drawn phantoms")
    everything = found["memorisation"][0]
    assert (everything["entity"], everything["extractor"], everything["n"]) == ("", "domain", 4)
    assert everything["difference"]["reason"] == "n too small: 4 < 50"
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Are they nearer to what was learnt?" in page
    assert "--held-out DATASET" not in page
    with pytest.raises(CommandError, match=f"of '{images.name}' are of lesions in"):
        evaluate(generator="ours", reference=images.name, held_out=images.name)


def test_a_second_run_computes_no_feature_again_and_tells_the_same(images, tmp_path, monkeypatch):
    evaluate(generator="ours", out=tmp_path / "one")
    monkeypatch.setattr(
        "analysis.classifier.network.Classifier.read", lambda *_: pytest.fail("computed again")
    )

    evaluate(generator="ours", out=tmp_path / "two")

    one, two = (
        json.loads((tmp_path / name / "report.json").read_text()) for name in ("one", "two")
    )
    assert one["findings"] == two["findings"]


def test_a_run_that_was_stopped_keeps_what_it_measured(images, tmp_path, monkeypatch):
    monkeypatch.setattr(image_quality, "BATCH", 8)
    read, calls = DomainExtractor.rows, []

    def stopped(self, pixels):
        calls.append(len(pixels))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read(self, pixels)

    monkeypatch.setattr(DomainExtractor, "rows", stopped)
    with pytest.raises(CommandError, match="the same command goes on from there"):
        evaluate(generator="ours", out=tmp_path / "out")
    monkeypatch.setattr(image_quality, "BATCH", 64)

    evaluate(generator="ours", out=tmp_path / "out")

    total = Image.objects.count()
    assert calls[3:] == [total - 16]


def test_images_that_cannot_be_read_suspected_or_of_an_open_study_are_left_out(images, tmp_path):
    mine = Image.objects.filter(generator="ours").order_by("pk")
    Image.objects.filter(pk=mine[0].pk).update(suspected_copy=True)
    broken = mine[1]
    with broken.file.storage.open(broken.file.name, "wb") as file:
        file.write(b"no image")

    evaluate(generator="ours", out=tmp_path / "out")

    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    facts = numbers["findings"]["facts"]
    assert sum(facts["images"]["synthetic"].values()) == 22
    assert facts["caveats"][0].startswith(f"Left out, since unreadable: {broken}")
    assert "Left out of the synthetic images: 1 suspected copies." in facts["caveats"]


def test_unknown_names_are_refused_with_those_that_there_are(images):
    with pytest.raises(CommandError, match="no images of generator 'others'; there are images of"):
        evaluate(generator="others")
    with pytest.raises(CommandError, match="dataset 'none' does not exist"):
        evaluate(generator="ours", reference="none")
    with pytest.raises(CommandError, match="--side 8 is too small"):
        evaluate(generator="ours", side=8)


def test_the_desk_lists_and_serves_the_report(images, admin_client):
    assert b"evaluate_images --generator NAME" in admin_client.get("/quality/").content
    evaluate(generator="ours")

    listed = admin_client.get("/quality/").content.decode()
    page = admin_client.get("/quality/ours/")
    table = admin_client.get("/quality/ours/tables/agreement.csv")

    assert "/quality/ours/" in listed
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert b"Image quality: ours" in page.content
    assert table.getvalue().startswith(b"entity,")
    assert admin_client.get("/quality/ours/report.zip")["Content-Type"] == "application/zip"
    assert admin_client.get("/quality/ours/../secret").status_code == 404
    assert admin_client.get("/quality/others/").status_code == 404


def test_pictures_of_the_hardest_images_come_with_what_was_seen(images, tmp_path):
    evaluate(generator="ours", out=tmp_path / "out")

    found = json.loads((tmp_path / "out" / "report.json").read_text())["findings"]
    hardest = found["faithfulness"]["hardest"]
    chances = np.array([one["asked_for"] for one in hardest])
    assert (np.diff(chances) >= 0).all()
    assert all(one["asked"] != one["seen"] for one in hardest)
    shown = list((tmp_path / "out" / "images").glob("hardest-*.jpg"))
    assert len(shown) == len(hardest) > 0
