"""The figure of each reader under each treatment, and how their errors covary over cases.

A cell is one reader under one treatment. The errors of two cells covary through the cases that
both have rated; cells without a common case are independent over cases, and their covariance is
zero, not an estimate of zero (Hillis 2014, Stat Med 33:330).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis import roc
from analysis.arrays import as_truth
from analysis.results import NotEstimable

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Label = str | int

#: What a reader's ratings and the truth of the same cases come to, whatever their order.
Statistic = Callable[[Floats, Flags], float]

#: Share of right answers, and so on: of answers 1 (synthetic, positive) and 0.
PROPORTIONS = (
    "proportion", "accuracy", "sensitivity", "specificity", "deception_rate", "false_alarm_rate",
)  # fmt: skip
COVARIANCES = ("jackknife", "delong", "unbiased")

# Comparisons made at once (they fit the processor's cache), and those of one cell that float32
# adds up exactly.
CHUNK, EXACT = 2**19, 2**21


@dataclass(frozen=True)
class Cells:
    """Figures of readers with their error covariance; cells without ratings are left out.

    Attributes:
        treatment, reader: (cells,) where each stands in the design.
        values: (cells,) the figures.
        covariance: (cells, cells) of their errors over cases.
        ratings: (cells,) how many ratings each rests on.
        classes: (cells, 2) how many of those are of positives and of negatives.
        successes: (cells,) how many of them count, for a proportion; None otherwise.
        cases: how many cases carry a rating that counts for the statistic.
        linked: (cells, cells) whether two cells have a case in common.
    """

    treatment: NDArray[np.intp]
    reader: NDArray[np.intp]
    values: Floats
    covariance: Floats
    ratings: NDArray[np.intp]
    classes: NDArray[np.intp]
    successes: NDArray[np.intp] | None
    cases: int
    linked: Flags


def cells_of(
    ratings: Floats,
    truth: Flags,
    statistic: str | Statistic,
    covariance: str,
    name: Callable[[int, int], str] = "treatment {}, reader {}".format,
    *,
    lone_answers: bool = False,
) -> Cells:
    """Return the cells of a study.

    Args:
        ratings: (treatments, readers, cases), NaN where there is none.
        truth: (cases,) 1 positive (synthetic), 0 negative (real).
        statistic: "auc", one of `PROPORTIONS`, or a function of one cell's ratings and truth.
        covariance: "jackknife" over cases; for an AUC also "delong" (DeLong et al. 1988) or
            "unbiased" (Gallas 2006, Acad Radiol 13:353); for a proportion also "unbiased".
        name: words for a treatment and a reader, for messages.
        lone_answers: take readers with one answer, too, whose error over cases nobody knows; it
            counts as 0. For a proportion by the jackknife.

    Raises:
        NotEstimable: a reader has no rating, or too few in a class for the variance.
        ValueError: the statistic or the covariance is unknown, or they do not go together.
    """
    if covariance not in COVARIANCES:
        raise ValueError(f"covariance '{covariance}' is unknown; use {', '.join(COVARIANCES)}")
    if callable(statistic) and covariance != "jackknife":
        raise ValueError(f"a statistic given as a function needs the jackknife, not {covariance}")
    proportion = isinstance(statistic, str) and statistic in PROPORTIONS
    if proportion:
        ratings, truth = outcomes(ratings, truth, str(statistic))
        if covariance == "delong":
            raise ValueError("DeLong's covariance is that of an AUC; use jackknife or unbiased")
    elif statistic != "auc" and not callable(statistic):
        raise ValueError(
            f"statistic '{statistic}' is unknown; use auc, {', '.join(PROPORTIONS)} or a function"
        )
    given = ~np.isnan(ratings)
    silent = np.flatnonzero(~given.any(axis=(0, 2)))
    if silent.size:
        who = name(0, int(silent[0])).split(", ")[-1]
        raise NotEstimable(f"{who} has no rating that counts; leave that reader out")
    treatment, reader = np.nonzero(given.any(axis=2))
    table, given = ratings[treatment, reader], given[treatment, reader]
    counts = given.astype(float)
    shared = counts @ counts.T
    cases = int(np.count_nonzero(given.any(axis=0)))
    names = [name(int(i), int(j)) for i, j in zip(treatment, reader, strict=True)]
    if not (lone_answers or callable(statistic)):
        for row, own in zip(names, given, strict=True):
            _enough(row, int(own.sum()) if proportion else _smaller_class(own, truth), proportion)

    if proportion:
        values, errors = _proportion(table, given, covariance, cases, shared)
    elif callable(statistic):
        values, errors = _jackknifed(table, given, truth, statistic, cases, names)
    else:
        values, errors = _areas(table, given, truth, covariance, cases)
    linked = shared > 0
    return Cells(
        treatment,
        reader,
        values,
        np.where(linked, errors, 0.0),
        given.sum(axis=1),
        np.stack([(given & truth).sum(axis=1), (given & ~truth).sum(axis=1)], axis=1),
        np.nansum(table, axis=1).astype(np.intp) if proportion else None,
        cases,
        linked,
    )


def outcomes(ratings: Floats, truth: Flags, statistic: str) -> tuple[Floats, Flags]:
    """Return what counts as 1 and as 0 for a proportion, of the cases that it is about.

    Args:
        ratings: (..., cases) answers, 1 synthetic, 0 real, NaN none.
        truth: (cases,) 1 synthetic, 0 real.
        statistic: one of `PROPORTIONS`; "proportion" takes the answers as they are.
    """
    if not np.isin(ratings[~np.isnan(ratings)], (0, 1)).all():
        raise ValueError("a proportion needs answers of 0 and 1; say which ratings count as 1")
    if statistic == "proportion":
        return ratings, truth
    if statistic == "accuracy":
        return np.where(truth, ratings, 1 - ratings), truth
    cases = truth if statistic in ("sensitivity", "deception_rate") else ~truth
    told = ratings[..., cases]
    return (
        1 - told if statistic in ("specificity", "deception_rate") else told,
        truth[cases],
    )


def success(table: Floats, truth: Flags) -> Iterator[NDArray[np.float32]]:
    """Give the comparisons of all positives with all negatives, some positives at a time.

    Args:
        table: (cells, cases), NaN where there is no rating.
        truth: (cases,) 1 positive, 0 negative.

    Yields:
        (cells, comparisons): 1 where the positive is rated higher, 1/2 for a tie, 0 otherwise and
        where one of the two is not rated. Sums of products over them are exact in float32.
    """
    # Small integers are compared faster; what is missing is above no negative and below none.
    codes = np.unique(table, return_inverse=True)[1].reshape(table.shape)
    kind: Any = np.int16 if codes.max() < np.iinfo(np.int16).max else np.int32
    missing = np.isnan(table)
    positives = np.where(missing, -1, codes)[:, truth].astype(kind)
    negatives = np.where(missing, np.iinfo(kind).max, codes)[:, ~truth].astype(kind)
    width = max(negatives.shape[1], 1)
    step = max(1, min(CHUNK // (width * len(table)), EXACT // width))
    for start in range(0, positives.shape[1], step):
        own, others = positives[:, start : start + step, None], negatives[:, None, :]
        twice = (own > others).view(np.int8) + (own >= others).view(np.int8)
        yield twice.reshape(len(table), -1).astype(np.float32) * np.float32(0.5)


def _smaller_class(own: Flags, truth: Flags) -> int:
    return int(min(np.count_nonzero(own & truth), np.count_nonzero(own & ~truth)))


def _enough(name: str, least: int, proportion: bool) -> None:
    if least >= 2:
        return
    needed = "two cases" if proportion else "two cases of each class"
    raise NotEstimable(
        f"{name}: leaving one case out would leave a class empty; the reader needs at least "
        f"{needed}, or must be left out"
    )


def _proportion(
    table: Floats, given: Flags, covariance: str, cases: int, shared: Floats
) -> tuple[Floats, Floats]:
    n = given.sum(axis=1)
    values = np.nansum(table, axis=1) / n
    if covariance == "jackknife":
        deviations = np.where(given, values[:, None] - table, 0.0)
        deviations /= np.maximum(n - 1, 1)[:, None]
        return values, (cases - 1) / cases * (deviations @ deviations.T)
    answers = np.nan_to_num(table)
    totals = answers.sum(axis=1)
    # Products of answers about two different cases estimate the product of the means.
    apart = (np.outer(totals, totals) - answers @ answers.T) / (np.outer(n, n) - shared)
    return values, np.outer(values, values) - apart


def _areas(
    table: Floats, given: Flags, truth: Flags, covariance: str, cases: int
) -> tuple[Floats, Floats]:
    placed = placements(table, given, truth)
    values = placed[:, truth].sum(axis=1) / (given & truth).sum(axis=1)
    sizes = np.stack([(given & truth).sum(axis=1), (given & ~truth).sum(axis=1)])
    if covariance == "unbiased":
        return values, _unbiased(table, given, truth, placed)
    own_size = np.where(truth, sizes[0][:, None], sizes[1][:, None])
    deviations = np.where(given, placed - values[:, None], 0.0)
    if covariance == "delong":
        deviations /= np.sqrt(own_size * (own_size - 1))
        return values, deviations @ deviations.T
    # The area without one case differs from the whole by its placement: no resampling.
    deviations /= own_size - 1
    return values, (cases - 1) / cases * (deviations @ deviations.T)


def placements(table: Floats, given: Flags, truth: Flags) -> Floats:
    """Return each case's placement among the cases of the other class, 0 where it is not rated.

    Cells without ratings in one of the classes are 0 throughout.
    """
    placed = np.zeros(table.shape)
    for row, own in enumerate(given):
        if not (own & truth).any() or not (own & ~truth).any():
            continue
        v10, v01 = roc.placements(table[row, own], truth[own])
        placed[row, own & truth], placed[row, own & ~truth] = v10, v01
    return placed


def _unbiased(table: Floats, given: Flags, truth: Flags, placed: Floats) -> Floats:
    """Return U-statistic covariances: areas' product less that of comparisons without common case.

    Gallas, Pennello and Myers (2007, J Opt Soc Am A 24:B70): unbiased, but not always positive
    definite.
    """
    counts = given.astype(float)
    positive, negative = counts[:, truth], counts[:, ~truth]
    m, n = positive.sum(axis=1), negative.sum(axis=1)
    of_positive, of_negative = placed[:, truth] * n[:, None], placed[:, ~truth] * m[:, None]
    both = np.zeros((len(table), len(table)))
    for wins in success(table, truth):
        both += wins @ wins.T
    totals = of_positive.sum(axis=1)
    same_positive, same_negative = positive @ positive.T, negative @ negative.T
    apart = (
        np.outer(totals, totals) - of_positive @ of_positive.T - of_negative @ of_negative.T + both
    )
    pairs = (
        np.outer(m * n, m * n)
        - np.outer(n, n) * same_positive
        - np.outer(m, m) * same_negative
        + same_positive * same_negative
    )
    areas = totals / (m * n)
    return np.outer(areas, areas) - apart / pairs


def _jackknifed(
    table: Floats,
    given: Flags,
    truth: Flags,
    statistic: Statistic,
    cases: int,
    names: Sequence[str],
) -> tuple[Floats, Floats]:
    values, without = np.empty(len(table)), np.empty(table.shape)
    for row, own in enumerate(given):
        values[row] = _figure(statistic, table[row, own], truth[own], names[row])
        without[row] = values[row]
        # Cases with the same rating and truth are missed alike.
        alike: dict[tuple[float, bool], float] = {}
        for case in np.flatnonzero(own):
            kind = (float(table[row, case]), bool(truth[case]))
            if kind not in alike:
                left = own.copy()
                left[case] = False
                alike[kind] = _figure(
                    statistic, table[row, left], truth[left], f"{names[row]}, without case {case}"
                )
            without[row, case] = alike[kind]
    used = given.any(axis=0)
    deviations = without[:, used] - without[:, used].mean(axis=1, keepdims=True)
    return values, (cases - 1) / cases * (deviations @ deviations.T)


def _figure(statistic: Statistic, ratings: Floats, truth: Flags, name: str) -> float:
    try:
        value = float(statistic(ratings, truth))
    except NotEstimable as reason:
        raise NotEstimable(
            f"{name}: {reason}; the jackknife needs the statistic without each case in turn, so "
            "leave the reader out or add cases of that class"
        ) from reason
    if not np.isfinite(value):
        raise NotEstimable(f"{name}: the statistic is not a finite number")
    return value


def as_study(
    ratings: ArrayLike, truth: ArrayLike | None, statistic: str | Statistic = "auc"
) -> tuple[Floats, Flags]:
    """Return (treatments, readers, cases) ratings and (cases,) truth, checked.

    Ratings of (readers, cases) are one treatment; only "proportion" can do without the truth.
    """
    table = np.asarray(ratings, dtype=float)
    if table.ndim == 2:
        table = table[None]
    if table.ndim != 3:
        raise ValueError(f"ratings {table.shape} must be (treatments, readers, cases)")
    if not table.size or np.isnan(table).all():
        raise NotEstimable("no answers")
    if np.isinf(table).any():
        raise ValueError("a rating is infinite; leave out the case")
    if truth is None:
        if statistic != "proportion":
            raise ValueError("the truth of the cases is needed")
        return table, np.ones(table.shape[2], dtype=bool)
    positive = as_truth(truth)
    if positive.shape != table.shape[2:]:
        raise ValueError(f"truth {positive.shape} must be one value for each of the cases")
    return table, positive


def labels_of(what: str, given: Sequence[Label] | None, count: int) -> tuple[Label, ...]:
    """Return the labels that were given, or numbers; they must be as many as needed and differ."""
    labels = tuple(range(count)) if given is None else tuple(given)
    if len(labels) != count or len(set(labels)) != count:
        raise ValueError(f"{what} need {count} different labels, not {list(labels)}")
    return labels
