"""The demonstration's real images, from each of their three sources."""

import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from urllib3.util import Retry

from evaluation import demo_images, isic_archive
from evaluation.demo_images import demo_ids, ensure_demo_images, phantom_dataset
from evaluation.entities import ENTITIES
from evaluation.errors import EvaluationError
from evaluation.isic_archive import ArchiveUnreachable, Wanted, download
from evaluation.models import Image
from evaluation.phantoms import draw_phantom
from tests.evaluation.test_importing import jpeg

FAST = Retry(total=4, backoff_factor=0.01, status_forcelist=(429, 500, 503), allowed_methods=None)


class Archive:
    """A server that speaks the ISIC Archive's interface, and can be told to misbehave."""

    def __init__(self):
        self.asked, self.trouble, self.files = [], {}, {}
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                archive.answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/api/v2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        self.asked.append(request.path)
        name = request.path.rstrip("/").rsplit("/", 1)[-1]
        if waiting := self.trouble.get(request.path, []):
            return waiting.pop(0)(request)
        if request.path.startswith("/api/v2/images/"):
            facts = {
                "isic_id": name,
                "copyright_license": "CC-BY-NC",
                "files": {"full": {"url": f"{self.address[:-7]}/files/{name}", "size": 1}},
            }
            return self.send(request, 200, json.dumps(facts).encode())
        if name in self.files:
            return self.send(request, 200, self.files[name])
        return self.send(request, 404, b"")

    @staticmethod
    def send(request, status, body, **headers):
        request.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(key.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def archive():
    server = Archive()
    server.files = {f"ISIC_{n}": jpeg(n) for n in range(5)}
    yield server
    server.server.shutdown()


def wanted(archive):
    return [
        Wanted(name, hashlib.sha256(content).hexdigest()) for name, content in archive.files.items()
    ]


def test_originals_come_down_whole_with_their_licence(archive, tmp_path):
    licences = download(wanted(archive), tmp_path, address=archive.address, retry=FAST)

    assert licences == {"CC-BY-NC"}
    for name, content in archive.files.items():
        assert (tmp_path / f"{name}.jpg").read_bytes() == content


def test_what_is_there_is_not_asked_for_again(archive, tmp_path):
    download(wanted(archive)[:3], tmp_path, address=archive.address, retry=FAST)
    archive.asked.clear()

    download(wanted(archive), tmp_path, address=archive.address, retry=FAST)

    assert {path.rstrip("/")[-6:] for path in archive.asked} == {"ISIC_3", "ISIC_4"}


def test_passing_failures_and_rate_limits_are_waited_out(archive, tmp_path):
    archive.trouble = {
        "/api/v2/images/ISIC_0/": [
            lambda request: Archive.send(request, 503, b""),
            lambda request: Archive.send(request, 429, b"", Retry_After="0"),
        ],
        "/files/ISIC_1": [lambda request: Archive.send(request, 500, b"")],
    }

    download(wanted(archive), tmp_path, address=archive.address, retry=FAST)

    assert len(list(tmp_path.glob("*.jpg"))) == 5


def test_a_file_that_is_cut_off_is_not_kept(archive, tmp_path):
    def cut(request):
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"half")

    archive.trouble = {"/files/ISIC_0": [cut]}

    with pytest.raises(ArchiveUnreachable, match="ISIC_0"):
        download(wanted(archive), tmp_path, address=archive.address, retry=FAST)
    assert not list(tmp_path.iterdir())
    download(wanted(archive), tmp_path, address=archive.address, retry=FAST)
    assert len(list(tmp_path.glob("*.jpg"))) == 5


def test_another_file_than_the_one_expected_is_refused(archive, tmp_path):
    expected = wanted(archive)
    archive.files["ISIC_2"] = jpeg(99)

    with pytest.raises(EvaluationError, match="ISIC_2: the archive's file is not the one expected"):
        download(expected, tmp_path, address=archive.address, retry=FAST)

    assert not (tmp_path / "ISIC_2.jpg").exists()


def test_the_list_holds_twenty_images_an_entity():
    assert Counter(row["dx"] for row in demo_ids()) == dict.fromkeys(ENTITIES, 20)


