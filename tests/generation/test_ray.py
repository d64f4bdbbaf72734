"""Batches made by workers of a real Ray cluster: processes on this machine."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from evaluation.models import Image
from generation.batches import plan_batch, progress_of, run_batch, run_batch_with
from generation.engine import ray_pool
from generation.engine.generator import GenerationError
from generation.engine.ray_pool import RayPool, _places
from generation.engine.ray_worker import Loaded, Worker
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import load_generator
from tests.generation.tiny_pipeline import SIZE, save_tiny_pipeline


class Painting(Worker):
    """A worker that is there at once: paints noise that follows from the seed alone."""

    revision, loading_s, painting_s = "r1", 0.0, 0.1
    deadly = refused = None  # numbers of images

    def load(self, *asked):
        time.sleep(self.loading_s)
        revision = self.revision or str(os.getpid())
        return Loaded(revision, {"weights": revision}, "CC0-1.0", 2, False, "here", os.getpid())

    def generate(self, requests):
        time.sleep(self.painting_s)
        if self.refused in [request.seed for request in requests]:
            raise GenerationError("this seed is refused")
        if self.deadly in [request.seed for request in requests]:
            os.kill(os.getpid(), signal.SIGKILL)
        return [
            np.random.default_rng(request.seed).integers(0, 255, (40, 40, 3), np.uint8)
            for request in requests
        ]


@pytest.fixture(autouse=True, scope="session")
def _apart():
    """Keep files, token and ports apart from any other Ray of this machine."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # paths of sockets have to be short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "token")  # it listens to the network
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.delenv("RAY_ADDRESS", raising=False)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(_apart):
    """Start a cluster of two cores; return its address."""
    from ray import cloudpickle
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not know the tests
    started = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "object_store_memory": 80 * 2**20,
            "include_dashboard": False,
        },
    )
    yield started.address
    started.shutdown()
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture(autouse=True)
def _one_thread():
    """Let two workers have a core each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def painting(monkeypatch):
    """Return what makes the cluster's workers painters of a certain kind."""

    def become(**kind):
        monkeypatch.setattr(ray_pool, "Worker", type("Painter", (Painting,), kind))

    become()
    return become


@pytest.fixture
def batch(db):
    return plan_batch(generator="dermdiff", per_entity=8, entities=["mel", "nv"], steps=2)


def pool_of(cluster):
    return RayPool(cluster, "dermdiff", Path("/nowhere"), "cpu")


def wait_for_two(pool):
    """Wait until both workers are ready; return the numbers of their processes."""
    while len(pool.workers) < 2:
        pool.collect(60)
    return [loaded.process for loaded in pool.workers.values()]


def have_ended(processes):
    until = time.monotonic() + 10
    while any(map(is_alive, processes)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(is_alive, processes))


def made():
    return dict(Image.objects.values_list("name", "sha256"))


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def all_claims_are_given_back(batch):
    return not batch.planned.filter(image=None).exclude(claimed_until=None).exists()


def test_two_workers_make_the_images_that_one_process_makes(cluster, db, tmp_path, monkeypatch):
    recipe = PipelineRecipe(
        source=str(save_tiny_pipeline(tmp_path / "pipeline")),
        licence="CC0-1.0",
        size=SIZE,
        compute_batch=2,
    )
    recipe.write(tmp_path / "tiny")
    monkeypatch.setattr("generation.batches.OWN_WEIGHTS", tmp_path)
    batch = plan_batch(generator="tiny", per_entity=5, entities=["mel", "nv"], steps=2)

    with RayPool(cluster, "tiny", tmp_path, "cpu") as pool:
        wait_for_two(pool)
        assert run_batch_with(batch, pool) == 10
    shared = made()
    batch.planned.update(image=None, claimed_until=None)
    Image.objects.all().delete()
    run_batch(batch, load_generator("tiny", tmp_path, "cpu"))

    assert len(set(shared.values())) == 10
    assert made() == shared


def test_the_command_makes_a_batch_on_a_cluster(cluster, batch, painting, monkeypatch, capsys):
    monkeypatch.setenv("RAY_ADDRESS", cluster)

    call_command("generate_batch", "--resume", "--ray", "auto")

    assert "16 of 16 images to make with dermdiff, revision r1" in capsys.readouterr().out
    assert progress_of(batch) == (16, 16)


