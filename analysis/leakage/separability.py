"""How well a machine tells two arms apart, against what chance alone would give.

Two learners, one linear and one not, both ridge regressions: in them the prediction is a fixed
matrix times the labels, so that each of a thousand permutations costs a product and not a fit,
and the permuted labels go through the very same cross-validation as the real ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import GroupKFold

Floats = NDArray[np.float64]

FOLDS = 5
PERMUTATIONS = 1000
RIDGE = 1.0  # times the mean of the kernel's diagonal
LEVEL = 0.95


@dataclass(frozen=True)
class Separability:
    """What the better of the two learners makes of it.

    Attributes:
        auc: area under the ROC curve of held-out scores; 0.5 is chance.
        upper: one-sided 95 % bound of it, with the spread that chance has in this very design.
        p: share of permutations at least as good, both learners' best taken each time.
        n: images.
        learner: linear or kernel.
        scores: (n,) of the held-out images, higher for label 1; on no scale.
    """

    auc: float
    upper: float
    p: float
    n: int
    learner: str
    scores: Floats = field(repr=False, compare=False)


def separability(
    features: Floats,
    labels: Sequence[int],
    groups: Sequence[object],
    strata: Sequence[object] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Separability:
    """Return how well `features` tell label 1 from label 0, by grouped cross-validation.

    The null distribution permutes the labels of whole groups within strata (Ojala and Garriga
    2010, JMLR 11:1833, test 1). The bound adds the normal quantile times the standard deviation
    of that distribution: an area's usual standard error is too small for cross-validated scores.

    Args:
        features: (n, k).
        labels: (n,) 0 or 1, one for all members of a group.
        groups: (n,) what must not be split between training and test: a lesion, a seed.
        strata: (n,) within which labels may be exchanged: entities; all together if None.
        permutations: how many.
        seed: of the permutations.

    Raises:
        ValueError: fewer groups than folds, or a group with both labels.
    """
    truth = np.asarray(labels)
    group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    of_group = np.zeros(group.max() + 1, dtype=truth.dtype)
    of_group[group] = truth
    if np.any(of_group[group] != truth):
        raise ValueError("a group has both labels; a group is of one arm")
    if len(of_group) < FOLDS:
        raise ValueError(f"{len(of_group)} groups cannot be parted into {FOLDS} folds")
    stratum = np.zeros(len(of_group), dtype=int)
    if strata is not None:
        stratum[group] = np.unique(np.asarray(strata, dtype=str), return_inverse=True)[1]
    drawn = _permuted(of_group, stratum, permutations, np.random.default_rng(seed))
    every = np.vstack([of_group, drawn])[:, group]  # the real labels first
    scored = [_scores(kernel, every, group) for kernel in _kernels(features)]
    areas = np.array([roc_areas(scores, every) for scores in scored])
    best = areas.max(axis=0)
    learner = int(areas[:, 0].argmax())
    spread = areas[learner, 1:].std()
    return Separability(
        auc=float(best[0]),
        upper=float(min(1, best[0] + stats.norm.ppf(LEVEL) * spread)),
        p=float((1 + np.sum(best[1:] >= best[0] - 1e-12)) / (1 + permutations)),
        n=len(truth),
        learner=("linear", "kernel")[learner],
        scores=scored[learner][0],
    )


def _permuted(
    labels: NDArray[np.int64], strata: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (count, groups) labels, exchanged within strata."""
    out = np.tile(labels, (count, 1))
    for each in np.unique(strata):
        members = np.flatnonzero(strata == each)
        out[:, members] = rng.permuted(out[:, members], axis=1)
    return out


def _kernels(features: Floats) -> list[Floats]:
    """Return a linear kernel and a Gaussian one of the features, each feature put on one scale.

    Ranks take the place of values: outliers count no more than others, and a threshold that
    parts the arms shows in a rank as well.
    """
    varying = features[:, np.ptp(features, axis=0) > 0]
    if not varying.shape[1]:  # nothing can be told apart
        return [np.zeros((len(features), len(features)))] * 2
    ranks = stats.rankdata(varying, axis=0)
    scaled = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    linear = scaled @ scaled.T / scaled.shape[1]
    squares = np.diag(linear)
    distance = np.maximum(squares[:, None] + squares[None, :] - 2 * linear, 0)
    return [linear, np.exp(-distance / np.median(distance[distance > 0]))]


def _scores(kernel: Floats, labels: NDArray[np.int64], groups: NDArray[np.int64]) -> Floats:
    """Return held-out scores for each row of labels."""
    signs = np.where(labels == 1, 1.0, -1.0)
    scores = np.empty_like(signs)
    penalty = RIDGE * max(float(np.mean(np.diag(kernel))), 1e-12)
    for train, test in GroupKFold(FOLDS).split(kernel, groups=groups):
        inner = kernel[np.ix_(train, train)] + penalty * np.eye(len(train))
        weights = np.linalg.solve(inner, kernel[np.ix_(train, test)]).T  # (test, train)
        centre = signs[:, train].mean(axis=1, keepdims=True)
        scores[:, test] = (signs[:, train] - centre) @ weights.T
    return scores


def roc_areas(scores: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return the area under the ROC curve for each row of scores and labels, (rows, n) both."""
    ranks = stats.rankdata(np.round(scores, 12), axis=1)  # equal scores count half
    positives = labels.sum(axis=1)
    above = (ranks * labels).sum(axis=1) - positives * (positives + 1) / 2
    return above / (positives * (labels.shape[1] - positives))
