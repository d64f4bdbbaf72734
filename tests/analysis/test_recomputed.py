"""Bootstraps, calibration and times computed again by other means: every draw, other programs."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from analysis import bootstrap
from analysis.calibration import calibration_error, mean_type_2_auc, overconfidence
from analysis.hype import hype_infinity, hype_time
from analysis.timing import drift, ratio_of_times


def every_draw(size):
    """Return (size ** size, size) all samples of that many elements, with replacement."""
    return np.array(list(product(range(size), repeat=size)))


def test_the_interval_of_hype_is_that_of_all_samples_of_evaluators():
    rng = np.random.default_rng(0)
    errors = (rng.random((5, 60)) < np.array([0.1, 0.3, 0.45, 0.5, 0.8])[:, None]).astype(float)

    found = hype_infinity(errors, np.arange(60) % 2 == 1, draws=40_000).error

    means = errors.mean(axis=1)[every_draw(5)].mean(axis=1)
    assert found.value == pytest.approx(means.mean())
    assert found.se == pytest.approx(means.std(), rel=0.015)
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.006)


def test_the_two_way_bootstrap_has_the_moments_of_all_samples_of_raters_and_images():
    table = np.array([[1, 0, 1, np.nan], [0, 0, 1, 1], [1, 1, np.nan, 1.0]])

    drawn = bootstrap.proportion(table, draws=40_000).draws

    exact = []
    for raters, images in product(every_draw(3), every_draw(4)):
        part = table[np.ix_(raters, images)]
        silent = np.isnan(part).all(axis=1)
        if not silent.all():  # a rater without answers leaves the mean to the others
            exact.append(np.nanmean(part[~silent], axis=1).mean())
    assert drawn.mean() == pytest.approx(np.mean(exact), abs=0.004)
    assert drawn.std() == pytest.approx(np.std(exact), rel=0.015)


def test_overconfidence_has_the_error_of_the_two_way_analysis_of_variance():
    rng = np.random.default_rng(1)
    sure = np.clip(rng.normal(0.7, 0.1, (6, 1)) + rng.normal(0, 0.15, (6, 40)), 0, 1)
    right = (rng.random((6, 40)) < rng.uniform(0.2, 0.9, 40)).astype(float)

    found = overconfidence(sure, right)

    gap = sure - right
    rows, columns = gap.mean(axis=1, keepdims=True), gap.mean(axis=0)
    raters, images = gap.shape
    between = images * rows.var(ddof=1)
    images_apart = raters * columns.var(ddof=1)
    left = ((gap - rows - columns + gap.mean()) ** 2).sum() / ((raters - 1) * (images - 1))
    assert images_apart > left
    spread = between + images_apart - left
    df = spread**2 / (between**2 / (raters - 1))
    assert found.value == pytest.approx(gap.mean())
    assert found.se == pytest.approx(np.sqrt(spread / gap.size))
    assert found.df == pytest.approx(df)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, df) * found.se)


def test_the_mean_type_2_area_has_the_error_of_the_jackknife_over_images():
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 0.3, 150)
    sure = rng.uniform(0, 1, (5, 150))
    right = (rng.random((5, 150)) < 0.3 + 0.5 * sure + 0.2 * hard).astype(float)

    found = mean_type_2_auc(sure, right)

    def areas(kept):
        pairs = zip(sure[:, kept], right[:, kept], strict=True)
        return np.array([roc_auc_score(hit, said) for said, hit in pairs])

    values = areas(np.ones(150, dtype=bool))
    left_out = np.array([areas(np.arange(150) != image) for image in range(150)])
    covariance = np.cov(left_out.T, bias=True) * 149
    cov2 = covariance[~np.eye(5, dtype=bool)].mean()
    assert found.value == pytest.approx(values.mean())
    assert found.se**2 == pytest.approx(values.var(ddof=1) / 5 + max(cov2, 0), rel=0.03)


def test_the_calibration_error_is_that_of_bins_cut_by_hand():
    rng = np.random.default_rng(3)
    sure = rng.permutation(np.linspace(0.01, 0.99, 300))
    right = (rng.random(300) < sure**2).astype(float)

    found = calibration_error(sure, right, bins=6)

    order = np.argsort(sure)
    apart = [abs((sure - right)[part].mean()) for part in np.split(order, 6)]
    assert found.value == pytest.approx(np.mean(apart))


def test_a_ratio_of_times_is_the_paired_t_test_of_mean_logarithms():
    rng = np.random.default_rng(4)
    times = np.exp(rng.normal(8, 0.5, (7, 30)))
    first = np.broadcast_to(np.arange(30) % 3 == 0, times.shape)

    ratio, test = ratio_of_times(times, first, ~first)

    logs = np.log(times)
    one, other = logs[:, ::3].mean(axis=1), np.where(first, np.nan, logs)
    paired = stats.ttest_rel(one, np.nanmean(other, axis=1))
    interval = paired.confidence_interval(0.95)
    assert (test.statistic, test.p) == pytest.approx((paired.statistic, paired.pvalue))
    assert (ratio.low, ratio.high) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))


def test_blocks_of_times_are_geometric_means_with_t_over_raters():
    rng = np.random.default_rng(5)
    times = np.exp(rng.normal(8, 0.6, (5, 45)))
    trial = np.stack([rng.permutation(45) + 1.0 for _ in range(5)])

    blocks = drift(times, np.ones_like(times), trial).time_blocks

    for k, block in enumerate(blocks):
        own = [
            stats.gmean(row[(order > 20 * k) & (order <= 20 * k + 20)])
            for row, order in zip(times, trial, strict=True)
        ]
        interval = stats.ttest_1samp(np.log(own), 0).confidence_interval(0.95)
        assert block.by_rater == pytest.approx(own)
        assert block.mean.value == pytest.approx(stats.gmean(own))
        assert (block.mean.low, block.mean.high) == pytest.approx(np.exp(interval))


def test_hype_time_is_the_mode_of_each_block_with_t_over_evaluators():
    rng = np.random.default_rng(6)
    exposures = [
        [rng.choice([200, 300, 400, 500], 80, p=p).tolist() for p in rng.dirichlet([2] * 4, 3)]
        for _ in range(6)
    ]

    found = hype_time(exposures)

    modes = []
    for own in exposures:
        counts = [Counter(block) for block in own]
        modes.append(
            np.mean([min(c for c in count if count[c] == max(count.values())) for count in counts])
        )
    interval = stats.ttest_1samp(modes, 0).confidence_interval(0.95)
    assert found.by_rater == pytest.approx(modes)
    assert found.modal.value == pytest.approx(np.mean(modes))
    assert (found.modal.low, found.modal.high) == pytest.approx(tuple(interval))