def test_what_a_killed_worker_was_making_is_made_by_another(cluster, batch, painting):
    with pool_of(cluster) as pool:
        victim, survivor = wait_for_two(pool)

        def kill(done, total):
            if done == 2:
                os.kill(victim, signal.SIGKILL)

        assert run_batch_with(batch, pool, kill) == 16
        assert survivor in [loaded.process for loaded in pool.workers.values()]
        assert victim not in [loaded.process for loaded in pool.workers.values()]

    assert progress_of(batch) == (16, 16)
    assert len(set(made().values())) == 16
    assert set(Image.objects.values_list("generator_revision", flat=True)) == {"r1"}
    assert have_ended([survivor])


def test_images_of_which_workers_die_are_an_error(cluster, batch, painting):
    painting(deadly=batch.planned.get(index=5).seed)

    with (
        pool_of(cluster) as pool,
        pytest.raises(GenerationError, match="3 workers died one after the other"),
    ):
        run_batch_with(batch, pool)

    assert all_claims_are_given_back(batch)


def test_what_a_generator_refuses_is_said_in_its_words(cluster, batch, painting):
    painting(refused=batch.planned.get(index=5).seed)

    with pytest.raises(CommandError, match=r"^this seed is refused$"):
        call_command("generate_batch", "--resume", "--ray", cluster)

    assert all_claims_are_given_back(batch)


def test_workers_of_two_revisions_are_an_error_that_names_both(cluster, batch, painting):
    painting(revision=None, painting_s=3)

    with (
        pytest.raises(GenerationError, match=r"revision \d+ on here and of \d+ on here .* weights"),
        pool_of(cluster) as pool,
    ):
        run_batch_with(batch, pool)

    assert not made()


def test_workers_that_do_not_start_are_an_error(cluster, painting, monkeypatch):
    painting(loading_s=60)
    monkeypatch.setattr(ray_pool, "START_S", 2)

    with pytest.raises(GenerationError, match=r"no worker has started within 2 s; .* 0 cores free"):
        pool_of(cluster)


@pytest.fixture
def _interruptible():
    """Take Ctrl-C as a terminal does, wherever the tests run: in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_gives_back_what_was_claimed_and_ends_the_workers(cluster, batch, painting):
    painting(painting_s=60)

    def work(pool):
        Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        run_batch_with(batch, pool)

    with pool_of(cluster) as pool:
        workers = wait_for_two(pool)
        with pytest.raises(KeyboardInterrupt):
            work(pool)

    assert batch.planned.count() == 16
    assert all_claims_are_given_back(batch)
    assert have_ended(workers)


@pytest.mark.parametrize(
    ("nodes", "device", "places"),
    [
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0, "GPU": 1.0}, {"CPU": 64.0}], "auto", (3, "cuda")),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 3.0}], "cpu", (11, "cpu")),
        ([{"CPU": 1.0}, {}], "auto", (1, "cpu")),
    ],
)
def test_every_gpu_has_a_worker_or_else_every_core(nodes, device, places):
    count, needs, chosen, _ = _places(
        [{"Alive": True, "Resources": node} for node in nodes], device
    )

    assert (count, chosen) == places
    assert needs == ({"num_gpus": 1, "num_cpus": 0} if chosen == "cuda" else {"num_cpus": 1})


def test_a_cluster_that_has_no_place_is_an_error():
    with pytest.raises(GenerationError, match="no GPU; use --device auto or cpu"):
        _places([{"Alive": True, "Resources": {"CPU": 4.0}}], "cuda")
    with pytest.raises(GenerationError, match="neither GPUs nor cores"):
        _places([{"Alive": False, "Resources": {"CPU": 4.0}}], "auto")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", r"127.0.0.1:1: no Ray cluster answers \(Connection refused\); start one"),
        ("ray://127.0.0.1:1", r"no Ray cluster answers \(Connection refused\)"),
        ("there", "is no address; use auto, local, host:6379 or ray://host:10001"),
        ("http://there:80", "is no address"),
        ("there:many", "is no address"),
        ("auto", "--ray there: is no address"),
    ],
)
def test_an_address_without_a_cluster_is_an_error(batch, address, words, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "there")  # what `auto` is then

    with pytest.raises(CommandError, match=words):
        call_command("generate_batch", "--resume", "--ray", address)


def test_ray_is_asked_for_where_it_is_missing(batch, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(CommandError, match=r"pip install -r requirements-ray.txt"):
        call_command("generate_batch", "--resume", "--ray", "auto")
