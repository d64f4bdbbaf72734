"""`RayPool`: one generator on many GPUs and machines, as workers of a Ray cluster.

Ray places, starts and reaches the workers; who gets which call, and what becomes of it when its
worker dies, is decided here, so that a worker of another revision never makes an image.
"""

import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np

import generation
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.ray_worker import Loaded, Worker
from generation.engine.registry import BUILT_IN, find_weights

AHEAD = 2  # calls a worker: one that it makes, one that it finds when that is done
DEATHS = 3  # of workers under one call, after which the call is to blame
START_S = 600.0  # in which one worker at least must have loaded the generator
CONNECT_S = 10.0


@dataclass
class _Call:
    """Requests on their way to images."""

    number: int
    requests: Sequence[ImageRequest]
    deaths: int = 0


class RayPool:
    """Workers of a Ray cluster that all hold one generator; see `Maker`."""

    revision: str
    licence: str
    compute_batch: int
    compiled: bool

    def __init__(
        self,
        address: str,
        name: str,
        own: Path,
        device: str = "auto",
        compute_batch: int | None = None,
        compiled: bool = False,
        fit: bool = False,
    ) -> None:
        """Start workers, a GPU each where the cluster has some, and wait for the first.

        Args:
            address: as Ray knows it: auto, host:6379, ray://host:10001; local starts a cluster
                on this machine that ends with the pool.
            own: folder of weights; what it holds goes before built-in generators.
            compute_batch: images that a worker paints at once; None takes what suits the device.
            compiled: whether the networks are compiled.
            fit: let each worker halve the images at once until they fit into its memory.

        Raises:
            GenerationError: Ray is missing, the cluster cannot be reached or holds no place for
                a worker, or the generator cannot be loaded there.
        """
        inside = find_weights(name, own).parent
        self.name, self._own = name, None if inside == BUILT_IN else inside
        self._way: tuple[int | None, bool, bool] = compute_batch, compiled, fit
        self.workers: dict[Any, Loaded] = {}  # those that are ready, by their actors
        self._starting: dict[Any, Any] = {}  # actors by what tells that they have loaded
        self._running: dict[Any, tuple[Any, _Call]] = {}  # actors and calls by what will be made
        self._waiting: deque[_Call] = deque()
        self._first: Loaded | None = None  # whose revision all others must have
        self._ray = _connect(address)
        try:
            count, self._place, self._device, self._threads = _places(self._ray.nodes(), device)
            for _ in range(count):
                self._start()
            self._alone_since = time.monotonic()
            while not self.workers:
                self.collect(START_S)
        except BaseException:
            self._close()
            raise

    def settings(self) -> dict[str, object]:
        """Return the generator's settings; see `Maker`."""
        assert self._first is not None  # a pool has waited for it
        return self._first.settings

    @property
    def has_room(self) -> bool:
        """Whether a worker has less to do than it should have; see `Maker`."""
        return len(self._waiting) + len(self._running) < AHEAD * len(self.workers)

    def submit(self, call: int, requests: Sequence[ImageRequest]) -> None:
        """Have images made; see `Maker`."""
        self._waiting.append(_Call(call, requests))
        self._hand_out()

    def collect(self, timeout: float) -> tuple[int, Sequence[np.ndarray]] | None:
        """Return the next finished call and its images; see `Maker`.

        What a worker was making when it died is made again by another.
        """
        if not self.workers:
            timeout = min(timeout, max(0, START_S - (time.monotonic() - self._alone_since)))
        done, _ = self._ray.wait([*self._running, *self._starting], num_returns=1, timeout=timeout)
        finished = None
        if not done:
            self._check_patience()
        elif done[0] in self._starting:
            self._welcome(done[0])
        else:
            finished = self._finish(done[0])
        self._hand_out()
        return finished

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        """End the workers and leave the cluster."""
        for actor in [*self.workers, *self._starting.values()]:
            self._ray.kill(actor)
        self._ray.shutdown()

    def _start(self) -> None:
        """Have the cluster start a worker as soon as it has a place for one."""
        actor = self._ray.remote(Worker).options(**self._place).remote()
        loading = actor.load.remote(self.name, self._own, self._device, self._threads, *self._way)
        self._starting[loading] = actor

    def _welcome(self, loading: Any) -> None:
        """Give work to a worker that has loaded; one that died meanwhile is not started again.

        Raises:
            GenerationError: it could not load, is of another revision, or none is left.
        """
        actor = self._starting.pop(loading)
        try:
            loaded = self._result(loading)
        except _Lost as problem:
            if not self.workers and not self._starting:
                raise GenerationError(
                    f"no worker is left: the last died while it loaded '{self.name}' ({problem}); "
                    "memory may be short there, see Ray's logs"
                ) from problem
            return
        if self._first is None:
            self._first = loaded
            self.revision, self.licence = loaded.revision, loaded.licence
            self.compute_batch, self.compiled = loaded.compute_batch, loaded.compiled
            self._way = self.compute_batch, self.compiled, False  # of workers that start later
        _check_agreement(self.name, self._first, loaded)
        self.workers[actor] = loaded

    def _finish(self, made: Any) -> tuple[int, Sequence[np.ndarray]] | None:
        """Return a call and its images; None if its worker died, and it has to be made again.

        Raises:
            GenerationError: of the generator, or workers died of this call again and again.
        """
        actor, call = self._running.pop(made)
        try:
            return call.number, self._result(made)
        except _Lost as problem:
            call.deaths += 1
            if call.deaths == DEATHS:
                raise GenerationError(
                    f"{DEATHS} workers died one after the other while they made the same images "
                    f"({problem}); memory may be short there, see Ray's logs"
                ) from problem
        self._waiting.appendleft(call)
        if actor in self.workers:
            del self.workers[actor]
            self._ray.kill(actor)  # it may only have been out of reach
            self._start()
            self._alone_since = time.monotonic()
        return None

    def _result(self, reference: Any) -> Any:
        """Fetch what a worker has made.

        Raises:
            _Lost: the worker or what it made is gone.
            Exception: whatever the worker raised.
        """
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(reference)
        except RayTaskError as problem:
            raise problem.cause from None
        except RayError as problem:
            raise _Lost(" ".join(str(problem).split())[:300]) from None

    def _hand_out(self) -> None:
        """Give waiting calls to those who have least to do."""
        calls = Counter(dict.fromkeys(self.workers, 0))
        calls.update(actor for actor, _ in self._running.values() if actor in self.workers)
        while self._waiting and calls:
            actor, busy = min(calls.items(), key=lambda item: item[1])
            if busy >= AHEAD:
                return
            call = self._waiting.popleft()
            self._running[actor.generate.remote(call.requests)] = (actor, call)
            calls[actor] += 1

    def _check_patience(self) -> None:
        if not self.workers and time.monotonic() - self._alone_since >= START_S:
            free = self._ray.available_resources()
            raise GenerationError(
                f"no worker has started within {START_S:.0f} s; the cluster has "
                f"{free.get('GPU', 0):.0f} GPUs and {free.get('CPU', 0):.0f} cores free: stop what "
                "holds the others, or see Ray's logs"
            )


