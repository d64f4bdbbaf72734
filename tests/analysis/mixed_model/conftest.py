"""Answers to fit: those of the reference's simulated readers, and drawn ones of known effects."""

import numpy as np
import pytest
from scipy import special


@pytest.fixture(scope="module")
def simulated(data):
    """Return the columns of five simulated readers of 140 images."""
    rows = data("simvtt/sim_vtt_dev.csv")

    def column(name):
        return np.array([row[name] for row in rows])

    synthetic = (column("origin") == "synthetic").astype(float)
    said = column("says_synthetic").astype(float)
    one = np.ones(len(rows))
    return {
        "raters": column("reader"),
        "images": column("image"),
        "said": said,
        "right": (said == synthetic).astype(float),
        "one": one[:, None],
        "origin": np.stack([one, synthetic], axis=1),
        "generator": np.stack(
            [one, column("generator") == "genA", column("generator") == "genB"], axis=1
        ),
        "trial": np.stack([one, column("trial").astype(float) / 100], axis=1),
    }


def answers_of(raters, images, *, slope_sd=0.0, seed=0, share=1.0, intercept=-0.3, effect=1.0):
    """Return answers, design (1, origin -0.5 or 0.5), raters and images with known effects."""
    rng = np.random.default_rng(seed)
    rater, image = np.divmod(np.arange(raters * images), images)
    seen = rng.random(rater.size) < share
    rater, image = rater[seen], image[seen]
    origin = (image % 2) - 0.5
    eta = intercept + effect * origin + 0.5 * rng.normal(size=raters)[rater]
    eta += slope_sd * rng.normal(size=raters)[rater] * origin
    eta += 0.7 * rng.normal(size=images)[image]
    said = (rng.random(rater.size) < special.expit(eta)).astype(float)
    return said, np.stack([np.ones(rater.size), origin], axis=1), rater, image
