"""What is measured in pixels: pairs, lesions and skin, and the common treatment."""

import numpy as np
import pytest
from PIL import Image

from analysis.quality import appearance, pairs
from analysis.quality.treatment import treated
from evaluation.skin.colour import lab_of_pixels


def noise(n=2, side=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3)).astype(np.uint8)


def test_similarity_is_wangs_definition_written_out():
    one, other = noise(1), noise(1, seed=1)
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for channel in range(3):
        x, y = (image[0, ..., channel] / 255 for image in (one, other))
        for i in range(24 - 10):
            for j in range(24 - 10):
                a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                both = (window * (a - ma) * (b - mb)).sum()
                values.append(
                    (2 * ma * mb + 1e-4)
                    * (2 * both + 9e-4)
                    / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
                )

    assert pairs.similarity(one, other)[0] == pytest.approx(np.mean(values), abs=1e-6)
    assert pairs.similarity(one, one)[0] == pytest.approx(1)


def test_figures_of_pairs_are_those_of_the_reference_program():
    """Numbers of torchmetrics 1.9.0; of its similarity the part whose windows lie in the image."""
    one = noise(3)
    other = one // 2 + noise(3, seed=1) // 2

    ratio = pairs.signal_to_noise(pairs.squared_error(one, other))

    assert pairs.similarity(one, other) == pytest.approx(
        [0.6590225658987037, 0.6830422373233465, 0.6624824998529925], abs=1e-6
    )
    assert ratio == pytest.approx(
        [13.700487756715892, 13.754696395517437, 13.726158207779593], abs=1e-6
    )


def test_noise_ratio_goes_with_the_errors_range_and_the_published_one_is_48_db_higher():
    one = np.zeros((1, 16, 16, 3), np.uint8)
    error = pairs.squared_error(one, one + 51)  # 0.2 of the range

    assert error[0] == pytest.approx(0.04)
    assert pairs.signal_to_noise(error)[0] == pytest.approx(20 * np.log10(1 / 0.2))
    assert 10 * np.log10(255**2 / 0.04) == pytest.approx(
        pairs.signal_to_noise(error)[0] + pairs.PUBLISHED_DB
    )
    assert pytest.approx(48.13, abs=0.01) == pairs.PUBLISHED_DB


def spot(skin, lesion, radius, corners=False):
    image = np.full((66, 66, 3), skin, np.uint8)
    down, across = np.mgrid[:66, :66] - 32.5
    image[np.hypot(down, across) < radius] = lesion
    if corners:
        image[np.hypot(down, across) > 40] = 4
    return image


@pytest.mark.parametrize("corners", [False, True], ids=["whole", "dark corners"])
def test_size_and_colour_of_a_lesion_and_the_tone_of_the_skin_around_it(corners):
    skin, lesion = (214, 170, 140), (110, 70, 50)
    image = spot(skin, lesion, 15, corners)
    seen = (image.sum(-1) > 20).mean() if corners else 1.0
    light, _, yellow = lab_of_pixels(np.array([[skin]], np.uint8))[0, 0]

    tone, size, *own, contrast = appearance.appearance(image)

    assert tone == pytest.approx(np.degrees(np.arctan2(light - 50, yellow)), abs=0.5)
    assert size == pytest.approx(np.pi * 15**2 / 66**2 / seen, rel=0.1)
    assert np.allclose(own, lab_of_pixels(np.array([[lesion]], np.uint8))[0, 0], atol=6)
    assert contrast > 30


def test_skin_without_a_lesion_has_a_tone_and_nothing_else():
    image = np.full((66, 66, 3), (150, 100, 70), np.uint8)

    tone, *rest = appearance.appearance(image)

    assert tone < 28  # brown or tan
    assert np.isnan(rest).all()


def test_both_origins_end_with_one_size_and_a_square_is_taken_whole():
    stripes = np.zeros((100, 200, 3), np.uint8)
    stripes[:, 57:143] = 255  # within the middle square of 7/8
    square = np.zeros((100, 100, 3), np.uint8)
    square[:3] = 255

    assert treated(Image.fromarray(stripes), 50).shape == (50, 50, 3)
    assert treated(Image.fromarray(stripes), 50)[:, 1:-1].mean() > 250
    assert treated(Image.fromarray(square), 100)[0].mean() > 200
