"""Treatments compared over readers and cases: Obuchowski and Rockette's analysis of variance.

Obuchowski and Rockette (1995, Commun Stat Simul 24:285) with the degrees of freedom of Hillis
(2007, Stat Med 26:596) and the designs of Hillis (2014, Stat Med 33:330): a reader's figure is a
treatment effect, a random reader, their interaction, and an error that covaries through cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis import roc
from analysis.mrmc.cells import Label, Statistic, as_study, cells_of, labels_of
from analysis.mrmc.design import Components, Study, codes_of, own_components
from analysis.mrmc.inference import (
    FIXED_CASES,
    FIXED_READERS,
    RANDOM,
    SCOPE,
    ZERO,
    Bounds,
    Inference,
    Pair,
    ReaderMean,
    interval,
    t_test,
)
from analysis.proportions import wilson
from analysis.results import Estimate, Test


@dataclass(frozen=True)
class ObuchowskiRockette:
    """A multi-reader multi-case analysis.

    Attributes:
        statistic, covariance, design: what was computed of what, in words.
        treatments, readers: their labels.
        components: of all treatments together.
        by_treatment: of each treatment alone: what its own estimate rests on.
        inferences: "random" (readers and cases), "fixed_readers", "fixed_cases". With one reader
            only "fixed_readers" has intervals.
        reader_estimates: (treatment, reader) figures, images random; Wilson for a proportion.
        reader_differences, reader_tests: (reader, treatment, treatment), images random.
        notes: what was truncated or cannot be said, in words fit for a report.
    """

    statistic: str
    covariance: str
    design: str
    treatments: tuple[Label, ...]
    readers: tuple[Label, ...]
    components: Components
    by_treatment: Mapping[Label, Components]
    inferences: Mapping[str, Inference]
    reader_estimates: Mapping[Pair, Estimate]
    reader_differences: Mapping[tuple[Label, Label, Label], Estimate]
    reader_tests: Mapping[tuple[Label, Label, Label], Test]
    notes: tuple[str, ...]

    @property
    def headline(self) -> Inference:
        """What is reported first: readers and cases random, or one reader's own result."""
        return self.inferences[RANDOM if len(self.readers) > 1 else FIXED_READERS]

    @property
    def estimates(self) -> Mapping[Label, Estimate]:
        """Each treatment's mean over readers, of the headline."""
        return self.headline.estimates

    @property
    def differences(self) -> Mapping[Pair, Estimate]:
        """Pairwise differences, of the headline."""
        return self.headline.differences

    @property
    def tests(self) -> Mapping[str, Test]:
        """The test of equal treatments under each view of what is random."""
        return {scope: inference.test for scope, inference in self.inferences.items()}


