"""Several readers of the same cases (MRMC): averages, comparisons and plans for readers in general.

Readers and cases are both samples: what holds for readers in general needs the spread of readers,
what holds for cases in general that of cases. Arrays are (treatments, readers, cases); NaN is a
case that a reader did not read.
"""

from analysis.mrmc.against_ai import AgainstAI, compare_with_ai
from analysis.mrmc.analysis_of_variance import ObuchowskiRockette, obuchowski_rockette
from analysis.mrmc.cells import Statistic
from analysis.mrmc.design import Components
from analysis.mrmc.means import balanced_accuracy, mean_auc, proportion, proportion_difference
from analysis.mrmc.one_shot import Moments, OneShot, UStatistics, u_statistic
from analysis.mrmc.sample_size import (
    Power,
    Variances,
    fewest_cases,
    fewest_readers,
    power,
    variances,
)

__all__ = [
    "AgainstAI",
    "Components",
    "Moments",
    "ObuchowskiRockette",
    "OneShot",
    "Power",
    "Statistic",
    "UStatistics",
    "Variances",
    "balanced_accuracy",
    "compare_with_ai",
    "fewest_cases",
    "fewest_readers",
    "mean_auc",
    "obuchowski_rockette",
    "power",
    "proportion",
    "proportion_difference",
    "u_statistic",
    "variances",
]
