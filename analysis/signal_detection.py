"""Signal detection: how well one rater tells synthetic (signal) from real (noise), and the bias.

The log-linear correction of Hautus (1995, Behav Res Methods 27:46, eq. 2) is always applied, so
that rates of 0 and 1 are neither dropped nor infinite and all raters are treated alike.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.results import Estimate, NotEstimable


def d_prime(hits: ArrayLike, false_alarms: ArrayLike, level: float = 0.95) -> Estimate:
    """Sensitivity of one rater in telling synthetic from real: d' = z(H) - z(F).

    Args:
        hits: (n_synthetic,) bool, synthetic judged synthetic.
        false_alarms: (n_real,) bool, real judged synthetic.
        level: coverage of the normal interval.

    Returns:
        d' in standard deviations, with the standard error of Gourevitch and Galanter
        (1967, Psychometrika 32:25) at the corrected rates.

    Raises:
        NotEstimable: one of the arrays is empty.
    """
    hit, alarm = _corrected(hits, "synthetic"), _corrected(false_alarms, "real")
    return _estimate(
        hit.z - alarm.z,
        sqrt(hit.variance + alarm.variance),
        hit.n + alarm.n,
        level,
        "d' with log-linear correction, Gourevitch-Galanter standard error",
    )


def criterion(hits: ArrayLike, false_alarms: ArrayLike, level: float = 0.95) -> Estimate:
    """Bias of one rater: c = -(z(H) + z(F)) / 2; above 0 is a tendency to say "real".

    Arguments, correction, standard error and errors as in `d_prime`.
    """
    hit, alarm = _corrected(hits, "synthetic"), _corrected(false_alarms, "real")
    return _estimate(
        -(hit.z + alarm.z) / 2,
        sqrt(hit.variance + alarm.variance) / 2,
        hit.n + alarm.n,
        level,
        "criterion c with log-linear correction, Gourevitch-Galanter standard error",
    )


@dataclass(frozen=True)
class _Rate:
    z: float
    variance: float  # of z
    n: int


def _corrected(yes: ArrayLike, origin: str) -> _Rate:
    yes = np.asarray(yes, dtype=bool)
    if yes.size == 0:
        raise NotEstimable(f"no answers on {origin} images")
    rate = (np.count_nonzero(yes) + 0.5) / (yes.size + 1)
    z = float(stats.norm.ppf(rate))
    return _Rate(z, float(rate * (1 - rate) / (yes.size * stats.norm.pdf(z) ** 2)), yes.size)


def _estimate(value: float, se: float, n: int, level: float, method: str) -> Estimate:
    half = float(stats.norm.ppf((1 + level) / 2)) * se
    return Estimate(value, se, None, value - half, value + half, level, n, method)