@pytest.mark.django_db
def test_without_a_folder_the_archive_is_asked(archive, tmp_path, monkeypatch, settings):
    settings.IMAGES_DIR = None
    monkeypatch.setattr(demo_images, "DOWNLOADS", tmp_path / "isic")
    entities = list(ENTITIES)
    rows = [
        {"image_id": each.isic_id, "dx": entities[n], "sha256_of_original": each.sha256}
        for n, each in enumerate(wanted(archive))
    ]
    monkeypatch.setattr(demo_images, "demo_ids", lambda: rows)
    monkeypatch.setattr(
        isic_archive.download,
        "__kwdefaults__",
        {
            "address": archive.address,
            "retry": FAST,
            "on_step": None,
        },
    )
    said = []

    dataset = ensure_demo_images(said.append)

    assert (dataset.name, dataset.phantom) == ("isic2018-test", False)
    assert dataset.images.count() == 5
    assert any("CC-BY-NC" in line for line in said)


@pytest.mark.django_db
def test_where_the_archive_cannot_be_reached_phantoms_stand_in_and_say_so(
    client, tmp_path, monkeypatch, settings
):
    settings.IMAGES_DIR = None
    monkeypatch.setattr(demo_images, "DOWNLOADS", tmp_path / "isic")
    monkeypatch.setattr(demo_images, "PER_ENTITY", 1)
    monkeypatch.setattr(
        isic_archive.download,
        "__kwdefaults__",
        {
            "address": "http://127.0.0.1:9/api/v2",
            "retry": Retry(0),
            "on_step": None,
        },
    )
    said = []

    dataset = ensure_demo_images(said.append)

    assert dataset.phantom
    assert said[-1] == (
        "the ISIC Archive does not give ISIC_0035021 (it cannot be reached): "
        "phantoms stand in for photographs"
    )
    assert b"phantoms stand in for photographs" in client.get("/").content
    assert ensure_demo_images(said.append) == dataset


@pytest.mark.django_db
def test_a_download_that_broke_off_is_gone_on_with_and_not_replaced_by_phantoms(
    archive, tmp_path, monkeypatch, settings
):
    settings.IMAGES_DIR = None
    monkeypatch.setattr(demo_images, "DOWNLOADS", tmp_path / "isic")
    rows = [
        {"image_id": each.isic_id, "dx": "mel", "sha256_of_original": each.sha256}
        for each in wanted(archive)
    ]
    monkeypatch.setattr(demo_images, "demo_ids", lambda: rows)
    monkeypatch.setattr(
        isic_archive.download,
        "__kwdefaults__",
        {"address": archive.address, "retry": Retry(0), "on_step": None},
    )
    archive.trouble = {"/files/ISIC_3": [lambda request: Archive.send(request, 500, b"")]}

    with pytest.raises(EvaluationError, match=r"ISIC_3 \(status 500\); start again to go on"):
        ensure_demo_images(print)
    dataset = ensure_demo_images(print)

    assert (dataset.phantom, dataset.images.count()) == (False, 5)


@pytest.mark.django_db
def test_a_folder_without_the_images_is_an_error_and_not_a_silent_download(tmp_path, settings):
    settings.IMAGES_DIR = tmp_path

    with pytest.raises(EvaluationError, match=r"DERMTURING_IMAGES is .* but there is no"):
        ensure_demo_images(print)


@pytest.mark.django_db
def test_photographs_are_used_where_there_are_some(photographs):
    dataset = ensure_demo_images(print) if photographs else phantom_dataset(20)

    counts = Counter(Image.objects.values_list("entity", flat=True))
    assert counts == dict.fromkeys(ENTITIES, 20)
    assert dataset.phantom is (photographs is None)


def test_phantoms_can_be_drawn_again_and_differ_between_entities_and_seeds():
    assert np.array_equal(draw_phantom("mel", 3), draw_phantom("mel", 3))
    assert not np.array_equal(draw_phantom("mel", 3), draw_phantom("mel", 4))
    reddest = {e: draw_phantom(e, 1)[124:164, 172:212].reshape(-1, 3).mean(0) for e in ENTITIES}
    assert reddest["mel"].sum() == min(colour.sum() for colour in reddest.values())
