"""What our generators share: every call padded to one compute batch, which fits into memory."""

import gc
import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from threading import Lock

import numpy as np
import torch
from PIL import Image

from generation.engine.compiling import compiler_failed
from generation.engine.devices import choose_device, out_of_memory
from generation.engine.generator import GenerationError, ImageRequest, OnStep
from generation.engine.vocabulary import Vocabulary

log = logging.getLogger(__name__)

BLACK = 0.02  # brightest value of an image that a safety checker or an overflow has blanked
TRIAL_STEPS = 3  # a solver of second order holds most from its third step on

#: Which images are sound (N,), their pixels (N, H, W, 3) uint8, and the event of their arrival.
Sent = tuple[torch.Tensor, torch.Tensor, torch.cuda.Event | None]


class BatchedGenerator(ABC):
    """A generator that paints `compute_batch` images at a time, whatever it is asked for.

    Fewer are padded to it: otherwise the same seed gives other pixels in other company.
    """

    licence: str
    vocabulary: Vocabulary
    mend: str  # what to do where an image comes out black or as no number

    def __init__(
        self,
        name: str,
        *,
        device: str,
        compute_batch: int | None,
        usual: Mapping[str, int],
        compiled: bool,
    ) -> None:
        """Choose device and compute batch; `usual` is the batch of a kind of device.

        Raises:
            GenerationError: there is no such device, or the batch makes no sense.
        """
        self.name, self.compiled = name, compiled
        self.device = choose_device(device)
        self.compute_batch = usual[self.device.type] if compute_batch is None else compute_batch
        self._fitted, self._turn = False, Lock()
        if self.compute_batch < 1:
            raise GenerationError(f"compute batch is {compute_batch}; use at least 1")

    @property
    def entities(self) -> tuple[str, ...]:
        """Codes that it can be asked for."""
        return self.vocabulary.entities

    @property
    def controls(self) -> frozenset[str]:
        """Which fields of a request it honours."""
        return self.vocabulary.controls

    @property
    def revision(self) -> str:
        """Hash of the settings, the weights among them."""
        settings = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Everything beside the request that decides pixels, as JSON values."""
        return {
            "compute_batch": self.compute_batch,
            "compiled": self.compiled,
            "device": self.device.type,
            **self.vocabulary.usual,
            "torch": torch.__version__.split("+")[0],
        }

    @abstractmethod
    def _check(self, requests: Sequence[ImageRequest]) -> None:
        """Refuse what cannot be painted, or not in one call."""
        for request in requests:
            self.vocabulary.check(request)
            _check_canvas(request)

    @property
    def calls_at_once(self) -> int:
        """How many threads may ask at once: on a GPU one draws while it paints for the other."""
        return 2 if self.device.type == "cuda" else 1

    def _draw(self, requests: Sequence[ImageRequest]) -> Sequence[torch.Tensor]:
        """Draw what chance decides of images, and send it to the device."""
        return ()

    @abstractmethod
    def _paint(
        self, requests: Sequence[ImageRequest], drawn: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Paint (compute_batch, 3, H, W) float32, dark 0 to bright 1, on the device."""

    @torch.inference_mode()
    def fit(self) -> None:
        """Halve the compute batch until it fits into memory; compile for it where that is asked.

        To be called before the first image: the compute batch decides pixels.

        Raises:
            GenerationError: not even one image fits, or the networks cannot be compiled.
        """
        if self._fitted:
            return
        # Tried uncompiled: what does not fit shows in seconds.
        with torch.compiler.set_stance("force_eager") if self.compiled else nullcontext():
            halved = False
            # What only just fits may not fit again, once memory is in pieces.
            while not (self._fits() and (not halved or self._fits())):
                halved = True
                if self.compute_batch == 1:
                    raise GenerationError(
                        f"'{self.name}' needs more memory than {self.device} has for one image; "
                        "free some, or choose another --device"
                    )
                self.compute_batch //= 2
                log.warning(
                    "'%s' ran out of memory with %d images at once; goes on with %d",
                    self.name,
                    2 * self.compute_batch,
                    self.compute_batch,
                )
        if self.compiled:
            with self._failures_told():
                self._probe()
        self._fitted = True

    def _probe(self) -> None:
        """Paint as little as takes the memory that any image takes."""
        trial = self._trial()
        self._paint(trial, self._draw(trial))

    def _trial(self) -> list[ImageRequest]:
        request = ImageRequest(entity=self.entities[0], seed=0, steps=TRIAL_STEPS)
        return [self.vocabulary.settled(request)] * self.compute_batch

    def _fits(self) -> bool:
        waiting: list[Sequence[torch.Tensor]] = []
        try:
            waiting += [self._draw(self._trial()) for _ in range(1, self.calls_at_once)]
            self._probe()
            return True
        except Exception as problem:
            if not out_of_memory(problem):
                raise
        # Only here has the exception let go of the tensors.
        waiting.clear()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return False

    @torch.inference_mode()
    def generate(
        self, requests: Sequence[ImageRequest], on_step: OnStep | None = None
    ) -> list[np.ndarray]:
        """Make one (size, size, 3) uint8 image a request; see `Generator`.

        Raises:
            GenerationError: something is asked for that it does not honour, an image came out
                black or as no number, or memory ran out.
        """
        requests = [self.vocabulary.settled(request) for request in requests]
        with self._turn:  # a pipeline's tokenizer is not for two
            self._check(requests)
        images: list[np.ndarray] = []
        for first in range(0, len(requests), self.compute_batch):
            part = requests[first : first + self.compute_batch]
            padded = [*part, *[part[-1]] * (self.compute_batch - len(part))]
            with self._failures_told():
                drawn = self._draw(padded)
                with self._turn:
                    sent = self._sent(self._paint(padded, drawn)[: len(part)])
                images += self._finished(sent, part)
            if on_step:
                on_step(len(images), len(requests))
        return images

    def _sent(self, painted: torch.Tensor) -> Sent:
        """Begin to copy (N, 3, H, W) from the device as bytes, before it is given more to do."""
        sound = (painted.isfinite() & (painted.amax((1, 2, 3), keepdim=True) >= BLACK)).flatten(1)
        pixels = (painted.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        copies = [each.contiguous().to("cpu", non_blocking=True) for each in (sound.all(1), pixels)]
        arrived = torch.cuda.Event() if self.device.type == "cuda" else None
        if arrived:
            arrived.record(torch.cuda.current_stream(self.device))
        return copies[0], copies[1], arrived

    def _finished(self, sent: Sent, requests: Sequence[ImageRequest]) -> list[np.ndarray]:
        """Return images at the wanted sizes, if all of them are images."""
        sound, pixels, arrived = sent
        if arrived:
            arrived.synchronize()
        for good, request in zip(sound.tolist(), requests, strict=True):
            if not good:
                raise GenerationError(
                    f"'{self.name}' made no image of {request.entity} from seed {request.seed}: "
                    f"it is black or holds no numbers; {self.mend}"
                )
        made = pixels.numpy().copy()  # or whoever keeps them holds memory that stays in place
        return [_resized(image, r.size) for image, r in zip(made, requests, strict=True)]

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        """Say what to do where memory runs out or a compiler is missing."""
        try:
            yield
        except Exception as problem:
            if out_of_memory(problem):
                smaller = max(1, self.compute_batch // 2)
                raise GenerationError(
                    f"'{self.name}' ran out of memory with {self.compute_batch} images at once; "
                    f"free some, or start a new batch with --compute-batch {smaller} and another "
                    "--seed"
                ) from problem
            if self.compiled and compiler_failed(problem):
                raise GenerationError(
                    f"'{self.name}' cannot be compiled ({str(problem).strip().splitlines()[0]}); "
                    "install a C++ compiler such as g++ and Python's headers, or leave --compiled "
                    "out"
                ) from problem
            raise


def _check_canvas(request: ImageRequest) -> None:
    """Refuse a canvas that shows more than what is to be kept of it."""
    canvas, keep, size = request.canvas, request.keep, request.size
    if canvas is None and keep is None:
        return
    if canvas is None or keep is None:
        raise GenerationError("canvas and keep go together: give both, or neither")
    if canvas.shape != (size, size, 3) or keep.shape != (size, size):
        raise GenerationError(
            f"canvas and keep are of {canvas.shape[:2]} and {keep.shape} pixels; make both {size} "
            f"x {size}, as the image"
        )
    hidden = canvas[~keep]
    if len(hidden) and (hidden != hidden[0]).any():
        raise GenerationError(
            "the canvas shows what is not to be kept; fill it with one colour outside of keep"
        )


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape[0] == size:
        return image
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(resized)
