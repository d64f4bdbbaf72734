"""Stimuli: what a rater sees, made from an original by one pipeline whatever its origin."""

from dataclasses import asdict, dataclass
from io import BytesIO

from PIL import Image, ImageDraw

from evaluation.design.randomness import SeededStream

#: Written into the protocol; change the version when a line of `render_stimulus` changes.
PIPELINE = {
    "version": 2,
    "crop": "centred square",
    "resample": "lanczos",
    "size": 256,
    "lossy": "JPEG quality 75, 4:2:0",
    "container": "PNG, stored",
}
SIZE = 256
LEAST_PERCENT = 92  # of the square's side that a random crop keeps
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Treatment:
    """What a study asks of the pipeline beside the fixed steps, for all images alike.

    Attributes:
        shrunk_to: side in pixels to which every square is brought first; None leaves them.
        turned: whether each is turned, mirrored and cropped a little at random.
        round_mask: whether everything but a disc is covered in grey.
    """

    shrunk_to: int | None = None
    turned: bool = False
    round_mask: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the whole pipeline as the protocol holds it."""
        return {**PIPELINE, **asdict(self)}


PLAIN = Treatment()


def centred_square(original: Image.Image, side: int | None = None) -> Image.Image:
    """Cut the centred square, and bring it to a side in pixels, as training images are made."""
    least = min(original.size)
    left, top = (original.width - least) / 2, (original.height - least) / 2
    box = (left, top, left + least, top + least)
    size = (side or least, side or least)
    return original.resize(size, Image.Resampling.LANCZOS, box=box)


def render_stimulus(
    original: Image.Image, treatment: Treatment = PLAIN, chance: SeededStream | None = None
) -> bytes:
    """Turn a decoded original into the bytes that raters get.

    The common lossy step at the final size covers traces of earlier compression, and the
    stored-mode PNG has one length for all, so neither bytes nor history tell the origin.

    Args:
        original: decoded, sRGB; any size and mode.
        treatment: what the study asks for beside.
        chance: decides how a turned image is turned; without it, it stays as it is.

    Returns:
        A 256 x 256 PNG without metadata, always of the same length.
    """
    # First to one size for all: what follows then leaves the same traces, whatever came in.
    square = centred_square(original.convert("RGB"), treatment.shrunk_to or SIZE)
    if treatment.turned and chance:
        square = _turned(square, chance)
    square = square.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    fresh = Image.new("RGB", (SIZE, SIZE), GREY)  # carries no metadata of the original
    fresh.paste(square, mask=_disc() if treatment.round_mask else None)
    lossy = BytesIO()
    fresh.save(lossy, "JPEG", quality=75, subsampling="4:2:0")
    out = BytesIO()
    with Image.open(lossy, formats=("JPEG",)) as decoded:
        bare = Image.new("RGB", (SIZE, SIZE))
        bare.paste(decoded)
    bare.save(out, "PNG", compress_level=0)
    return out.getvalue()


def _turned(square: Image.Image, chance: SeededStream) -> Image.Image:
    """Cut a little off a square at random, and turn or mirror it."""
    kept = square.width * (LEAST_PERCENT + chance.below(101 - LEAST_PERCENT)) / 100
    left, top = ((square.width - kept) * chance.below(101) / 100 for _ in range(2))
    box = (left, top, left + kept, top + kept)
    cropped = square.resize((SIZE, SIZE), Image.Resampling.LANCZOS, box=box)
    turn = chance.below(8)
    if turn >= 4:
        cropped = cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return cropped.rotate(90 * (turn % 4))


def _disc() -> Image.Image:
    """Return what is white within the largest disc of a stimulus."""
    mask = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(mask).ellipse((0, 0, SIZE - 1, SIZE - 1), fill=255)
    return mask
