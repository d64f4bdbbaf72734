"""Decoding: what counts as a sound image."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from evaluation.decoding import UnreadableImage, decode
from evaluation.phantoms import draw_phantom


def encoded(image, form="PNG", **options):
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def picture():
    return Image.fromarray(draw_phantom("nv", 0))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_plain_image_comes_out_as_it_went_in(picture, form):
    decoded = decode(encoded(picture, form, quality=95) if form == "JPEG" else encoded(picture))

    difference = np.abs(np.asarray(decoded, int) - np.asarray(picture, int))
    assert difference.mean() < (3 if form == "JPEG" else 1e-9)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_truncated_file_is_refused_wherever_it_is_cut(picture, form, share):
    content = encoded(picture, form)

    with pytest.raises(UnreadableImage, match=r"broken|neither JPEG nor PNG"):
        decode(content[: int(len(content) * share)])


def test_a_small_file_that_decodes_to_a_huge_image_is_refused_before_it_takes_memory():
    bomb = encoded(Image.new("L", (13_000, 13_000)))

    with pytest.raises(UnreadableImage, match="13000 x 13000 pixels; make it smaller"):
        decode(bomb)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: encoded(p, "GIF"), "neither JPEG nor PNG"),
        (lambda p: encoded(p, "TIFF"), "neither JPEG nor PNG"),
        (lambda p: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither JPEG nor PNG"),
        (lambda p: encoded(p.resize((16, 16))), "at least 32"),
        (lambda p: encoded(Image.new("I;16", (64, 64))), "16 bits"),
        (lambda p: encoded(Image.new("RGBA", (64, 64), (9, 9, 9, 90))), "transparent"),
        (lambda p: encoded(p, save_all=True, append_images=[p.rotate(90)]), "animation"),
    ],
    ids=["gif", "tiff", "svg", "tiny", "16 bit", "transparent", "animated"],
)
def test_what_cannot_be_used_is_refused_with_the_mend(picture, make, word):
    with pytest.raises(UnreadableImage, match=word):
        decode(make(picture))


def test_cmyk_palette_and_grey_become_rgb(picture):
    for mode, form in (("CMYK", "JPEG"), ("P", "PNG"), ("L", "PNG")):
        assert decode(encoded(picture.convert(mode), form)).mode == "RGB"


def test_a_photograph_taken_upright_comes_out_upright(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter

    decoded = decode(encoded(picture, "JPEG", exif=exif.tobytes()))

    assert decoded.size == (picture.height, picture.width)


def test_no_metadata_comes_through(picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    decoded = decode(encoded(picture, "JPEG", icc_profile=profile, comment=b"patient 17"))

    assert decoded.info == {}
