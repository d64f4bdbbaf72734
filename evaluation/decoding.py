"""Decoding: from the bytes of a file to pixels in sRGB, refusing what is not a sound image."""

import contextlib
import json
from io import BytesIO

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from evaluation.errors import EvaluationError

LARGEST_FILE = 50_000_000  # bytes
LARGEST_IMAGE = 50_000_000  # pixels
SMALLEST_SIDE = 32  # pixels
Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and names the size
FORMATS = ("JPEG", "PNG")  # of Pillow's decoders only those that are needed are ever reached


class UnreadableImage(EvaluationError):
    """A file is no image that can be used; the message says why and the mend."""


def decode(content: bytes) -> Image.Image:
    """Decode all of an image, upright, in sRGB.

    Returns:
        An RGB image without metadata.

    Raises:
        UnreadableImage: not a JPEG or PNG, truncated, too large, too small, or transparent.
    """
    if len(content) > LARGEST_FILE:
        raise UnreadableImage(
            f"has {len(content) / 1e6:.0f} MB; save it with at most {LARGEST_FILE / 1e6:.0f} MB"
        )
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
        _check_size(image)
        image.load()
        return _plain(ImageOps.exif_transpose(image))
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        raise UnreadableImage("is neither JPEG nor PNG; convert it to one of them") from None
    except Exception as problem:  # decoders meet broken files in many ways
        raise UnreadableImage(f"is broken ({problem}); export it again from its source") from None


def is_made_by_ai(content: bytes) -> bool:
    """Tell whether an image says in its own file, as ours do, that it was made by AI."""
    with contextlib.suppress(Exception), Image.open(BytesIO(content), formats=FORMATS) as image:
        image.load()  # words may stand behind the pixels
        said = json.loads(getattr(image, "text", {}).get("provenance", "{}"))
        return bool(said.get("made", "").startswith("by AI"))
    return False


def _check_size(image: Image.Image) -> None:
    """Refuse by the header alone, before memory is taken for the pixels."""
    width, height = image.size
    if width * height > LARGEST_IMAGE:
        raise UnreadableImage(
            f"has {width} x {height} pixels; make it smaller than "
            f"{LARGEST_IMAGE // 10**6} megapixels"
        )
    if min(width, height) < SMALLEST_SIDE:
        raise UnreadableImage(
            f"has {width} x {height} pixels; use an original of at least {SMALLEST_SIDE} a side"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise UnreadableImage("is an animation; export a single frame")


def _plain(image: Image.Image) -> Image.Image:
    """Return `image` as RGB in sRGB on a fresh canvas, which carries no metadata over."""
    if image.mode in ("I", "I;16", "I;16B", "F"):
        raise UnreadableImage("has 16 bits a channel; convert it to 8 bits")
    if "A" in image.getbands() or "transparency" in image.info:
        opaque = image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
        if not opaque:
            raise UnreadableImage("is partly transparent; flatten it onto a background")
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        # With an unusable profile the pixels are taken as sRGB, as a browser would.
        with contextlib.suppress(ImageCms.PyCMSError):
            converted = ImageCms.profileToProfile(
                image, BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            image = converted or image
    fresh = Image.new("RGB", image.size)
    fresh.paste(image.convert("RGB"))
    return fresh
