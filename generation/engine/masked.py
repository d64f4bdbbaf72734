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

from evaluation.skin.colour import lab_of, srgb_of
from generation.engine.generator import GenerationError, Generator, ImageRequest, OnStep

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

RING = 0.1  # width of the ring around what is kept, as a share of its diameter
SEAM = 0.06  # reach of the blending at the seam, as a share of the window's side
COARSE = 0.02  # standard deviation of what is coarse in painted skin, as a share of its side
SPOTS = 0.15  # share of its contrast that is left
RIM = 2  # px on either side of the seam
NEAR = 1.5  # standard deviation of a mean over what is near, in px
METHOD = "masked-1"  # raised when the same task would give other pixels


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
    ring = _distance(mask) <= max(2.0, RING * diameter)
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
    requests, scrubbed, windows = [], [], []
    for task in tasks:
        check_keep(task.photograph, task.keep)
        clean = np.where(task.keep[..., None], task.photograph, np.array(task.ground, np.uint8))
        window = _window(task.keep, task.skin)
        canvas, keep = _looked_at(clean, task.keep, task.ground, window, task.request.size)
        requests.append(replace(task.request, canvas=canvas, keep=keep))
        scrubbed.append(clean)
        windows.append(window)
    painted = list(generator.generate(requests, on_step))
    for k, (task, request) in enumerate(zip(tasks, requests, strict=True)):
        if task.skin and request.keep is not None:
            painted[k] = _evened(task.ground, painted[k], request.keep)
    return [
        _joined(image, clean, task, window)
        for image, clean, task, window in zip(painted, scrubbed, tasks, windows, strict=True)
    ]


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


def _joined(image: Pixels, clean: Pixels, task: Masked, window: Window) -> Pixels:
    """Lay what was painted around what is kept, blended on the painted side of the seam."""
    there, here = _common(clean.shape[:2], window)
    large = Image.fromarray(image).resize((window.side,) * 2, Image.Resampling.BICUBIC)
    painted = np.asarray(large, np.float32)[here] / 255
    keep, kept = task.keep[there], clean[there].astype(np.float32) / 255
    painted += _seam_closed(painted, kept, keep, SEAM * window.side)
    made = clean.copy()
    made[there] = np.where(
        keep[..., None], clean[there], (painted.clip(0, 1) * 255).round().astype(np.uint8)
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


def _seam_closed(painted: np.ndarray, kept: np.ndarray, keep: Mask, reach: float) -> np.ndarray:
    """Return what must be added to `painted` (H, W, 3), so that no edge shows at the seam.

    Beside the seam it is the difference between the kept pixels and the painted ones on both sides
    of it; further off a mean over ever more of them, which fades with the distance.
    """
    distance = _distance(keep)
    inner = (keep & (_distance(~keep) < RIM)).astype(np.float32)[..., None]
    outer = (~keep & (distance < RIM)).astype(np.float32)[..., None]
    sums = np.concatenate([kept * inner, painted * outer, inner, outer], axis=-1)
    added = _spread(sums, distance, 1, 3 * reach)
    return added * np.exp(-((distance / reach) ** 2)).astype(np.float32)[..., None]


def _spread(sums: np.ndarray, distance: np.ndarray, step: int, furthest: float) -> np.ndarray:
    """Return the difference (h, w, 3) at the seam, from near means here to far ones far off.

    Args:
        sums: (h, w, 8): weighted kept and painted colours, and both weights.
        distance: (h, w), from what is kept, in px of the photograph.
        step: px of the photograph between those of `sums`.
        furthest: scale of the furthest means, in px of the photograph.
    """
    near = ndimage.gaussian_filter(sums, (NEAR, NEAR, 0))
    kept, painted = near[..., :3], near[..., 3:6]
    inner, outer = (np.maximum(near[..., k : k + 1], 1e-9) for k in (6, 7))
    added: np.ndarray = kept / inner - painted / outer
    if NEAR * step >= furthest or min(distance.shape) < 4:
        return added
    half = _spread(_halved(sums), _halved(distance[..., None])[..., 0], 2 * step, furthest)
    far = np.repeat(np.repeat(half, 2, axis=0), 2, axis=1)[: len(added), : added.shape[1]]
    far = ndimage.uniform_filter(far, (3, 3, 0))
    share = np.clip(distance / (NEAR * step) - 1, 0, 1).astype(np.float32)[..., None]
    return added + share * (far - added)


def _halved(values: np.ndarray) -> np.ndarray:
    """Return the means of squares of four (h, w, n); an odd edge counts twice."""
    padded = np.pad(values, ((0, len(values) % 2), (0, values.shape[1] % 2), (0, 0)), mode="edge")
    high, wide = padded.shape[0] // 2, padded.shape[1] // 2
    halved: np.ndarray = padded.reshape(high, 2, wide, 2, -1).mean(axis=(1, 3))
    return halved


def _distance(mask: Mask) -> np.ndarray:
    """Return each pixel's distance (H, W) from a mask, in px."""
    return np.asarray(ndimage.distance_transform_edt(~mask))
