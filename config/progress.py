"""Progress of long work: one line that changes on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType

from django.core.management.base import OutputWrapper


class Progress:
    """Called with (done, total); says how far, how fast and how long still.

    When all is done it is ready for a next piece of work.
    """

    def __init__(self, stream: OutputWrapper, verb: str) -> None:
        self.stream, self.verb = stream, verb
        self.began = time.monotonic()
        self.said = self.began
        self.every = 0.2 if stream.isatty() else 5.0
        self.last: tuple[int, int] | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.last:
            self._say(*self.last, ending="\n")

    def __call__(self, done: int, total: int) -> None:
        """Note that `done` of `total` are done."""
        self.last = (done, total)
        if done == total:
            self._say(done, total, ending="\n")
            self.began, self.last = time.monotonic(), None
        elif time.monotonic() - self.said >= self.every:
            self.said = time.monotonic()
            self._say(done, total, ending="\r" if self.stream.isatty() else "\n")

    def _say(self, done: int, total: int, ending: str) -> None:
        seconds = time.monotonic() - self.began
        speed = done / max(seconds, 1e-6)
        left = (
            f", {(total - done) / speed:.0f} s left" if 0 < done < total else f", {seconds:.0f} s"
        )
        self.stream.write(
            f"  {self.verb} {done} of {total}, {speed:.1f}/s{left}    ", ending=ending
        )
