"""Grain: what is finest in a photograph, given to what is painted beside the part that is kept.

Skin that a generator paints at its own size and that is then enlarged lacks all that is finer than
its pixels: the camera's noise, and the least of the skin's texture. Beside a lesion that has both
it is soft, and so betrays the seam.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import linalg, ndimage

Mask = NDArray[np.bool_]
Array = NDArray[np.float32]

NOISY = 3  # octaves, from the finest, that noise may fill: any coarser it looks like no skin
CLEAR = 2  # of the seam, in steps: nearer, an octave mixes both sides
RIM = 0.06  # width of the strip of what is kept that tells, as a share of its diameter
LIKE = 0.9  # of its contrast has the skin beside it, in photographs (docs/masked.md)
MIDDLE = 4 ** (-1 / 3) - 4 ** (-4 / 3)  # highest share that two blurs, one twice the other, differ
LEAST = 1e-4  # of contrast that is seen at all
FEWEST = 64  # pixels of a strip that say anything


def match_grain(
    image: Array, keep: Mask, inside: Array, outside: Array, octaves: int, seed: int
) -> None:
    """Give what is painted the grain of what is kept, in place.

    Octave by octave, from coarse to fine: where what is painted has more contrast than what is
    kept beside the seam, it is lowered; where it has less, noise of the missing variance is laid on
    it. More and less are seen along the three directions of colour in which both covariances are
    diagonal. Octaves overlap a little, so there is a second turn.

    Args:
        image: (H, W, 3), what is kept and what is painted around it.
        keep: (H, W).
        inside, outside: (H, W), distance of what is kept from the rest and of the rest from it.
        octaves: how many there are to match; the finest is one pixel fine.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    diameter = 2 * np.sqrt(min(keep.sum(), (~keep).sum()) / np.pi)
    for octave in 2 * list(reversed(range(octaves))):
        fineness = 2**octave
        step = max(1, fineness // 2)  # what is coarse is as well seen made smaller
        fine = _octave(_reduced(image, step), fineness, step)
        width = CLEAR * fineness + max(RIM * diameter, 4 * fineness)
        strips = [
            (far > CLEAR * fineness) & (far <= width)
            for far in (inside[::step, ::step], outside[::step, ::step])
        ]
        if min(strip.sum() for strip in strips) < FEWEST:
            continue
        kept, painted = (np.cov(fine[strip].T) for strip in strips)
        wanted = LIKE**2 * kept + LEAST**2 * np.eye(3)
        # Relative to what is wanted. As float32: twice the memory of a large photograph is much.
        there, colours = (part.astype(np.float32) for part in linalg.eigh(painted, wanted))
        added = fine @ colours
        added *= 1 / np.sqrt(np.maximum(1, there)) - 1
        if octave < NOISY:
            noise = _octave(rng.standard_normal(fine.shape, np.float32), fineness, step)
            seen = _octave(noise, fineness, step).var()  # of it, when it is measured again
            noise *= np.sqrt((1 - there).clip(0) / seen)
            added += noise
        added = added @ np.linalg.inv(colours)
        added = _resized(added, image.shape, Image.Resampling.BICUBIC)
        np.add(image, added, out=image, where=~keep[..., None])


def _octave(image: Array, fineness: int, step: int) -> Array:
    """Return of (H, W, 3), pixels `step` px apart, what is about `fineness` px fine.

    It is the difference of two blurs, scaled so that of the octave's middle all is in it.
    """
    coarse = 0.7 * fineness / step
    smooth = ndimage.gaussian_filter(image, (coarse, coarse, 0))
    if fineness == 1:
        return image - smooth
    octave: Array = ndimage.gaussian_filter(image, (coarse / 2, coarse / 2, 0)) - smooth
    octave /= MIDDLE
    return octave


def _reduced(image: Array, step: int) -> Array:
    """Return the means of squares of `step` px."""
    high, wide = (-(-length // step) for length in image.shape[:2])
    return _resized(image, (high, wide), Image.Resampling.BOX)


def _resized(image: Array, shape: tuple[int, ...], how: Image.Resampling) -> Array:
    if image.shape[:2] == shape[:2]:
        return image
    layers = [Image.fromarray(image[..., k]) for k in range(image.shape[2])]
    resized = [np.asarray(layer.resize((shape[1], shape[0]), how)) for layer in layers]
    return np.stack(resized, axis=-1)
