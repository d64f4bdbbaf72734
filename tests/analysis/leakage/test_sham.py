"""The sham control's verdicts, on photographs' stand-ins whose two ways are known."""

import numpy as np
import pytest

from analysis.leakage.checks import Verdict
from analysis.leakage.sham import sham_control


@pytest.fixture
def stimuli():
    """Return 200 small images of noise."""
    return np.random.default_rng(0).integers(0, 200, (200, 8, 8, 3), dtype=np.uint8)


def table(images):
    """Return a few features, so that nothing but the verdict is tested."""
    flat = images.reshape(len(images), -1).astype(float)
    return ["mean", "spread"], np.stack([flat.mean(axis=1), flat.std(axis=1)], axis=1)


def lesions(count):
    return [f"lesion {k // 2}" for k in range(count)]


def test_two_ways_that_give_the_same_pixels_need_no_statistics(stimuli):
    check = sham_control(stimuli, stimuli.copy(), lesions(200), table)

    assert check.verdict is Verdict.HOLDS
    assert (check.figures["same"], check.figures["upper"]) == (200, 0.5)


def test_a_way_that_tells_fails(stimuli):
    check = sham_control(stimuli, stimuli + 40, lesions(200), table)

    assert check.verdict is Verdict.FAILS
    assert check.figures["upper"] > 0.9


def test_a_difference_that_cannot_be_told_from_chance_is_not_shown_to_be_none(stimuli):
    nearly = stimuli.copy()
    nearly[:, 0, 0, 0] += 1

    check = sham_control(stimuli, nearly, lesions(200), table)

    assert check.verdict is Verdict.UNSHOWN
    assert "takes more photographs" in check.says


def test_a_handful_of_photographs_shows_nothing(stimuli):
    check = sham_control(stimuli[:6], stimuli[:6] + 1, lesions(6), table)

    assert check.verdict is Verdict.UNSHOWN
