"""An AI beside raters on the same images: is it as good as raters in general?

The AI is one fixed reader; what varies is the sample of raters and that of images. One-treatment
analysis of the differences between each rater's figure and the AI's, whose errors covary because
all read the same images (Hillis 2007, Stat Med 26:596, section 5.3; Hupse et al. 2013, Eur Radiol
23:93, and "1T-RRRC" of RJafroc apply it so).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis import roc
from analysis.mrmc.cells import (
    PROPORTIONS,
    Cells,
    Flags,
    Floats,
    Label,
    Statistic,
    as_study,
    cells_of,
    labels_of,
    outcomes,
)
from analysis.mrmc.inference import (
    FIXED_CASES,
    FIXED_READERS,
    RANDOM,
    SCOPE,
    ZERO,
    ReaderMean,
    interval,
    reader_mean,
    t_test,
)
from analysis.proportions import mcnemar, newcombe_difference
from analysis.results import Estimate, NotEstimable, Test


@dataclass(frozen=True)
class AgainstAI:
    """Readers' figures less the AI's.

    Attributes:
        ai: the AI's own figure, without an interval.
        readers: mean figure of the readers, readers and images random.
        differences: "random", "fixed_readers", "fixed_cases": mean of readers minus AI.
        tests: that the mean of readers equals the AI, under each view of what is random.
        components: of the differences: ms_r, var_e, cov2.
        reader_differences, reader_tests: each reader minus the AI, images random: DeLong for an
            AUC, McNemar's exact test and Newcombe's interval for a proportion, else the jackknife.
    """

    ai: Estimate
    readers: Estimate
    differences: Mapping[str, Estimate]
    tests: Mapping[str, Test]
    components: ReaderMean
    reader_differences: Mapping[Label, Estimate]
    reader_tests: Mapping[Label, Test]


def compare_with_ai(
    ratings: ArrayLike,
    ai: ArrayLike,
    truth: ArrayLike,
    *,
    statistic: str | Statistic = "auc",
    covariance: str = "jackknife",
    readers: Sequence[Label] | None = None,
    level: float = 0.95,
) -> AgainstAI:
    """Compare an AI with readers of the same images.

    Args:
        ratings: (readers, cases), higher speaks for a positive; answers of 0 and 1 for a
            proportion. A case that nobody read is NaN in all rows, and in `ai`.
        ai: (cases,) the same of the AI.
        truth: (cases,) 1 positive (synthetic), 0 negative (real).
        statistic, covariance, readers, level: as in `obuchowski_rockette`.

    Raises:
        NotEstimable: the AI and the readers have not read the same images, all of them.
        ValueError: shapes or options that make no sense.
    """
    table, positive = as_study(ratings, truth, statistic)
    scores = np.asarray(ai, dtype=float)
    if len(table) != 1 or scores.shape != positive.shape:
        raise ValueError(f"ratings {table.shape[1:]} and ai {scores.shape} must share their cases")
    labels = labels_of("readers", readers, table.shape[1])
    _same_images(table[0], scores, labels)
    rows = np.vstack([table[0], scores])
    cells = cells_of(
        rows[None],
        positive,
        statistic,
        covariance,
        lambda _, j: f"reader {labels[j]}" if j < len(labels) else "the AI",
    )
    gap = cells.values[:-1] - cells.values[-1]
    between = cells.covariance[:-1, -1]
    # The AI's error is in every difference: it alone makes them covary.
    errors = (
        cells.covariance[:-1, :-1] - between[:, None] - between + float(cells.covariance[-1, -1])
    )
    mean = reader_mean(gap, errors)
    n, unit = int(cells.ratings.sum()), isinstance(statistic, str)
    words = "mean of raters minus AI, Obuchowski-Rockette"
    differences, tests = {}, {}
    for scope in (RANDOM, FIXED_READERS, FIXED_CASES):
        variance, df = mean.variance(scope)
        method = f"{words}: {SCOPE[scope]}"
        differences[scope] = interval(
            mean.value,
            variance,
            df,
            level=level,
            bounds=(-1.0, 1.0) if unit else None,
            n=n,
            method=method,
        )
        agree = bool((np.abs(gap) < 1e-10).all() and (np.abs(errors) < ZERO).all())
        tests[scope] = (
            Test(p=1.0, method=f"{method}; all raters read as the AI did")
            if agree
            else t_test(mean.value, variance, df, method)
        )
    own = reader_mean(cells.values[:-1], cells.covariance[:-1, :-1])
    each = _each_reader(rows, positive, statistic, cells, errors, labels, level)
    return AgainstAI(
        Estimate(float(cells.values[-1]), n=int(cells.ratings[-1]), method="the AI, fixed"),
        interval(
            own.value,
            *own.variance(RANDOM),
            level=level,
            bounds=(0.0, 1.0) if unit else None,
            n=int(cells.ratings[:-1].sum()),
            method=f"mean over raters: {SCOPE[RANDOM]}",
        ),
        differences,
        tests,
        mean,
        {label: difference for label, (difference, _) in each.items()},
        {label: test for label, (_, test) in each.items()},
    )


def _same_images(table: Floats, ai: Floats, labels: Sequence[Label]) -> None:
    read = ~np.isnan(ai)
    if not read.any():
        raise NotEstimable("the AI has read nothing")
    for label, own in zip(labels, ~np.isnan(table), strict=True):
        missing, more = np.count_nonzero(read & ~own), np.count_nonzero(own & ~read)
        if missing or more:
            raise NotEstimable(
                f"reader {label} has not read {missing} images that the AI has, and {more} that it "
                "has not: compare on images that all have read, with the same mix of classes"
            )


def _each_reader(
    rows: Floats,
    truth: Flags,
    statistic: str | Statistic,
    cells: Cells,
    errors: Floats,
    labels: Sequence[Label],
    level: float,
) -> dict[Label, tuple[Estimate, Test]]:
    read = ~np.isnan(rows[-1])
    found: dict[Label, tuple[Estimate, Test]] = {}
    for j, label in enumerate(labels):
        gap, variance = float(cells.values[j] - cells.values[-1]), float(errors[j, j])
        n = int(cells.ratings[j])
        if statistic == "auc":
            paired = roc.delong_paired(rows[j, read], rows[-1, read], truth[read], level)
            found[label] = paired.difference, paired.test
        elif statistic in PROPORTIONS:
            told = outcomes(rows[[j, -1]][:, read], truth[read], str(statistic))[0].astype(bool)
            counts = _counts(told[0], told[1])
            found[label] = newcombe_difference(*counts, level), mcnemar(*counts[1:3])
        else:
            found[label] = (
                interval(
                    gap,
                    variance,
                    None,
                    level=level,
                    bounds=None,
                    n=n,
                    method="one rater: images random",
                ),
                t_test(gap, variance, None, "one rater: images random"),
            )
    return found


def _counts(first: Flags, second: Flags) -> tuple[int, int, int, int]:
    """Return on how many images both count, only the first, only the second, neither."""
    kinds = (first & second, first & ~second, ~first & second, ~first & ~second)
    both, one, other, neither = (int(np.count_nonzero(kind)) for kind in kinds)
    return both, one, other, neither