def obuchowski_rockette(
    ratings: ArrayLike,
    truth: ArrayLike | None = None,
    covariance: str = "jackknife",
    *,
    statistic: str | Statistic = "auc",
    treatments: Sequence[Label] | None = None,
    readers: Sequence[Label] | None = None,
    groups: Sequence[Label] | None = None,
    null: float = 0.5,
    level: float = 0.95,
) -> ObuchowskiRockette:
    """Analyse one or several treatments read by several readers.

    The design is read off the ratings. Every reader under every treatment: crossed. NaN where a
    case is not read: cases nested in treatments (generators that share the real images only, say),
    in readers, or in groups of readers (split plot; name the `groups`). A reader without any
    rating under a treatment: readers nested in treatments, if it is so for all.

    Args:
        ratings: (treatments, readers, cases), higher speaks for a positive; (readers, cases) is
            one treatment. For a proportion answers, 1 synthetic and 0 real. NaN: not read.
        truth: (cases,) 1 positive (synthetic), 0 negative (real); "proportion" needs none.
        covariance: of errors over cases. "jackknife" for any statistic ((N-1)/N times cross
            products of leave-one-out figures, N all cases of the analysis); "delong" or
            "unbiased" for the AUC; "unbiased" for a proportion.
        statistic: "auc"; a proportion: "accuracy", "sensitivity", "specificity",
            "deception_rate" (positives called negative), "false_alarm_rate", or "proportion" (the
            share of ratings that are 1); or a function of (n,) ratings and (n,) truth that does
            not depend on the order of the cases.
        treatments, readers: labels; 0, 1, ... without them.
        groups: (readers,) the group of each, where groups have cases of their own.
        null: what `against` tests each mean against; chance, by default.
        level: coverage of the intervals.

    Raises:
        NotEstimable: no ratings; a reader with too few cases; an irregular design.
        ValueError: shapes, labels or options that make no sense.
    """
    table, positive = as_study(ratings, truth, statistic)
    rows = labels_of("treatments", treatments, table.shape[0])
    columns = labels_of("readers", readers, table.shape[1])
    cells = cells_of(
        table,
        positive,
        statistic,
        covariance,
        lambda i, j: f"treatment {rows[i]}, reader {columns[j]}",
    )
    codes = codes_of(groups, table.shape[1])
    bounds: Bounds = (0.0, 1.0) if isinstance(statistic, str) else None
    study = Study(cells, len(rows), len(columns), codes, bounds)
    study.check(rows, columns)
    name = statistic if isinstance(statistic, str) else getattr(statistic, "__name__", "function")
    words = f"mean over raters, Obuchowski-Rockette with {_COVARIANCE_WORDS[covariance]}"
    means = [study.mean(i) for i in range(len(rows))]
    components = study.components(means)
    by_treatment = {
        row: own_components(mean, cells.cases) for row, mean in zip(rows, means, strict=True)
    }
    return ObuchowskiRockette(
        name,
        covariance,
        study.design(),
        rows,
        columns,
        components,
        by_treatment,
        {
            scope: _infer(study, means, components, scope, rows, name, null, level, words)
            for scope in (RANDOM, FIXED_READERS, FIXED_CASES)
        },
        {
            (rows[i], columns[j]): _reader_estimate(study, k, name, level)
            for k, (i, j) in enumerate(zip(cells.treatment, cells.reader, strict=True))
        },
        *_reader_differences(study, rows, columns, level),
        _notes(components, by_treatment, len(columns)),
    )


_COVARIANCE_WORDS = {
    "jackknife": "the jackknife",
    "delong": "DeLong's covariances",
    "unbiased": "unbiased covariances",
}


def _infer(
    study: Study,
    means: Sequence[ReaderMean],
    components: Components,
    scope: str,
    rows: Sequence[Label],
    statistic: str,
    null: float,
    level: float,
    words: str,
) -> Inference:
    words = f"{words}: {SCOPE[scope]}"
    bounds = study.bounds
    estimates, against = {}, {}
    for i, (row, mean) in enumerate(zip(rows, means, strict=True)):
        variance, df = mean.variance(scope)
        of_row = study.cells.treatment == i
        n = int(study.cells.ratings[of_row].sum())
        estimates[row] = interval(
            mean.value, variance, df, level=level, bounds=bounds, n=n, method=words
        )
        against[row] = t_test(mean.value - null, variance, df, f"{words}; against {null:g}")
        if scope == FIXED_READERS and mean.readers == 1:
            only = int(np.flatnonzero(of_row)[0])
            alone = _reader_estimate(study, only, statistic, level)
            estimates[row] = replace(alone, se=estimates[row].se)
            if study.cells.successes is not None:
                against[row] = _exact(int(study.cells.successes[only]), n, null)
    if len(rows) == 1:
        return Inference(estimates, against, {}, {}, against[rows[0]])
    contrast = study.contrast(components, scope)
    differences, tests = {}, {}
    for (row, first), (other, second) in combinations(zip(rows, means, strict=True), 2):
        gap = first.value - second.value
        inverse = 1 / first.readers + 1 / second.readers
        total, df = contrast.total(2 / inverse)
        variance = None if total is None else total * inverse
        n = sum(estimates[each].n or 0 for each in (row, other))
        differences[row, other] = interval(
            gap,
            variance,
            df,
            level=level,
            bounds=(-1.0, 1.0) if bounds else None,
            n=n,
            method=words,
        )
        tests[row, other] = (
            _no_difference(words) if _alike(gap, variance) else t_test(gap, variance, df, words)
        )
    sizes = np.array([mean.readers for mean in means])
    everybody = float(sizes.sum() - sizes @ sizes / sizes.sum()) / (len(rows) - 1)
    equal = _equality(components.ms_t or 0.0, *contrast.total(everybody), len(rows) - 1, words)
    return Inference(estimates, against, differences, tests, equal)


