"""Time and order: how long raters take, and whether they learn or tire.

Times are positive and skewed, and enter as logarithms: a rater's typical time is their geometric
mean. Raters are averaged, not answers. Slips of the finger, absences and interrupted trials do not
count, and are counted.
"""

from analysis.timing.drift import BLOCK, Block, Drift, TimeBlock, drift
from analysis.timing.learning import learning
from analysis.timing.over_raters import mean_over_raters
from analysis.timing.times import (
    FASTEST_MS,
    SLOWEST_MS,
    Exclusions,
    RaterTimes,
    ResponseTimes,
    SpeedAccuracy,
    counted_times,
    ratio_of_times,
    response_times,
    speed_accuracy,
)

__all__ = [
    "BLOCK",
    "FASTEST_MS",
    "SLOWEST_MS",
    "Block",
    "Drift",
    "Exclusions",
    "RaterTimes",
    "ResponseTimes",
    "SpeedAccuracy",
    "TimeBlock",
    "counted_times",
    "drift",
    "learning",
    "mean_over_raters",
    "ratio_of_times",
    "response_times",
    "speed_accuracy",
]
