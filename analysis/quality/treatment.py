"""How images are made comparable: one cut, one size and one codec, whatever the origin.

Size, resampling and codec move every distance between sets of images (Parmar et al. 2022, "On
aliased resizing and surprising subtleties in GAN evaluation"), and tell nothing of a generator.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

#: Of a photograph's short side: generators paint squares that show about as much.
CUT = 7 / 8
#: px: what the cut leaves of HAM10000's images of 150 px, so that they are not resampled.
SIDE = 131
QUALITY = 75  # of JPEG, as HAM10000's images are stored here
#: Sides that differ by less count as a square.
SQUARE = 1.05
#: Names what is done to images; features that were kept under another name are not used.
NAME = f"cut {CUT:g} of what is not square, JPEG {QUALITY}"


def treated(image: Image.Image, side: int = SIDE) -> Pixels:
    """Return an image as it is compared, (side, side, 3) sRGB.

    A square is taken whole; of anything else, the middle square of 7/8 of the short side. It is
    brought to the side in px with antialiasing, and through JPEG.
    """
    image = image.convert("RGB")
    short, long = sorted(image.size)
    cut = short if long < SQUARE * short else short * CUT
    left, top = (image.width - cut) / 2, (image.height - cut) / 2
    way = Image.Resampling.BOX if cut >= side else Image.Resampling.BICUBIC
    stored = BytesIO()
    image.resize((side, side), way, box=(left, top, left + cut, top + cut)).save(
        stored, "JPEG", quality=QUALITY
    )
    return np.asarray(Image.open(stored).convert("RGB"))


def resized(images: Pixels, side: int) -> Pixels:
    """Return images (n, a, a, 3) at another side, with antialiasing."""
    if images.shape[1] == side:
        return images
    way = Image.Resampling.BOX if images.shape[1] > side else Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(i).resize((side, side), way)) for i in images])
