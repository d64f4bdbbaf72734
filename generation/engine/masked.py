"""Masked generation: what is kept of a photograph stays byte for byte, the rest is painted anew.

By construction nothing else of the photograph can show: all that is not kept is overwritten with
one colour before a generator, or anything else here, sees it. So two photographs that agree where
they are kept give the same bytes, whatever they show elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from evaluation.skin.colour import Colours, lab_of, srgb_of
from generation.engine.colour import brightened, brightening
from generation.engine.generator import (
    GenerationError,
    Generator,
    ImageRequest,
    Magnifier,
    OnStep,
)
from generation.engine.grain import match_grain
from generation.engine.seam import distance_from, seam_closed

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

RING = 0.1  # width of the ring around what is kept, as a share of its diameter
SEAM = 0.06  # reach of the blending at the seam, as a share of the window's side
COARSE = 0.02  # standard deviation of what is coarse in painted skin, as a share of its side
SPOTS = 0.15  # share of its contrast that is left
ENOUGH = 2  # times, by which a painted image must be enlarged to be painted finer
METHOD = "masked-2"  # raised when the same task would give other pixels


@dataclass(frozen=True)
class Window:
    """The square of a photograph that a generator paints, in px; it may reach beyond."""

    top: int
    left: int
    side: int


@dataclass(frozen=True)
class Masked:
    """A photograph of which a part is kept, and what shall be painted around it.

    Attributes:
        photograph: (H, W, 3) uint8, sRGB.
        keep: (H, W) bool, what stays.
        ground: sRGB of the colour with which all else is overwritten.
        request: what is asked of the generator, without canvas and keep.
        skin: whether skin is painted, whose colour around what is kept shall be `ground`.
    """

    photograph: Pixels
    keep: Mask
    ground: tuple[int, int, int]
    request: ImageRequest
    skin: bool = True


@dataclass(frozen=True)
class Sketch:
    """What a generator has painted of a task, at its own size.

    Attributes:
        image: (size, size, 3) uint8, the window with what is kept and what is painted.
        keep: (size, size) bool, where it is kept.
    """

    task: Masked
    window: Window
    image: Pixels
    keep: Mask


def check_keep(photograph: Pixels, keep: Mask) -> None:
    """Refuse a mask that keeps nothing, or leaves nothing to be painted.

    Raises:
        GenerationError: it is of another size, empty or full; the message begins with the fault.
    """
    (height, width), (high, wide) = photograph.shape[:2], keep.shape
    if (height, width) != (high, wide):
        raise GenerationError(
            f"has {wide} x {high} pixels, its photograph {width} x {height}; make them equal"
        )
    if keep.all() or not keep.any():
        raise GenerationError(
            f"is {'full' if keep.all() else 'empty'}; paint the lesion white and all else black"
        )


def colour_around(photograph: Pixels, mask: Mask) -> tuple[int, int, int]:
    """Return the median colour of the ring of pixels around a mask, as sRGB.

    Three numbers; they are all that a caller who passes them on tells of what is not kept.
    """
    diameter = 2 * np.sqrt(mask.sum() / np.pi)
    ring = distance_from(mask) <= max(2.0, RING * diameter)
    red, green, blue = np.median(photograph[ring & ~mask], axis=0).round().astype(int).tolist()
    return red, green, blue


def complete(
    generator: Generator, tasks: Sequence[Masked], on_step: OnStep | None = None
) -> list[Pixels]:
    """Paint all of each photograph that is not kept, and put what is kept back byte for byte.

    Args:
        generator: one that honours `canvas` and `keep`.
        tasks: photographs of any sizes; all requests need what the generator needs of one call.
        on_step: told how many are painted.

    Returns:
        Photographs (H, W, 3) uint8, in order.

    Raises:
        GenerationError: a mask is of another size, empty or full, or the generator does not
            honour something.
    """
    return [finish(generator, each) for each in sketch(generator, tasks, on_step)]


def sketch(
    generator: Generator, tasks: Sequence[Masked], on_step: OnStep | None = None
) -> list[Sketch]:
    """Paint the tasks at the generator's size; the first half of `complete`, and its cheap one."""
    bare = []
    for task in tasks:
        check_keep(task.photograph, task.keep)
        window = _window(task.keep, task.skin)
        canvas, keep = _looked_at(_clean(task), task.keep, task.ground, window, task.request.size)
        bare.append(Sketch(task, window, canvas, keep))
    shaped = "lesion" in generator.controls
    requests = [
        replace(
            each.task.request,
            canvas=brightened(each.image, _light(each.task)),
            keep=each.keep,
            lesion=_lesion(each) if shaped else None,
        )
        for each in bare
    ]
    painted = generator.generate(requests, on_step)
    return [_painted(each, image) for each, image in zip(bare, painted, strict=True)]


def _lesion(bare: Sketch) -> Mask:
    """Return where the lesion is: what is kept of skin that is painted, what is painted into it."""
    return bare.keep if bare.task.skin else _within(bare.task.keep.shape, bare)


def _painted(bare: Sketch, image: Pixels) -> Sketch:
    """Put what was painted around what is kept."""
    image = brightened(image, 1 / _light(bare.task))
    if bare.task.skin:
        image = _evened(bare.task.ground, image, bare.keep)
    return replace(bare, image=np.where(bare.keep[..., None], bare.image, image))


