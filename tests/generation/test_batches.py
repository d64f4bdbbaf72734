"""Batches: planned once, stopped and gone on with, recorded wholly."""

import hashlib
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO, StringIO
from threading import Event

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from PIL import Image as Picture

from evaluation.catalogue import NewImage, add_synthetic_images
from evaluation.errors import EvaluationError
from evaluation.models import Image
from generation import batches, claims
from generation.batches import Asked, image_seed, plan_batch, progress_of, run_batch
from generation.engine.generator import GenerationError
from generation.engine.registry import vocabulary_of
from generation.models import Batch

ORIGINALS = settings.VAR_DIR / "media" / "originals"


class Painter:
    """A small real generator: paints noise that follows from entity and seed alone."""

    name, revision, licence, compute_batch, compiled = "dermdiff", "r1", "CC0-1.0", 4, False
    controls, entities = frozenset(), ("mel", "nv")

    def __init__(self, stop_at=None, calls_at_once=1):
        self.stop_at, self.calls, self.asked = stop_at, 0, []
        self.calls_at_once = calls_at_once

    def settings(self):
        return {"weights": "none", "trained_on": ["clinic"]}

    def generate(self, requests, on_step=None):
        self.calls += 1
        self.asked += requests
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        return [
            np.random.default_rng([r.seed, *r.entity.encode()]).integers(
                0, 255, (40, 40, 3), np.uint8
            )
            for r in requests
        ]


def made():
    return set(Image.objects.values_list("sha256", flat=True))


def test_every_image_is_recorded_with_what_decided_it(batch):
    run_batch(batch, Painter())

    assert progress_of(batch) == (10, 10)
    known = vocabulary_of("dermdiff", batches.OWN_WEIGHTS)
    for image in Image.objects.all():
        planned = batch.planned.get(seed=image.recipe["seed"])
        assert (image.origin, image.generator, image.generator_revision) == (
            "synthetic",
            "dermdiff",
            "r1",
        )
        assert image.recipe == {
            "label": planned.entity,
            "seed": planned.seed,
            "guidance": known.usual["guidance"][planned.entity],
            "steps": 18,
            "size": 256,
        }
        with image.file.open() as file:
            content = file.read()
        assert hashlib.sha256(content).hexdigest() == image.sha256
        told = json.loads(Picture.open(BytesIO(content)).text["provenance"])
        assert told["made_with"] == batch.made_with == {"weights": "none", "trained_on": ["clinic"]}
        assert (told["revision"], told["recipe"]["seed"]) == ("r1", planned.seed)
        assert told["software"].startswith("DermTuring ")


def test_what_is_asked_for_decides_the_images_and_stands_with_them(db):
    asked = Asked(sex="female", age=60.0, site="back")
    plain = plan_batch(generator="dermdiff", per_entity=1, entities=["mel"])
    batch = plan_batch(generator="dermdiff", per_entity=1, entities=["mel"], asked=asked)
    painter = Painter()

    run_batch(batch, painter)

    assert batch != plain
    request = painter.asked[0]
    assert (request.sex, request.age, request.site) == ("female", 60.0, "back")
    image = Image.objects.get()
    assert (image.sex, image.age, image.site, image.skin_tone) == ("female", 60.0, "back", None)
    assert image.recipe["site"] == "back"


def test_a_prompt_names_the_entity_where_nothing_else_does(db):
    batch = plan_batch(
        generator="dermdiff", per_entity=2, asked=Asked(prompt="basal cell carcinoma on the face")
    )

    assert batch.entities == ["bcc"]
    assert batch.planned.count() == 2


@pytest.mark.parametrize("calls_at_once", [1, 2])
def test_a_batch_that_was_stopped_goes_on_to_the_same_images(batch, calls_at_once):
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, Painter(stop_at=2, calls_at_once=calls_at_once))
    assert progress_of(batch) == (4, 10)
    assert not batch.planned.filter(claimed_until__isnull=False, image=None).exists()

    assert run_batch(batch, Painter(calls_at_once=calls_at_once)) == 6
    resumed = made()
    Batch.objects.all().delete()
    run_batch(
        plan_batch(generator="dermdiff", per_entity=5, entities=["mel", "nv"], seed=3), Painter()
    )

    assert made() == resumed
    assert len(resumed) == 10


def test_a_call_that_fails_leaves_those_before_it_recorded_and_claims_nothing(batch):
    class Refuses(Painter):
        def generate(self, requests, on_step=None):
            if any(r.seed == last.seed for r in requests):
                raise GenerationError("it came out black")
            return super().generate(requests)

    last = batch.planned.order_by("index")[7]

    with pytest.raises(GenerationError, match="came out black"):
        run_batch(batch, Refuses(calls_at_once=2))

    assert progress_of(batch) == (4, 10)
    assert not batch.planned.filter(claimed_until__isnull=False, image=None).exists()


