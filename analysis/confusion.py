"""Confusion matrices and classification reports in a fixed order, with nothing undefined hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from analysis.agreement import cohen_kappa
from analysis.results import NotEstimable


@dataclass(frozen=True)
class Confusion:
    """Counts of answers: rows are the truth, columns what was answered, both in `labels`' order."""

    labels: tuple[str, ...]
    counts: NDArray[np.int64]  # (labels, labels)

    @property
    def n(self) -> int:
        """How many answers there are."""
        return int(self.counts.sum())

    @property
    def row_shares(self) -> NDArray[np.float64]:
        """(labels, labels) share of each row; NaN in rows of what was never shown."""
        totals = self.counts.sum(axis=1, keepdims=True)
        unknown = np.full(self.counts.shape, np.nan)
        return np.divide(self.counts, totals, out=unknown, where=totals > 0)


@dataclass(frozen=True)
class Line:
    """One class of a classification report; None is "undefined" and prints as n/a.

    Precision is undefined where the class was never answered, recall where it was never shown.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    answered: int


@dataclass(frozen=True)
class Average:
    """Precision, recall and F1 averaged over classes; None where no class has a value."""

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassificationReport:
    """How well a set of answers names the truth.

    Attributes:
        lines: one for each label.
        accuracy: share of right answers.
        macro: plain means over the classes shown; an undefined precision is left out.
        weighted: means weighted by support.
        kappa: Cohen's kappa of answers against truth; None where both are constant.
        mcc: Matthews' correlation coefficient; None where one side is constant.
        never_shown, never_answered: labels, to be named beside the averages.
    """

    lines: tuple[Line, ...]
    accuracy: float
    macro: Average
    weighted: Average
    kappa: float | None
    mcc: float | None
    never_shown: tuple[str, ...]
    never_answered: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many answers there are."""
        return sum(line.support for line in self.lines)


def confusion(truth: ArrayLike, answered: ArrayLike, labels: Sequence[str]) -> Confusion:
    """Count answers by truth.

    Args:
        truth: (n,) what was shown.
        answered: (n,) what was said.
        labels: their fixed order; all rows and columns are there, used or not.
    """
    truth, answered = np.asarray(truth, dtype=str), np.asarray(answered, dtype=str)
    if not truth.size:
        return Confusion(tuple(labels), np.zeros((len(labels), len(labels)), dtype=np.int64))
    return Confusion(tuple(labels), confusion_matrix(truth, answered, labels=list(labels)))


def classification_report(table: Confusion) -> ClassificationReport:
    """Describe a confusion matrix, as scikit-learn's `classification_report` does.

    Unlike there, undefined values are None, and classes never shown do not enter the averages.
    There are no intervals: pooled answers of several raters are not independent, so that those
    come from `analysis.mrmc`.

    Raises:
        NotEstimable: there is no answer.
    """
    if not table.n:
        raise NotEstimable("no answers")
    # One weighted pair for each cell stands for its answers, however many there are.
    truth, answered = (index.ravel() for index in np.indices(table.counts.shape))
    weights = table.counts.ravel()
    order = np.arange(len(table.labels))
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, answered, labels=order, sample_weight=weights, zero_division=np.nan
    )
    support, given = table.counts.sum(axis=1), table.counts.sum(axis=0)
    lines = tuple(
        Line(
            label=label,
            precision=_defined(precision[i]),
            recall=_defined(recall[i]),
            f1=_defined(f1[i]) if support[i] else None,
            support=int(support[i]),
            answered=int(given[i]),
        )
        for i, label in enumerate(table.labels)
    )
    return ClassificationReport(
        lines=lines,
        accuracy=float(np.trace(table.counts) / table.n),
        macro=_average(lines, weighted=False),
        weighted=_average(lines, weighted=True),
        kappa=_kappa(truth, answered, weights),
        mcc=_mcc(truth, answered, weights),
        never_shown=tuple(line.label for line in lines if not line.support),
        never_answered=tuple(line.label for line in lines if not line.answered),
    )


def _average(lines: Sequence[Line], *, weighted: bool) -> Average:
    shown = [line for line in lines if line.support]

    def mean(field: str) -> float | None:
        known = [line for line in shown if getattr(line, field) is not None]
        if not known:
            return None
        weights = [line.support for line in known] if weighted else None
        return float(np.average([getattr(line, field) for line in known], weights=weights))

    return Average(mean("precision"), mean("recall"), mean("f1"))


def _kappa(truth: NDArray, answered: NDArray, weights: NDArray) -> float | None:
    try:
        return cohen_kappa(np.repeat(truth, weights), np.repeat(answered, weights)).value
    except NotEstimable:
        return None


def _mcc(truth: NDArray, answered: NDArray, weights: NDArray) -> float | None:
    used = weights > 0
    if min(len(np.unique(side[used])) for side in (truth, answered)) < 2:
        return None
    return float(matthews_corrcoef(truth[used], answered[used], sample_weight=weights[used]))


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