class _Lost(Exception):
    """A worker died, or what it made cannot be reached any more."""


def _check_agreement(name: str, first: Loaded, other: Loaded) -> None:
    """Refuse two revisions.

    Raises:
        GenerationError: they differ; the message says where and in what.
    """
    if other.revision == first.revision:
        return
    keys = [key for key, value in first.settings.items() if other.settings.get(key) != value]
    raise GenerationError(
        f"'{name}' is of revision {first.revision} on {first.machine} and of {other.revision} on "
        f"{other.machine} (they differ in {', '.join(keys)}); a batch is made by one: give all "
        "machines the same weights, versions and kind of device"
    )


def _connect(address: str) -> Any:
    """Join or start a Ray cluster, which gets the code of this package; return Ray.

    Raises:
        GenerationError: Ray is missing, or no cluster answers.
    """
    if address == "local":  # Ray reads it when it starts; a study's server reports to nobody
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise GenerationError(
            "--ray needs Ray, which is not installed: pip install -r requirements-ray.txt"
        ) from None
    if address == "auto":  # as Ray does, but looked at first
        address = os.environ.get("RAY_ADDRESS", address)
    mend = "start one with 'ray start --head' there, or try --ray local"
    if address not in ("auto", "local"):
        _check_reachable(address, mend)
    try:
        ray.init(
            address,
            runtime_env={"py_modules": [str(Path(generation.__file__).parent)]},
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False if address == "local" else None,
        )
    except Exception as problem:  # Ray fails in many ways
        why = str(problem).strip().splitlines() or [type(problem).__name__]
        raise GenerationError(
            f"--ray {address}: no Ray cluster can be joined ({why[0]}); {mend}"
        ) from problem
    return ray


def _check_reachable(address: str, mend: str) -> None:
    """Look whether anybody listens: Ray itself would try for minutes.

    Raises:
        GenerationError: it is no address, or nobody listens there.
    """
    try:
        parts = urlsplit(address if "://" in address else f"gcs://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in ("gcs", "ray") or not host or not port:
        raise GenerationError(
            f"--ray {address}: is no address; use auto, local, host:6379 or ray://host:10001"
        )
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as problem:
        raise GenerationError(
            f"--ray {address}: no Ray cluster answers ({problem.strerror or problem}); {mend}"
        ) from problem


def _places(
    nodes: Sequence[dict[str, Any]], device: str
) -> tuple[int, dict[str, int], str, int | None]:
    """Return how many workers a cluster has room for, what each needs, its device and threads.

    Without GPUs a worker has as many threads as this process would have, since the order in which
    long sums are added follows from it; `OMP_NUM_THREADS` decides both.

    Raises:
        GenerationError: there is room for none.
    """
    import torch  # only here: it knows how many threads it would take

    offered = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(resources.get("GPU", 0)) for resources in offered)
    if gpus and device != "cpu":
        return gpus, {"num_gpus": 1, "num_cpus": 0}, "cuda" if device == "auto" else device, None
    if device.startswith("cuda"):
        raise GenerationError("the cluster has no GPU; use --device auto or cpu")
    cores = [int(resources.get("CPU", 0)) for resources in offered]
    threads = min(torch.get_num_threads(), max(cores, default=0))
    if not threads:
        raise GenerationError("the cluster has neither GPUs nor cores for workers; add a machine")
    count = sum(number // threads for number in cores)
    return count, {"num_cpus": threads}, "cpu" if device == "auto" else device, threads
