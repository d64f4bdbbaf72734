"""A lesion from one photograph set into the skin of another, without an edge and in its tone.

Gradients are taken from the lesion and levels from the skin around it: Poisson's equation, with
the skin at the border as what is given (Pérez et al. 2003, "Poisson image editing").
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, sparse
from scipy.sparse.linalg import factorized

from evaluation.skin.colour import lab_of, srgb_of
from generation.engine.generator import GenerationError
from generation.engine.masked import colour_around

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MARGIN = 0.12  # of skin that comes with the lesion, as a share of its diameter
SMALLEST = 8  # px, of a lesion's extent
METHOD = "poisson-1"  # raised when the same task would give other pixels


def set_in(
    skin: Pixels, lesion: Pixels, mask: Mask, at: tuple[float, float], width: float
) -> tuple[Pixels, Mask]:
    """Set a lesion into skin.

    Args:
        skin: (H, W, 3) uint8, sRGB, into which it comes.
        lesion: (h, w, 3) uint8, sRGB, where it is from.
        mask: (h, w), where in `lesion` it is.
        at: its centre in `skin`, as shares of width and height.
        width: its extent in `skin`, as a share of the width.

    Returns:
        (H, W, 3) uint8, and where (H, W) it may differ from `skin`.

    Raises:
        GenerationError: it would be too small, or would not fit into the skin.
    """
    part, inside = _cut_out(lesion, mask, width * skin.shape[1])
    high, wide = inside.shape
    top, left = round(at[1] * skin.shape[0] - high / 2), round(at[0] * skin.shape[1] - wide / 2)
    if top < 1 or left < 1 or top + high >= skin.shape[0] or left + wide >= skin.shape[1]:
        raise GenerationError(
            f"the lesion, {wide} x {high} px with the skin around it, does not fit into "
            f"{skin.shape[1]} x {skin.shape[0]} px at {at[0]:g},{at[1]:g}; make it smaller, or "
            "place it further inside"
        )
    # One pixel more on each side: the skin that is given.
    there = (slice(top - 1, top + high + 1), slice(left - 1, left + wide + 1))
    inside, part = np.pad(inside, 1), np.pad(part, ((1, 1), (1, 1), (0, 0)), mode="edge")
    made, changed = skin.copy(), np.zeros(skin.shape[:2], bool)
    changed[there] = inside
    toned = _in_tone_of(colour_around(skin, changed), part, inside)
    solved = _solved(toned, skin[there] / 255, inside)
    made[changed] = (solved.clip(0, 1) * 255).round().astype(np.uint8)
    return made, changed


def _cut_out(lesion: Pixels, mask: Mask, width: float) -> tuple[Pixels, Mask]:
    """Return a lesion with some skin around it and its mask, the lesion `width` px wide."""
    margin = MARGIN * 2 * np.sqrt(mask.sum() / np.pi)
    inside = ndimage.distance_transform_edt(~mask) <= margin
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    across = np.flatnonzero(mask.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    scale = width / (across[-1] + 1 - across[0])
    high, wide = (round(scale * length) for length in inside[box].shape)
    if min(high, wide) < SMALLEST:
        raise GenerationError(f"the lesion would be {wide} x {high} px; make it wider")
    part = Image.fromarray(lesion[box]).resize((wide, high), Image.Resampling.LANCZOS)
    shape = Image.fromarray(inside[box].astype(np.uint8) * 255).resize((wide, high))
    return np.asarray(part), np.asarray(shape) > 127


def _in_tone_of(ground: tuple[int, int, int], part: Pixels, inside: Mask) -> NDArray[np.float64]:
    """Shift a lesion (H, W, 3) in CIELAB by what its skin differs from the ground.

    Its skin is that of the rim inside the border. Contrast stays as it is: on darker skin that is
    an approximation.
    """
    rim = inside & ~ndimage.binary_erosion(inside, iterations=2)
    its_own = np.median(part[rim], axis=0) / 255
    return srgb_of(lab_of(part / 255) + lab_of(np.array(ground) / 255) - lab_of(its_own))


def _solved(
    part: NDArray[np.float64], ground: NDArray[np.float64], inside: Mask
) -> NDArray[np.float64]:
    """Solve Poisson's equation: return the n pixels (n, 3) inside, in the order of the mask.

    The sum of differences to the four neighbours is that in `part`; the neighbours outside are
    those of `ground`.
    """
    rows, columns = np.nonzero(inside)
    n = len(rows)
    number = np.full(inside.shape, -1)
    number[rows, columns] = np.arange(n)
    wanted = np.zeros((n, 3))
    links: list[NDArray[np.int_]] = []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        beside = number[rows + down, columns + right]
        free = beside >= 0
        wanted += part[rows, columns] - part[rows + down, columns + right]
        wanted[~free] += ground[rows + down, columns + right][~free]
        links.append(np.stack([np.flatnonzero(free), beside[free]]))
    first, second = np.concatenate(links, axis=1)
    values = np.concatenate([np.full(n, 4.0), np.full(len(first), -1.0)])
    places = (np.concatenate([np.arange(n), first]), np.concatenate([np.arange(n), second]))
    solve = factorized(sparse.csc_matrix((values, places), shape=(n, n)))
    return np.stack([solve(wanted[:, k]) for k in range(3)], axis=1)
