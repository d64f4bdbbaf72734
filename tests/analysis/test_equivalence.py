"""What an estimate shows of its distance from chance: tests and intervals say the same."""

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc, roc
from analysis.equivalence import DIFFERENT, EQUIVALENT, INCONCLUSIVE, WITHIN, judge, judge_share
from analysis.results import Estimate, NotEstimable, Unknown


def of(value, se, df):
    def statistic(level):
        half = se * stats.t.ppf((1 + level) / 2, df)
        return Estimate(value, se, df, value - half, value + half, level, 100, "t")

    return statistic


@pytest.mark.parametrize(
    ("value", "se", "verdict"),
    [
        (0.50, 0.03, EQUIVALENT),
        (0.50, 0.10, INCONCLUSIVE),
        (0.56, 0.01, WITHIN),
        (0.70, 0.03, DIFFERENT),
        (0.30, 0.03, DIFFERENT),
    ],
)
def test_two_intervals_give_four_verdicts(value, se, verdict):
    assert judge(of(value, se, 12), 0.1).verdict == verdict


def test_p_is_the_larger_of_the_two_one_sided_ones():
    judged = judge(of(0.53, 0.04, 9), 0.1)

    assert judged.equivalence.p == pytest.approx(stats.t.sf((0.6 - 0.53) / 0.04, 9))
    assert judged.difference.p == pytest.approx(2 * stats.t.sf(0.03 / 0.04, 9))


def test_without_a_margin_nothing_is_equivalent():
    judged = judge(of(0.5, 1e-6, 50), None)

    assert judged.verdict == INCONCLUSIVE
    assert judged.equivalence is None


def test_exact_tests_and_verdicts_of_one_rater_agree_for_every_count():
    verdicts = set()
    for n in (70, 1100):
        for successes in range(n + 1):
            judged = judge_share(successes, n, 0.1)

            equivalent = judged.equivalence.p < 0.05
            different = judged.difference.p < 0.05
            assert (judged.verdict in (EQUIVALENT, WITHIN)) == equivalent
            assert (judged.verdict in (DIFFERENT, WITHIN)) == different
            verdicts.add(judged.verdict)
    assert verdicts == {EQUIVALENT, WITHIN, DIFFERENT, INCONCLUSIVE}


@pytest.mark.parametrize("rate", [0.3, 0.42, 0.5, 0.58])
def test_over_raters_tests_and_verdicts_agree(rate):
    answers = np.random.default_rng(3).random((15, 120)) < rate

    judged = judge(lambda level: mrmc.proportion(answers, level), 0.1, logit=True)

    assert (judged.verdict in (EQUIVALENT, WITHIN)) == (judged.equivalence.p < 0.05)
    assert (judged.verdict in (DIFFERENT, WITHIN)) == (judged.difference.p < 0.05)


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.35, 1.0, -1.0])
def test_on_the_logit_scale_tests_and_verdicts_agree(shift):
    truth = np.arange(400) % 2 == 1
    scores = np.random.default_rng(5).normal(size=400) + shift * truth

    judged = judge(lambda level: roc.delong(scores, truth, level, "logit"), 0.1, logit=True)

    assert (judged.verdict in (EQUIVALENT, WITHIN)) == (judged.equivalence.p < 0.05)
    assert (judged.verdict in (DIFFERENT, WITHIN)) == (judged.difference.p < 0.05)


def test_a_perfect_area_is_different_by_its_bound_and_has_no_p():
    truth = np.arange(40) % 2 == 1

    judged = judge(lambda level: mrmc.mean_auc(truth[None] * 1.0, truth, level), 0.1, logit=True)

    assert judged.verdict == DIFFERENT
    assert judged.difference.p is None
    assert 0.8 < judged.estimate.low < 1


def test_what_cannot_be_estimated_is_inconclusive_with_the_reason():
    def nothing(level):
        raise NotEstimable("no answers")

    for judged in (judge(nothing, 0.1), judge_share(0, 0, 0.1)):
        assert judged.estimate == Unknown("no answers")
        assert judged.verdict == INCONCLUSIVE
        assert judged.equivalence.p is None
