"""Stimuli: what a rater sees, made from an original by one pipeline whatever its origin."""

from io import BytesIO

from PIL import Image

#: Written into the protocol; change the version when a line of `render_stimulus` changes.
PIPELINE = {
    "version": 1,
    "crop": "centred square",
    "resample": "lanczos",
    "size": 256,
    "lossy": "JPEG quality 75, 4:2:0",
    "container": "PNG, stored",
}
SIZE = 256


def render_stimulus(original: Image.Image) -> bytes:
    """Turn a decoded original into the bytes that raters get.

    The common lossy step at the final size covers traces of earlier compression, and the
    stored-mode PNG has one length for all, so neither bytes nor history tell the origin.

    Args:
        original: decoded, sRGB; any size and mode.

    Returns:
        A 256 x 256 PNG without metadata, always of the same length.
    """
    side = min(original.size)
    left, top = (original.width - side) / 2, (original.height - side) / 2
    square = original.convert("RGB").resize(
        (SIZE, SIZE), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)
    )
    fresh = Image.new("RGB", (SIZE, SIZE))  # carries no metadata of the original
    fresh.paste(square)
    lossy = BytesIO()
    fresh.save(lossy, "JPEG", quality=75, subsampling="4:2:0")
    out = BytesIO()
    with Image.open(lossy, formats=("JPEG",)) as decoded:
        bare = Image.new("RGB", (SIZE, SIZE))
        bare.paste(decoded)
    bare.save(out, "PNG", compress_level=0)
    return out.getvalue()
