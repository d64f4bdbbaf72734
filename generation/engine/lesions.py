"""Where a lesion is, how large and of which shape: as a few characters, and as a mask.

A lesion is written as `x,y,width,height`, its centre and its extent as shares of the image's side
(its border is then drawn from the image's seed), or as `png:` and a small mask in base64. So it
stands with a batch and with every image, which can be made again without any other file.
"""

import base64
import binascii
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from generation.engine.generator import GenerationError

Mask = NDArray[np.bool_]

STORED = 128  # px, of a mask that is written down
DRAWN = "png:"
LEAST, MOST = 0.04, 1.2  # extent, as a share of the side
LONGEST = 500_000  # characters, of a lesion that is given; one that is written down has few
LARGEST = 4096  # px, of the side of a mask that is given


class Flaw(StrEnum):
    """Why a file is no mask of a lesion."""

    UNREADABLE = "unreadable"
    NOT_SQUARE = "not square"
    EMPTY = "empty"
    FULL = "full"


class MaskRefused(GenerationError):
    """A mask that shows no lesion, with its flaw and its size in px for whoever says it anew."""

    def __init__(self, said: str, flaw: Flaw, size: tuple[int, int] = (0, 0)) -> None:
        super().__init__(said)
        self.flaw, self.size = flaw, size


# Of the lesion masks of HAM10000, in the square that is trained on: mean and standard deviation of
# the share's logarithm, of the centre, and of the logarithm of length over width; then how far a
# border leaves its ellipse, the standard deviation of the harmonics from the third on.
SHARE, PLACE, RATIO = (-1.16, 0.83), 0.07, (0.28, 0.17)
LARGEST_SHARE = 0.7
HARMONICS = (0.045, 0.032, 0.022, 0.017, 0.013, 0.011, 0.009, 0.008, 0.007, 0.006)


def mask_of(lesion: str, seed: int, size: int) -> Mask:
    """Return the mask (size, size) of a lesion as it is written.

    Raises:
        GenerationError: it cannot be read, is too small or large, or lies outside the image.
    """
    if lesion.startswith(DRAWN):
        return _resized(_stored(lesion), size)
    x, y, width, height = _numbers(lesion)
    return _outlined(x, y, width, height, 0.0, np.random.default_rng((seed, 1)), size)


def any_mask(seed: int, size: int) -> Mask:
    """Return the mask (size, size) of a lesion as large, round and central as they usually are."""
    rng = np.random.default_rng((seed, 1))
    share = min(float(np.exp(rng.normal(*SHARE))), LARGEST_SHARE)
    ratio = float(np.exp(max(0.0, rng.normal(*RATIO))))
    x, y = 0.5 + PLACE * rng.standard_normal(2).clip(-2, 2)
    width, height = (2 * np.sqrt(share / np.pi * each) for each in (ratio, 1 / ratio))
    return _outlined(x, y, width, height, float(rng.uniform(0, np.pi)), rng, size)


def written(x: float, y: float, width: float, height: float) -> str:
    """Return a lesion as it is written down, once it is one.

    Raises:
        GenerationError: it is too small or too large, or its centre lies outside the image.
    """
    text = ",".join(f"{value:.3g}" for value in (x, y, width, height))
    _numbers(text)
    return text


