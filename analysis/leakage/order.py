"""Does the order of a study tell the origin of an image by those before it, or by its place?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.leakage.checks import LEVEL, Check, Verdict

LAGS = (1, 2, 3, 4, 5)
Bits = NDArray[np.int64]


def order(sequences: Sequence[Sequence[int]], *, bound: bool) -> Check:
    """Check that origins follow each other as in shuffled lists.

    Of each list the number of runs (Wald and Wolfowitz 1940, Ann Math Stat 11:147), the
    autocorrelations at lags 1 to 5 and the mean place of the synthetic images are compared with
    those of the same labels shuffled, by two-sample Kolmogorov-Smirnov tests over all lists.

    Args:
        sequences: origins in the order of each list, 1 for synthetic.
        bound: whether the protocol binds the order (blocks, longest runs); then only the mean
            place over all lists is tested, against the middle; the rest is what the protocol says.
    """
    rng = np.random.default_rng(0)
    lists = [np.array(each) for each in sequences if 0 < sum(each) < len(each)]
    title = "Order of the images"
    if len(lists) < 2:
        return Check("order", title, Verdict.UNSHOWN, "there are too few lists of both origins")
    ours = np.array([_statistics(each) for each in lists])
    if bound:
        middle = np.array([(len(each) - 1) / (2 * len(each)) for each in lists])
        values = {"place": _zero_mean_p(ours[:, 0] - middle)}
    else:
        chance = np.array([_statistics(rng.permutation(each)) for each in lists])
        names = ("place", "runs", *(f"lag {lag}" for lag in LAGS))
        values = {
            name: float(stats.ks_2samp(ours[:, k], chance[:, k], method="asymp").pvalue)
            for k, name in enumerate(names)
        }
    worst = min(values, key=lambda name: values[name])
    p = min(1.0, len(values) * values[worst])
    says = f"{len(lists)} lists against shuffled ones: p = {p:.3f} ({len(values)} tests)"
    if bound:
        says += "; the protocol binds how origins follow each other"
    if p <= LEVEL:
        says += f", for {worst}"
    figures = {"lists": len(lists), **values}
    verdict = Verdict.HOLDS if p > LEVEL else Verdict.FAILS
    return Check("order", title, verdict, says, p, True, figures)


def _zero_mean_p(values: NDArray[np.float64]) -> float:
    """Return p of Student's test that the mean is 0; values that are all the same are no chance."""
    if np.ptp(values) < 1e-12:
        return float(abs(values[0]) < 1e-12)
    return float(stats.ttest_1samp(values, 0).pvalue)


def _statistics(labels: Bits) -> list[float]:
    """Return the mean place of the ones, the number of runs, and the autocorrelations."""
    centred = labels - labels.mean()
    power = float(np.mean(centred**2))
    place = float(np.flatnonzero(labels).mean()) / len(labels)
    runs = 1 + int(np.count_nonzero(np.diff(labels)))
    lagged = [
        float(np.mean(centred[lag:] * centred[:-lag])) / power if len(labels) > lag else 0.0
        for lag in LAGS
    ]
    return [place, runs, *lagged]