def test_a_store_that_takes_no_more_is_an_error_and_leaves_nothing_half_done(db):
    """A limit on the size of files stands for a disk that is full."""
    batch = plan_batch(generator="dermdiff", per_entity=5, entities=["mel", "nv"], seed=91)
    for old in ORIGINALS.glob("*/*.png"):  # of earlier runs of this test
        old.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = {path for path in ORIGINALS.rglob("*") if path.is_file()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        with pytest.raises(EvaluationError, match=r"written \(File too large\); make room"):
            run_batch(batch, Painter())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert progress_of(batch) == (0, 10)
    assert not Image.objects.exists()
    assert {path for path in ORIGINALS.rglob("*") if path.is_file()} == kept
    assert run_batch(batch, Painter()) == 10  # what was claimed was given back


def test_images_that_fit_are_taken_away_again_where_others_do_not(db):
    noise = np.random.default_rng(92).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    images = [
        NewImage(pixels, name, "nv", {"seed": 92})
        for pixels, name in ((np.full((8, 8, 3), 92, np.uint8), "small"), (noise, "large"))
    ]
    kept = {path for path in ORIGINALS.rglob("*") if path.is_file()}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(EvaluationError, match="make room"):
            add_synthetic_images(
                images, generator="made", revision="1", licence="CC0-1.0", made_with={}
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert {path for path in ORIGINALS.rglob("*") if path.is_file()} == kept


def test_asking_for_the_same_batch_again_plans_nothing_new(batch):
    again = plan_batch(generator="dermdiff", per_entity=5, entities=["mel", "nv"], seed=3)

    assert again == batch


def test_a_batch_is_never_made_by_two_revisions(batch):
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, Painter(stop_at=2))
    other = Painter()
    other.revision = "r2"

    with pytest.raises(GenerationError, match="begun with revision r1"):
        run_batch(batch, other)


@pytest.mark.django_db(transaction=True)
def test_two_processes_share_a_batch_without_making_an_image_twice():
    batch = plan_batch(generator="dermdiff", per_entity=12, entities=["mel", "nv"])

    def work(_):
        try:
            return run_batch(batch, Painter())
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(work, range(3)))

    assert sum(counts) == 24
    assert progress_of(batch) == (24, 24)


@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_run_out_while_its_images_are_being_made(monkeypatch):
    monkeypatch.setattr(claims, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(claims, "RENEWAL", timedelta(seconds=0.1))
    batch = plan_batch(generator="dermdiff", per_entity=2, entities=["mel", "nv"])
    claimed = []

    class Slow(Painter):
        def generate(self, requests, on_step=None):
            time.sleep(2)
            claimed.append(batch.planned.filter(claimed_until__gt=timezone.now()).count())
            connection.close()
            return super().generate(requests)

    run_batch(batch, Slow())

    assert claimed == [4]


@pytest.mark.django_db(transaction=True)
def test_what_a_process_claimed_is_its_own_as_long_as_it_is_connected():
    batch = plan_batch(generator="dermdiff", per_entity=2, entities=["mel", "nv"], steps=2)
    claimed, dead = Event(), Event()

    def live():
        claims.claim(batch, 3)
        claimed.set()
        dead.wait(120)
        connection.close()

    def said():
        out = StringIO()
        call_command("generate_batch", "--resume", str(batch.pk), stdout=out)
        return out.getvalue()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(live)
        assert claimed.wait(60)
        assert "1 of 4 images; of the other 3 another process has charge" in said()
        dead.set()
    until = time.monotonic() + 60
    while claims.waiting(batch.planned).count() != 3 and time.monotonic() < until:
        time.sleep(0.05)

    assert "4 of 4 images\n" in said()


@pytest.mark.django_db(transaction=True)
def test_what_another_process_made_meanwhile_is_not_made_twice():
    batch = plan_batch(generator="dermdiff", per_entity=5, entities=["mel", "nv"])

    class Slow(Painter):
        def generate(self, requests, on_step=None):
            if not batch.planned.exclude(image=None).exists():
                batch.planned.update(claimed_until=None)
                run_batch(batch, Painter())
            connection.close()
            return super().generate(requests)

    run_batch(batch, Slow())

    assert progress_of(batch) == (10, 10)
    assert Image.objects.count() == 10


def test_seeds_do_not_depend_on_how_many_images_are_asked_for():
    assert image_seed(1, "mel", 4) == image_seed(1, "mel", 4)
    assert (
        len({image_seed(s, e, n) for s in (1, 2) for e in ("mel", "nv") for n in range(50)}) == 200
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generator": "nobody"}, "'nobody' is unknown; there are: dermdiff"),
        ({"entities": ["wart"]}, "entity 'wart' is unknown"),
        ({"per_entity": 0}, "images per entity is 0; use at least 1"),
        ({"guidance": 0.2}, "guidance is 0.2"),
        ({"guidance": float("nan")}, r"guidance is nan; use 1 \(none\) to 100"),
        ({"steps": 1}, "steps is 1"),
        ({"steps": 40_000}, "steps is 40000; use 2 to 1000"),
        ({"seed": 10**30}, f"seed is {10**30}; use 0 to 9223372036854775806"),
        ({"asked": Asked(age=float("nan"))}, "age is nan years; use 0 to 110"),
        ({"asked": Asked(age=400)}, "age is 400 years"),
        ({"size": 8}, "size is 8; use at least 32"),
        ({"size": 9999}, "size is 9999; use at most 4096"),
        ({"size": 512}, "'dermdiff' makes images of 256 px, not 512"),
        ({"asked": Asked(site="moon")}, "site 'moon' is unknown; use one of abdomen"),
        ({"asked": Asked(prompt="a melanoma or a nevus")}, "names mel and nv"),
        ({"asked": Asked(prompt="melanoma", sex="male")}, "put sex into its words"),
        ({"asked": Asked(prompt="an image of the skin")}, "names no diagnosis that is known"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(db, changes, words):
    with pytest.raises(GenerationError, match=words):
        plan_batch(**{"generator": "dermdiff", "per_entity": 1, **changes})

    assert not Batch.objects.exists()


def test_the_command_says_what_is_missing(db):
    for options, words in (
        ([], "--generator NAME --per-entity N, or --resume"),
        (["--resume"], "no batch is unfinished"),
        (["--resume", "99"], "batch 99 does not exist"),
        (["--resume", "--per-entity", "3", "--age", "60"], "leave --per-entity, --age out"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("generate_batch", *options)