def written_from_file(path: Path) -> str:
    """Return the mask in a file as it is written down; bright is lesion.

    Raises:
        GenerationError: it is no image, not square, empty or full.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise GenerationError(f"{path}: cannot be read ({problem.strerror})") from None
    return written_from_image(content, str(path))


def written_from_text(lesion: str) -> str:
    """Return a lesion as it is written down: `x,y,width,height`, or `png:` and any mask in base64.

    Raises:
        GenerationError: it is none.
    """
    if lesion.startswith(DRAWN):
        return written_from_image(_decoded(lesion), "lesion")
    return written(*_numbers(lesion))


def written_from_image(content: bytes, what: str) -> str:
    """Return the mask in an image file as it is written down; bright is lesion.

    Args:
        content: of the file.
        what: it is called in an error.

    Raises:
        MaskRefused: it is no image, not square, too large, empty or full.
    """
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=("PNG", "JPEG"))
        if max(image.size) <= LARGEST:  # else memory is not even taken
            image = image.convert("L")
    except (OSError, ValueError, SyntaxError) as problem:
        # Of what is no image at all Pillow names but the memory that we read it into.
        why = "" if isinstance(problem, UnidentifiedImageError) else f" ({problem})"
        raise MaskRefused(
            f"{what}: is no PNG or JPEG that can be read{why}; save the mask as a PNG, white where "
            "the lesion is",
            Flaw.UNREADABLE,
        ) from None
    if image.width != image.height or image.width > LARGEST:
        raise MaskRefused(
            f"{what}: has {image.width} x {image.height} pixels; make it square, as the images "
            f"are, with at most {LARGEST}",
            Flaw.NOT_SQUARE,
            image.size,
        )
    mask = np.asarray(image.resize((STORED, STORED), Image.Resampling.BOX)) > 127
    check_mask(mask, what)
    stored = BytesIO()
    Image.fromarray(mask).save(stored, "PNG", optimize=True)
    return DRAWN + base64.b64encode(stored.getvalue()).decode()


def check_mask(mask: Mask, what: str) -> None:
    """Refuse a mask that shows no lesion, or no skin.

    Raises:
        MaskRefused: it is empty or full.
    """
    if mask.all() or not mask.any():
        flaw = Flaw.FULL if mask.any() else Flaw.EMPTY
        raise MaskRefused(
            f"{what}: the mask is {flaw}; make the lesion white and all else black", flaw
        )


def _numbers(lesion: str) -> tuple[float, float, float, float]:
    parts = lesion.split(",")
    try:
        x, y, width, height = map(float, parts)
    except ValueError:
        raise GenerationError(
            f"lesion '{lesion[:60]}' cannot be read; write x,y,width,height as shares of the "
            "image's side, such as 0.5,0.5,0.4,0.3"
        ) from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise GenerationError(
            f"the lesion's centre, {x:g},{y:g}, is outside the image; use 0 to 1, from the left "
            "and from the top"
        )
    if not (LEAST <= width <= MOST and LEAST <= height <= MOST):
        raise GenerationError(
            f"the lesion's size, {width:g} x {height:g}, is not between {LEAST} and {MOST} of the "
            "image's side"
        )
    return x, y, width, height


def _stored(lesion: str) -> Mask:
    try:
        image = Image.open(BytesIO(_decoded(lesion)), formats=("PNG",))
        if image.size != (STORED, STORED):
            raise ValueError(f"it has {image.width} x {image.height} pixels, not {STORED}")
        mask = np.asarray(image.convert("L")) > 127
    except (OSError, ValueError) as problem:
        raise GenerationError(f"the lesion's mask cannot be read ({problem})") from None
    check_mask(mask, "lesion")
    return mask


def _decoded(lesion: str) -> bytes:
    try:
        return base64.b64decode(lesion.removeprefix(DRAWN), validate=True)
    except binascii.Error as problem:
        raise GenerationError(f"the lesion's mask cannot be read ({problem})") from None


def _resized(mask: Mask, size: int) -> Mask:
    if mask.shape[0] == size:
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(grey.resize((size, size), Image.Resampling.BICUBIC)) > 127


def _outlined(
    x: float,
    y: float,
    width: float,
    height: float,
    turn: float,
    rng: np.random.Generator,
    size: int,
) -> Mask:
    """Return a mask with an uneven border around an ellipse, of the ellipse's area.

    Args:
        turn: of the ellipse's width, in radians.
        rng: draws the border.
    """
    waves = rng.standard_normal((2, len(HARMONICS))) * HARMONICS
    at = (np.arange(size) + 0.5) / size
    right, below = np.meshgrid(at - x, at - y)
    along = (right * np.cos(turn) + below * np.sin(turn)) / (width / 2)
    across = (below * np.cos(turn) - right * np.sin(turn)) / (height / 2)
    angle, radius = np.arctan2(across, along), np.hypot(along, across)
    bound = np.ones_like(angle)
    for k, (cosine, sine) in enumerate(waves.T, start=3):
        bound += cosine * np.cos(k * angle) + sine * np.sin(k * angle)
    bound /= np.sqrt(1 + (waves**2).sum() / 2)  # the area is the integral of the square
    return radius <= bound
