"""Where requests become images: calls go in, images come out as they are made."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from generation.engine.generator import Generator, ImageRequest


class Maker(Protocol):
    """One generator at work somewhere; a context that ends what it started."""

    name: str
    revision: str
    licence: str
    compute_batch: int
    compiled: bool

    def settings(self) -> dict[str, object]:
        """Everything of the generator that decides pixels, and where its weights come from."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether another call would find work to be done at once, or soon."""
        ...

    def submit(self, call: int, requests: Sequence[ImageRequest]) -> None:
        """Have images made; `call` is the number by which they come back."""
        ...

    def collect(self, timeout: float) -> tuple[int, Sequence[np.ndarray]] | None:
        """Return the next finished call and its images; None if there is none yet.

        Args:
            timeout: seconds to wait at most; it may return earlier when there is room again.

        Raises:
            GenerationError: a request asks for what the generator does not honour, or nobody is
                left to make it.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class InThread:
    """A generator in threads of this process, so that images can be recorded meanwhile."""

    def __init__(self, generator: Generator) -> None:
        self.name, self.revision = generator.name, generator.revision
        self.licence, self.compute_batch = generator.licence, generator.compute_batch
        self.compiled = generator.compiled
        self._generator = generator
        self._threads = ThreadPoolExecutor(generator.calls_at_once)
        self._under_way: deque[tuple[int, Future[Sequence[np.ndarray]]]] = deque()

    def settings(self) -> dict[str, object]:
        """Return the generator's settings; see `Maker`."""
        return self._generator.settings()

    @property
    def has_room(self) -> bool:
        """Whether the generator could begin another call; see `Maker`."""
        return len(self._under_way) < self._generator.calls_at_once

    def submit(self, call: int, requests: Sequence[ImageRequest]) -> None:
        """Have images made; see `Maker`."""
        self._under_way.append((call, self._threads.submit(self._generator.generate, requests)))

    def collect(self, timeout: float) -> tuple[int, Sequence[np.ndarray]] | None:
        """Return the first call under way once it is finished; see `Maker`."""
        if not self._under_way:
            return None
        call, images = self._under_way[0]
        if not wait([images], timeout).done:
            return None
        self._under_way.popleft()
        return call, images.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
