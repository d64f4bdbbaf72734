"""What statistics take for the truth, and for answers of yes and no."""

import numpy as np
import pytest

from analysis import bootstrap, hype, mrmc, roc, signal_detection
from analysis.proportions import clopper_pearson, mcnemar, newcombe_difference, wilson

SCORES = np.array([[1.0, 3, 2, 5, 4, 2], [2.0, 2, 1, 4, 3, 3]])
TRUTH = [0, 0, 0, 1, 1, 1]
STATISTICS = {
    "auc": lambda truth: roc.auc(SCORES[0], truth).value,
    "delong": lambda truth: roc.delong(SCORES[0], truth).se,
    "average_curve": lambda truth: roc.average_curve(SCORES, truth).hit.sum(),
    "obuchowski_rockette": lambda truth: mrmc.obuchowski_rockette(SCORES, truth).estimates[0].low,
    "u_statistic": lambda truth: mrmc.u_statistic(SCORES, truth).estimates[0].low,
    "compare_with_ai": lambda truth: mrmc.compare_with_ai(SCORES, SCORES[0], truth).ai.value,
    "mean_auc": lambda truth: mrmc.mean_auc(SCORES, truth).low,
    "bootstrap": lambda truth: bootstrap.mean_auc(SCORES, truth, draws=50).estimate.low,
    "hype": lambda truth: hype.hype_infinity(SCORES > 2, truth, draws=50).on_real.value,
    "mean_d_prime": lambda truth: signal_detection.mean_d_prime(SCORES > 2, truth).value,
    "unequal_variance": lambda truth: (
        signal_detection.unequal_variance(np.array([1, 3, 2, 2, 3, 1]), truth).d_a.value
    ),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_the_truth_may_come_as_numbers_flags_or_their_text(name):
    statistic = STATISTICS[name]

    found = statistic(TRUTH)

    for truth in (np.array(TRUTH, dtype=float), np.array(TRUTH, dtype=bool), list("000111")):
        assert statistic(truth) == found


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize(
    "truth",
    [
        [1, 1, 1, 2, 2, 2],
        [-1, -1, -1, 1, 1, 1],
        ["real"] * 3 + ["synthetic"] * 3,
        [0, 0, 0, 1, 1, np.nan],
        [0, 0, 0, 1, 1, None],
    ],
)
def test_a_truth_of_which_nobody_knows_the_positive_class_is_refused(name, truth):
    with pytest.raises(ValueError, match=r"1 .positive, synthetic. or 0 .negative, real."):
        STATISTICS[name](truth)


@pytest.mark.parametrize("hits", [[1, 0, np.nan], [5, 2, 1], ["yes", "no"], 9, [[1, 0], [0, 1]]])
def test_what_is_no_vector_of_yes_and_no_has_no_d_prime(hits):
    with pytest.raises(ValueError, match=r"1 (or|and) 0"):
        signal_detection.d_prime(hits, [0, 1, 0])


def test_counts_come_out_as_plain_numbers_and_must_be_whole():
    found = wilson(np.int64(3), np.float64(10))

    assert found == wilson(3, 10)
    assert [type(each) for each in (found.value, found.low, found.n)] == [float, float, int]
    assert newcombe_difference(*np.array([36, 12, 2, 0])) == newcombe_difference(36, 12, 2, 0)
    for refused in (
        lambda: wilson(3.4, 10),
        lambda: clopper_pearson(-1, 10),
        lambda: mcnemar(2.5, 1),
        lambda: newcombe_difference(1, 2, -3, 4),
    ):
        with pytest.raises(ValueError, match="count"):
            refused()


@pytest.mark.parametrize("level", [95, 1, 0, -0.95])
def test_a_level_that_is_no_share_is_refused(level):
    for statistic in (
        lambda: wilson(3, 10, level),
        lambda: roc.delong(SCORES[0], TRUTH, level),
        lambda: mrmc.proportion(SCORES > 2, level),
        lambda: mrmc.obuchowski_rockette(SCORES, TRUTH, level=level),
        lambda: signal_detection.d_prime([1, 1, 0], [0, 1, 0], level),
    ):
        with pytest.raises(ValueError, match=f"a level of {level:g} is no share"):
            statistic()
