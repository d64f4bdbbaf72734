"""Krippendorff's alpha, for any number of raters, scales of any kind, and gaps."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.agreement.answers import ALL_ALIKE, Counted, Floats
from analysis.results import Estimate, NotEstimable

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    answers: ArrayLike,
    measured: Level = "nominal",
    categories: Sequence | None = None,
    level: float = 0.95,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return Krippendorff's alpha, one minus observed over expected disagreement.

    Args:
        answers: (raters, images); images with one answer only do not count.
        measured: what the distance of two answers is: 0 or 1 (nominal), their distance in ranks
            over all answers (ordinal) or in numbers (interval), both squared.
        categories: all answers that could be given, in their order; without, those that were.
        level: coverage of the interval.
        draws: of the bootstrap over images.
        seed: of the bootstrap.

    Returns:
        Alpha (Krippendorff 2004, Content analysis, ch. 11) with the percentile interval of a
        bootstrap over images; draws in which all answers are the same are left out. No interval
        where all agree.

    Raises:
        NotEstimable: no image has two answers, or every answer is the same.
        ValueError: interval distances of text.
    """
    table = Counted(answers, categories, None)
    counts = table.counts[table.paired]
    ones = np.ones((1, len(counts)))
    observed, expected = _disagreements(ones, counts, table.values, measured)
    if expected[0] <= 0:
        raise NotEstimable(ALL_ALIKE)
    value, n = 1 - float(observed[0] / expected[0]), int(counts.sum())
    name = f"Krippendorff's alpha, {measured}"
    if (np.count_nonzero(counts, axis=1) == 1).all():
        return Estimate(1.0, n=n, method=f"{name}; all agree: no interval")
    rng = np.random.default_rng(seed)
    size = len(counts)
    weights = rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(float)
    observed, expected = _disagreements(weights, counts, table.values, measured)
    possible = expected > 0
    alphas = 1 - observed[possible] / expected[possible]
    if alphas.size < 2:
        return Estimate(value, n=n, method=f"{name}; too few images for an interval")
    tail = (1 - level) / 2
    low, high = np.quantile(alphas, [tail, 1 - tail])
    method = f"{name}; bootstrap over images, {alphas.size} draws"
    return Estimate(
        value, float(alphas.std(ddof=1)), None, float(low), float(high), level, n, method
    )


def _disagreements(
    weights: Floats, counts: Floats, values: NDArray, measured: Level
) -> tuple[Floats, Floats]:
    """Return observed and expected disagreement in each draw; expected 0 where answers are alike.

    Ordinal distances are those of mid-ranks, and both those and intervals are squares, so that
    sums of squares stand for the matrix of coincidences.

    Args:
        weights: (draws, images) how often each image was drawn.
        counts: (images, categories), at least two answers an image.
        values: (categories,) the answers.
        measured: the kind of distance.
    """
    own = weights / (counts.sum(axis=1) - 1)  # an image's m answers make m pairs, not m (m - 1)
    given = weights @ counts  # (draws, categories)
    total = given.sum(axis=1)
    if measured == "nominal":
        equal = own @ (counts * (counts - 1)).sum(axis=1)
        observed, expected = total - equal, total**2 - (given**2).sum(axis=1)
    else:
        if measured == "ordinal":
            places = np.cumsum(given, axis=1) - given / 2
        elif measured == "interval" and values.dtype.kind not in "US":
            places = np.broadcast_to(values.astype(float), given.shape)
        elif measured == "interval":
            raise ValueError("answers in words have no interval distances; use ordinal or nominal")
        else:
            raise ValueError(f"level '{measured}' is unknown; use nominal, ordinal or interval")
        places = places - ((given * places).sum(axis=1) / total)[:, None]
        squares = (given * places**2).sum(axis=1)
        products = (own * ((places @ counts.T) ** 2 - places**2 @ counts.T)).sum(axis=1)
        observed, expected = 2 * (squares - products), 2 * total * squares
    alike = np.count_nonzero(given, axis=1) < 2
    return observed / total, np.where(alike, 0.0, expected / (total * (total - 1)))