def _light(task: Masked) -> Colours:
    """Return by how much (3,) a generator sees the photograph brighter, so as to know its skin."""
    return np.ones(3) if task.skin else brightening(np.array(task.ground) / 255)


def finish(generator: Generator, drawn: Sketch) -> Pixels:
    """Bring a sketch to its photograph's size (H, W, 3), and put what is kept back.

    Where it must be enlarged much, it is first painted finer by a generator that can.
    """
    task, image = drawn.task, drawn.image
    times = drawn.window.side / len(image)
    if times >= ENOUGH and isinstance(generator, Magnifier):
        image = generator.magnify(image, _within(task.keep.shape, drawn), task.request.seed)
    return _joined(image, task, drawn.window, octaves=max(0, 1 + round(np.log2(times))))


def _clean(task: Masked) -> Pixels:
    """Return the photograph without what is not kept."""
    return np.where(task.keep[..., None], task.photograph, np.array(task.ground, np.uint8))


def _within(shape: tuple[int, ...], drawn: Sketch) -> Mask:
    """Return which pixels of a sketch are painted and lie in the photograph at all."""
    _, here = _common(shape, drawn.window)
    within = np.zeros(drawn.keep.shape, bool)
    scale = len(within) / drawn.window.side
    rows, columns = (
        slice(int(part.start * scale), int(np.ceil(part.stop * scale))) for part in here
    )
    within[rows, columns] = ~drawn.keep[rows, columns]
    return within


def _window(keep: Mask, skin: bool) -> Window:
    """Return the whole photograph, made square; or the surroundings of what is to be painted."""
    height, width = keep.shape
    if skin:
        side = max(height, width)
        return Window((height - side) // 2, (width - side) // 2, side)
    rows, columns = np.nonzero(~keep)
    top, left = int(rows.min()), int(columns.min())
    high, wide = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    side = min(2 * max(high, wide), max(height, width))
    return Window(top + (high - side) // 2, left + (wide - side) // 2, side)


def _looked_at(
    clean: Pixels, keep: Mask, ground: tuple[int, int, int], window: Window, size: int
) -> tuple[Pixels, Mask]:
    """Return window and mask at the generator's size; a pixel is kept if all of it is."""
    canvas = np.full((window.side, window.side, 3), ground, np.uint8)
    kept = np.zeros((window.side, window.side), np.uint8)
    there, here = _common(clean.shape[:2], window)
    canvas[here], kept[here] = clean[there], 255 * keep[there]
    how = Image.Resampling.BOX if window.side >= size else Image.Resampling.BILINEAR
    canvas, kept = (
        np.asarray(Image.fromarray(each).resize((size, size), how)) for each in (canvas, kept)
    )
    whole = kept == 255
    return np.where(whole[..., None], canvas, np.array(ground, np.uint8)), whole


def _common(
    shape: tuple[int, ...], window: Window
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where photograph and window overlap: in the photograph, and in the window."""
    parts = []
    for length, first in zip(shape, (window.top, window.left), strict=True):
        begin, end = max(0, first), min(length, first + window.side)
        parts.append((slice(begin, end), slice(begin - first, end - first)))
    (rows, inner_rows), (columns, inner_columns) = parts
    return (rows, columns), (inner_rows, inner_columns)


def _joined(image: Pixels, task: Masked, window: Window, octaves: int) -> Pixels:
    """Lay what was painted around what is kept, blended on the painted side of the seam.

    Of `octaves`, from the finest, what is painted gets the grain of what is kept.
    """
    made = _clean(task)
    there, here = _common(made.shape[:2], window)
    large = Image.fromarray(image).resize((window.side,) * 2, Image.Resampling.BICUBIC)
    painted = np.asarray(large)[here].astype(np.float32) / np.float32(255)
    keep, kept = task.keep[there], made[there].astype(np.float32) / 255
    inside, outside = (distance_from(each).astype(np.float32) for each in (~keep, keep))
    painted += seam_closed(painted, kept, keep, inside, outside, SEAM * window.side)
    painted[keep] = kept[keep]
    match_grain(painted, keep, inside, outside, octaves, task.request.seed)
    made[there] = np.where(
        keep[..., None], made[there], (painted.clip(0, 1) * 255).round().astype(np.uint8)
    )
    if not np.array_equal(made[task.keep], task.photograph[task.keep]):
        raise GenerationError("what was to be kept has changed; this is a fault of the program")
    return made


def _evened(ground: tuple[int, int, int], image: Pixels, keep: Mask) -> Pixels:
    """Give painted skin the colour of the ground, and leave little of its larger spots.

    A generator that has learnt lesions paints them where only skin is wanted: around a small
    lesion, a large one. What is coarse is therefore taken from the ground, as Choi et al. (2021,
    "ILVR") take it from a reference; what is fine stays as it is painted.
    """
    if keep.all():  # but for less than a pixel of the generator's
        return image
    lab = lab_of(image / 255)
    free = (~keep).astype(np.float64)[..., None]
    summed, weight = (
        ndimage.gaussian_filter(each, (COARSE * len(image), COARSE * len(image), 0))
        for each in (lab * free, free)
    )
    coarse = summed / np.maximum(weight, 1e-9)
    usual = np.median(coarse[~keep], axis=0)
    spots = SPOTS * (coarse - usual)
    return (
        (srgb_of(lab - coarse + lab_of(np.array(ground) / 255) + spots) * 255)
        .round()
        .astype(np.uint8)
    )
