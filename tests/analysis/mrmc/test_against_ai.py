"""An AI against raters of the same images."""

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc, roc
from analysis.results import NotEstimable
from tests.analysis.mrmc.conftest import drawn


def study(seed, readers=5, cases=40):
    table, truth = drawn(seed, treatments=1, readers=readers + 1, cases=cases)
    return table[0, :-1], table[0, -1], truth


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_the_two_treatment_analysis_with_the_ai_copied_for_each_reader(seed):
    """As "2T-RRRC" of RJafroc: same F, same degrees of freedom, same p (Kooi et al. 2016)."""
    ratings, ai, truth = study(seed)

    found = mrmc.compare_with_ai(ratings, ai, truth)

    copied = np.stack([ratings, np.tile(ai, (5, 1))])
    both = mrmc.obuchowski_rockette(copied, truth)
    for scope in ("random", "fixed_cases"):
        gap, theirs = found.differences[scope], both.inferences[scope].differences[0, 1]
        assert (gap.value, gap.se, gap.df) == pytest.approx((theirs.value, theirs.se, theirs.df))
        assert found.tests[scope].p == pytest.approx(both.tests[scope].p)


def test_the_differences_have_the_jackknife_covariance_of_the_differences():
    ratings, ai, truth = study(4)
    values = np.array([roc.auc(row, truth).value - roc.auc(ai, truth).value for row in ratings])
    without = np.empty((5, truth.size))
    for case in range(truth.size):
        left = np.arange(truth.size) != case
        alone = roc.auc(ai[left], truth[left]).value
        without[:, case] = [roc.auc(row[left], truth[left]).value - alone for row in ratings]
    covariance = np.cov(without) * (truth.size - 1) ** 2 / truth.size

    found = mrmc.compare_with_ai(ratings, ai, truth)

    cov2 = covariance[~np.eye(5, dtype=bool)].mean()
    assert found.components.cov2 == pytest.approx(cov2, rel=1e-9)
    assert found.components.var_e == pytest.approx(covariance.diagonal().mean(), rel=1e-9)
    total = values.var(ddof=1) + max(5 * cov2, 0)
    gap, test = found.differences["random"], found.tests["random"]
    assert (gap.se, gap.df) == pytest.approx(
        (np.sqrt(total / 5), total**2 / (values.var(ddof=1) ** 2 / 4))
    )
    assert test.p == pytest.approx(2 * stats.t.sf(abs(values.mean() / gap.se), gap.df))


def test_images_taken_for_fixed_make_it_look_surer():
    ratings, ai, truth = study(5)

    found = mrmc.compare_with_ai(ratings, ai, truth)

    assert found.differences["random"].se > found.differences["fixed_cases"].se
    theirs = stats.ttest_1samp([roc.auc(row, truth).value for row in ratings], found.ai.value)
    assert found.tests["fixed_cases"].p == pytest.approx(theirs.pvalue)


def test_each_rater_is_compared_by_delong_and_on_shares_by_mcnemar():
    ratings, ai, truth = study(6)

    areas = mrmc.compare_with_ai(ratings, ai, truth, readers="abcde")
    shares = mrmc.compare_with_ai(
        1.0 * (ratings > 0), 1.0 * (ai > 0), truth, statistic="accuracy", readers="abcde"
    )

    paired = roc.delong_paired(ratings[2], ai, truth)
    assert areas.reader_tests["c"].p == paired.test.p
    right, ai_right = (ratings[2] > 0) == truth, (ai > 0) == truth
    b, c = (right & ~ai_right).sum(), (~right & ai_right).sum()
    assert shares.reader_tests["c"].p == pytest.approx(
        min(1, 2 * stats.binom.cdf(min(b, c), b + c, 0.5))
    )
    gap = right.mean() - ai_right.mean()
    assert shares.reader_differences["c"].value == pytest.approx(gap)
    assert shares.ai.value == pytest.approx(ai_right.mean())


def test_raters_who_read_as_the_ai_did_do_not_differ_from_it():
    _, ai, truth = study(7)

    found = mrmc.compare_with_ai(np.tile(ai, (3, 1)), ai, truth)

    assert {test.p for test in found.tests.values()} == {1}
    assert found.differences["random"].value == 0


def test_other_images_are_refused():
    ratings, ai, truth = study(8)
    fewer, unread = ai.copy(), ratings.copy()
    fewer[0], unread[1, 3] = np.nan, np.nan

    with pytest.raises(NotEstimable, match="reader a has not read 0 images"):
        mrmc.compare_with_ai(ratings, fewer, truth, readers="abcde")
    with pytest.raises(NotEstimable, match="reader b has not read 1 images"):
        mrmc.compare_with_ai(unread, ai, truth, readers="abcde")
    with pytest.raises(ValueError, match="share their cases"):
        mrmc.compare_with_ai(ratings, ai[1:], truth)


def test_images_that_nobody_read_do_not_count():
    ratings, ai, truth = study(9)
    wider, ai_wider = (np.concatenate([each, each[..., :4] * np.nan], -1) for each in (ratings, ai))

    narrow = mrmc.compare_with_ai(ratings, ai, truth)
    wide = mrmc.compare_with_ai(wider, ai_wider, np.concatenate([truth, truth[:4]]))

    assert wide.differences["random"].se == pytest.approx(narrow.differences["random"].se)
