"""The machine ceiling: how well machines tell real from synthetic, and by what.

It is no leak but what the study asks about; raters' results are read against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.leakage.separability import PERMUTATIONS, Separability, roc_areas, separability

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Telling:
    """What one feature tells alone: `auc` of 0.5 is nothing, `p` is corrected (Holm)."""

    feature: str
    auc: float
    p: float


@dataclass(frozen=True)
class Ceiling:
    """What machines make of the arms.

    Attributes:
        served: low-level features of the stimuli.
        native: the same of the originals, as a detector that has them would see them.
        network: area under the ROC curve of a small network's held-out scores on the stimuli.
        network_p: of labels permuted against those scores.
        features: of the stimuli, the most telling first.
    """

    served: Separability
    native: Separability
    network: float
    network_p: float
    features: tuple[Telling, ...]


def machine_ceiling(
    names: Sequence[str],
    served: Floats,
    native: Floats,
    network_scores: Floats,
    labels: Sequence[int],
    groups: Sequence[object],
    strata: Sequence[object],
) -> Ceiling:
    """Return how well machines tell the arms apart.

    Args:
        names: of the k features.
        served, native: (n, k) features of stimuli and of originals.
        network_scores: (n,) held out.
        labels: (n,) 1 for synthetic.
        groups, strata: see `separability`.
    """
    truth = np.asarray(labels)
    rng = np.random.default_rng(0)
    drawn = np.array([truth, *(rng.permutation(truth) for _ in range(PERMUTATIONS))])
    areas = roc_areas(np.tile(network_scores, (len(drawn), 1)), drawn)
    return Ceiling(
        served=separability(served, labels, groups, strata),
        native=separability(native, labels, groups, strata),
        network=float(areas[0]),
        network_p=float((1 + np.sum(areas[1:] >= areas[0])) / (1 + PERMUTATIONS)),
        features=tuple(telling_features(names, served, truth)),
    )


def telling_features(
    names: Sequence[str], features: Floats, labels: NDArray[np.int64]
) -> list[Telling]:
    """Return the features by what each tells alone, Mann-Whitney's p corrected by Holm (1979)."""
    synthetic, real = features[labels == 1], features[labels == 0]
    found = stats.mannwhitneyu(synthetic, real, axis=0)
    areas = found.statistic / (len(synthetic) * len(real))
    order = np.argsort(found.pvalue)
    corrected = np.minimum(
        1, np.maximum.accumulate(found.pvalue[order] * (len(names) - np.arange(len(names))))
    )
    telling = [
        Telling(names[k], float(areas[k]), float(p)) for k, p in zip(order, corrected, strict=True)
    ]
    return sorted(telling, key=lambda each: -abs(each.auc - 0.5))