def _equality(
    ms_t: float, denominator: float | None, df: float | None, df1: int, words: str
) -> Test:
    """Return the test that all treatments are equal: F, or chi-squared without df."""
    if denominator is None or denominator < ZERO:
        if _alike(sqrt(ms_t), denominator):
            return _no_difference(words)
        return t_test(1.0, denominator, None, words)  # its words say why there is none
    ratio = ms_t / denominator
    if df is None:
        return Test(df1 * ratio, df1, None, float(stats.chi2.sf(df1 * ratio, df1)), words)
    return Test(ratio, df1, df, float(stats.f.sf(ratio, df1, df)), words)


def _alike(gap: float, variance: float | None) -> bool:
    return variance is not None and abs(variance) < ZERO and abs(gap) < 1e-10


def _no_difference(words: str) -> Test:
    return Test(p=1.0, method=f"{words}; the treatments do not differ in anything")


def _exact(successes: int, n: int, null: float) -> Test:
    p = float(stats.binomtest(successes, n, null).pvalue)
    return Test(successes, p=p, method=f"exact binomial test against {null:g}: one rater")


def _reader_estimate(study: Study, k: int, statistic: str, level: float) -> Estimate:
    cells = study.cells
    value, n = float(cells.values[k]), int(cells.ratings[k])
    if cells.successes is not None:
        return wilson(int(cells.successes[k]), n, level)
    if statistic == "auc" and value in (0.0, 1.0):
        positives, negatives = cells.classes[k]
        return roc.separated(value, int(positives), int(negatives), level)
    return interval(
        value,
        float(cells.covariance[k, k]),
        None,
        level=level,
        bounds=study.bounds,
        n=n,
        method="one rater: images random",
    )


def _reader_differences(
    study: Study,
    rows: Sequence[Label],
    columns: Sequence[Label],
    level: float,
) -> tuple[
    dict[tuple[Label, Label, Label], Estimate],
    dict[tuple[Label, Label, Label], Test],
]:
    """Return each reader's differences; the errors are averaged over treatments, as overall."""
    differences: dict[tuple[Label, Label, Label], Estimate] = {}
    tests: dict[tuple[Label, Label, Label], Test] = {}
    if study.nested or len(rows) == 1:
        return differences, tests
    grid, cells = study.grid(), study.cells
    for j, column in enumerate(columns):
        these = np.flatnonzero(cells.reader == j)
        own = cells.covariance[np.ix_(these, these)]
        off = ~np.eye(len(these), dtype=bool)
        variance = 2 * float(np.diag(own).mean() - own[off].mean())
        for i, k in combinations(range(len(rows)), 2):
            gap, key = float(grid[i, j] - grid[k, j]), (column, rows[i], rows[k])
            words = "one rater: images random"
            differences[key] = interval(
                gap,
                variance,
                None,
                level=level,
                bounds=(-1.0, 1.0) if study.bounds else None,
                n=int(cells.ratings[these[i]] + cells.ratings[these[k]]),
                method=words,
            )
            tests[key] = (
                _no_difference(words)
                if _alike(gap, variance)
                else t_test(gap, variance, None, words)
            )
    return differences, tests


def _notes(
    components: Components, by_treatment: Mapping[Label, Components], readers: int
) -> tuple[str, ...]:
    notes = []
    if readers == 1:
        notes.append("one rater: the results apply to this rater, nothing follows for others")
    if readers == 2:
        notes.append("two raters: hardly a sample of raters, so that intervals are very wide")
    c = components
    if c.cov2 is not None and c.cov3 is not None and c.cov2 < c.cov3:
        notes.append("Cov2 is below Cov3: their difference was taken as 0 in all tests")
    notes += [
        f"treatment {row}: Cov2 is negative and was taken as 0"
        for row, own in by_treatment.items()
        if own.cov2 is not None and own.cov2 < -ZERO
    ]
    named = {"readers": c.reader, "treatments by readers": c.treatment_reader}
    notes += [
        f"the variance of {name} is estimated as negative, that is, small"
        for name, value in named.items()
        if value is not None and value < -ZERO
    ]
    if c.ms_tr is not None and c.ms_tr < ZERO:
        notes.append("all raters differ alike between treatments: no degrees of freedom, normal")
    elif c.ms_r is not None and c.ms_tr is None and c.ms_r < ZERO:
        notes.append("raters do not differ: no degrees of freedom, normal intervals")
    return tuple(notes)
