"""`generate_batch` and the desk's batches, from the outside."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.models import Image
from generation import batches, claims
from generation.batches import forget_batch, progress_of, run_batch
from generation.engine.generator import GenerationError
from generation.engine.registry import BUILT_IN
from generation.models import Batch
from tests.generation.test_batches import Painter


@pytest.mark.django_db(transaction=True)
def test_a_killed_command_is_gone_on_with_by_the_next(tmp_path):
    name = connection.settings_dict["NAME"]
    socket = connection.get_connection_params()["host"]
    user = connection.get_connection_params()["user"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{user}@/{name}?host={socket}",
        "DERMTURING_VAR": str(settings.VAR_DIR),
    }
    command = [
        sys.executable,
        "manage.py",
        "generate_batch",
        "--generator",
        "dermdiff",
        "--per-entity",
        "2",
        "--steps",
        "3",
        "--seed",
        "77",
    ]
    running = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 120
    while not Image.objects.exists() and time.monotonic() < until and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    batch = Batch.objects.get()
    begun, total = progress_of(batch)
    assert 0 < begun < total == 14

    subprocess.run(
        [*command[:3], "--resume"],
        cwd=settings.BASE_DIR,
        env=environment,
        check=True,
        capture_output=True,
    )

    assert progress_of(batch) == (14, 14)
    assert Image.objects.count() == 14
    for image in Image.objects.all():
        with image.file.open() as file:
            assert hashlib.sha256(file.read()).hexdigest() == image.sha256


def test_a_coordinator_starts_a_batch_and_sees_it_finished(
    client, db, django_capture_on_commit_callbacks
):
    client.login(username="c", password=create_account("c"))

    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            reverse("admin:generation_batch_add"),
            {
                "generator": "dermdiff",
                "entities": ["mel"],
                "per_entity": 1,
                "seed": 1,
                "guidance": 2,
                "steps": 2,
                "sex": "female",
                "age": "0",
            },
            follow=True,
        )

    assert "The images are being made" in response.content.decode()
    image = Image.objects.get()
    assert (image.entity, image.sex, image.age) == ("mel", "female", 0)
    batch = client.get(reverse("admin:generation_batch_change", args=[Batch.objects.get().pk]))
    assert "1 of 1 images are made" in batch.content.decode()
    assert reverse("admin:evaluation_image_thumbnail", args=[image.pk]) in batch.content.decode()
    assert Batch.objects.get().created_by.username == "c"
    listed = client.get(reverse("admin:generation_batch_changelist")).content.decode()
    assert "1 / 1" in listed
    assert "finished" in listed


ONE = ["--generator", "dermdiff", "--per-entity", "1", "--entity", "mel", "--steps", "2"]


def test_the_command_reports_and_reuses(db):
    out = StringIO()

    call_command("generate_batch", *ONE, stdout=out)
    call_command("generate_batch", *ONE, stdout=out)

    assert "1 of 1 images to make with dermdiff" in out.getvalue()
    assert "all 1 images are there already" in out.getvalue()
    assert Image.objects.count() == 1


def test_the_command_says_that_it_loads_a_generator_before_it_does(db, monkeypatch):
    out, said = StringIO(), []

    def load(*_):
        said.append(out.getvalue())
        raise GenerationError("there is none")

    monkeypatch.setattr("generation.batches.load_generator", load)

    with pytest.raises(CommandError, match="there is none"):
        call_command("generate_batch", *ONE, stdout=out)

    assert "loading 'dermdiff' and trying how many images it paints at once" in said[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--device", "tpu"], "tpu"), (["--compute-batch", "0"], "compute batch is 0")],
)
def test_a_batch_whose_generator_cannot_be_loaded_is_not_planned(db, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("generate_batch", *ONE, *options)

    assert not Batch.objects.exists()


def test_a_batch_whose_weights_are_broken_is_not_planned(db, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "OWN_WEIGHTS", tmp_path)
    copy = shutil.copytree(BUILT_IN / "dermdiff", tmp_path / "broken")
    weights = copy / "base" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])

    with pytest.raises(CommandError, match="broken"):
        call_command("generate_batch", "--generator", "broken", "--per-entity", "1")

    assert not Batch.objects.exists()


def test_a_batch_that_was_planned_before_stays(batch):
    with pytest.raises(CommandError, match="compute batch is 0"):
        call_command("generate_batch", "--resume", str(batch.pk), "--compute-batch", "0")

    assert progress_of(batch) == (0, 10)


def test_a_batch_that_another_process_makes_stays(batch):
    claims.claim(batch, 1)

    forget_batch(batch)

    assert progress_of(batch) == (0, 10)


def test_ctrl_c_while_images_are_compared_says_how_to_go_on(batch, monkeypatch):
    def interrupted(images, on_step):
        raise KeyboardInterrupt

    run_batch(batch, Painter())
    monkeypatch.setattr("generation.management.commands.generate_batch.find_copies", interrupted)

    with pytest.raises(CommandError, match=f"not all are compared .*--resume {batch.pk}"):
        call_command("generate_batch", "--resume", str(batch.pk))
