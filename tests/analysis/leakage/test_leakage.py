"""The machine that looks for leaks: it finds what is planted, and nothing where nothing is."""

from io import BytesIO

import numpy as np
import pytest
from django.conf import settings
from PIL import Image, ImageEnhance, ImageFilter

from analysis.leakage.features import feature_table
from analysis.leakage.separability import separability
from evaluation.demo_images import PACK
from evaluation.phantoms import draw_phantom
from evaluation.sources import Source
from evaluation.stimuli import SIZE, centred_square, render_stimulus

EACH = 60  # images an arm


@pytest.fixture(scope="module")
def originals():
    """Return photographs, or phantoms where there are none: exchangeable, from one source."""
    folder = settings.IMAGES_DIR
    if not folder or not (folder / PACK).exists():
        return [
            Image.fromarray(draw_phantom(("nv", "mel")[k % 2], 5000 + k)) for k in range(2 * EACH)
        ]
    source = Source(f"{folder / PACK}/images")
    names = sorted(source.names())[: 2 * EACH]
    return [Image.open(BytesIO(source.read(name, 10**7))).convert("RGB") for name in names]


@pytest.fixture(scope="module")
def arms():
    """Return labels of an equal number of images, in an order that says nothing."""
    return np.random.default_rng(3).permutation([0, 1] * EACH)


@pytest.fixture(scope="module")
def untouched(originals):
    """Return the features of all images after one pipeline for both arms."""
    return feature_table(np.stack([np.asarray(jpeg(square(each), 75)) for each in originals]))[1]


def decoded(png: bytes) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def jpeg(image: Image.Image, quality: int, subsampling: str = "4:2:0") -> Image.Image:
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(out)


def square(image: Image.Image) -> Image.Image:
    return centred_square(image.convert("RGB"), SIZE)


def shown(originals, arms, one, other=square):
    """Return the pixels of both arms, each made in its own way."""
    return np.stack(
        [
            np.asarray((one if arm else other)(each))
            for arm, each in zip(arms, originals, strict=True)
        ]
    )


def found(pixels, arms):
    return separability(feature_table(pixels)[1], arms, range(len(arms)))


def test_our_own_processing_tells_nothing(originals, arms):
    """The sham control: half of the photographs come in as a generator would save its images."""

    def as_generated(image: Image.Image) -> Image.Image:
        lossless = BytesIO()
        square(image).save(lossless, "PNG")
        return Image.open(lossless)

    pixels = np.stack(
        [
            decoded(render_stimulus(as_generated(each) if arm else each))
            for arm, each in zip(arms, originals, strict=True)
        ]
    )
    result = found(pixels, arms)

    assert result.p > 0.01
    assert result.upper < 0.75  # of 120 images no better bound can be had
    assert result.n == 2 * EACH


def test_the_usual_recipe_without_the_common_lossy_step_is_found(originals, arms):
    """Photographs with a history as JPEG, AI images without one, both cut and stored as PNG."""

    def photograph(image: Image.Image) -> Image.Image:
        return square(jpeg(image, 90))

    assert found(shown(originals, arms, square, photograph), arms).p < 0.001


@pytest.mark.parametrize(
    "leak",
    {
        "compressed less": lambda image: jpeg(square(image), 90),
        "compressed twice": lambda image: jpeg(jpeg(square(image), 60), 75),
        "colour at full size": lambda image: jpeg(square(image), 75, "4:4:4"),
        "made larger from half its size": lambda image: jpeg(
            square(image).resize((128, 128)).resize((SIZE, SIZE)), 75
        ),
        "sharpened": lambda image: jpeg(square(image).filter(ImageFilter.SHARPEN), 75),
        "blurred": lambda image: jpeg(square(image).filter(ImageFilter.GaussianBlur(0.7)), 75),
        "more contrast": lambda image: jpeg(ImageEnhance.Contrast(square(image)).enhance(1.5), 75),
        "values of the whole range": lambda image: jpeg(
            square(image).point(lambda value: min(255, max(0, (value - 20) * 1.3))), 75
        ),
        "never compressed": square,
        "noise": lambda image: jpeg(
            Image.fromarray(
                np.clip(
                    np.asarray(square(image), float)
                    + np.random.default_rng(1).normal(0, 4, (SIZE, SIZE, 3)),
                    0,
                    255,
                ).astype(np.uint8)
            ),
            75,
        ),
    }.items(),
    ids=lambda leak: leak[0],
)
def test_what_one_arm_alone_went_through_is_found(originals, untouched, arms, leak):
    went = np.stack([np.asarray(leak[1](originals[k])) for k in np.flatnonzero(arms)])
    features = untouched.copy()
    features[arms == 1] = feature_table(went)[1]

    assert separability(features, arms, range(len(arms))).p < 0.001


@pytest.mark.parametrize(
    "leak",
    {
        "length + 16": lambda arm, k: 196_993 + 16 * arm,
        "one chunk more": lambda arm, k: 3 + arm,
        "number odd": lambda arm, k: 2 * k + arm,
        "2 ms later": lambda arm, k: 5 + 2 * arm + np.random.default_rng(k).normal(0, 1),
    }.items(),
    ids=lambda leak: leak[0],
)
def test_what_is_not_in_the_pixels_is_found_too(arms, leak):
    said = np.array([leak[1](int(arm), k) for k, arm in enumerate(arms)])
    column = np.stack([said, said % 2], axis=1).astype(float)

    assert separability(column, arms, range(len(arms))).p < 0.001


def test_what_never_varies_tells_nothing(arms):
    result = separability(np.full((len(arms), 2), 196_993.0), arms, range(len(arms)))

    assert (result.auc, result.upper, result.p) == (0.5, 0.5, 1.0)


def test_chance_passes_for_chance():
    """Of forty tables of noise no more fall below 0.05 than chance allows."""
    rng = np.random.default_rng(11)
    labels = np.tile([0, 1], 40)
    values = [
        separability(rng.normal(size=(80, 12)), labels, range(80), permutations=199, seed=k).p
        for k in range(40)
    ]

    assert 0.3 < np.mean(values) < 0.7
    assert sum(value <= 0.05 for value in values) <= 6  # 98.6 % of the time


def test_images_of_one_lesion_do_not_vouch_for_each_other():
    """A lesion's own mark is no mark of its arm, though it is the same in all of its images."""
    rng = np.random.default_rng(5)
    lesions = np.repeat(np.arange(40), 4)
    labels = (lesions % 2).astype(int)
    marks = rng.normal(size=(40, 12))[lesions] + rng.normal(0, 0.01, (160, 12))

    assert separability(marks, labels, lesions).p > 0.02
    assert separability(marks, labels, range(160)).auc > 0.9  # split, they would


def test_labels_are_exchanged_within_strata_only():
    """An entity that is told apart is no leak where both arms have their share of it."""
    rng = np.random.default_rng(7)
    entity = np.repeat([0, 1], 60)
    labels = np.concatenate(
        [rng.permutation([1] * 10 + [0] * 50), rng.permutation([1] * 50 + [0] * 10)]
    )
    features = entity[:, None] * 3 + rng.normal(size=(120, 4))

    assert separability(features, labels, range(120)).p < 0.01
    assert separability(features, labels, range(120), entity).p > 0.05


def test_a_group_is_of_one_arm():
    with pytest.raises(ValueError, match="a group has both labels"):
        separability(np.zeros((10, 1)), [0, 1] * 5, ["same"] * 10)
