"""How the errors of readers covary: each estimator against its definition written out."""

import numpy as np
import pytest

from analysis import mrmc, roc
from analysis.mrmc.cells import cells_of
from tests.analysis.mrmc.conftest import area, drawn


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_the_jackknife_of_an_area_needs_no_resampling(missing):
    table, truth = drawn(1, missing=missing)

    quick, slow = (mrmc.obuchowski_rockette(table, truth, statistic=each) for each in ("auc", area))

    assert vars(quick.components) == pytest.approx(vars(slow.components), rel=1e-9)
    assert quick.differences[0, 1].se == pytest.approx(slow.differences[0, 1].se, rel=1e-9)


def share(ratings, truth):
    return ratings.mean()


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_the_jackknife_of_a_share_needs_no_resampling(missing):
    table, truth = drawn(2, missing=missing)
    answers = np.where(np.isnan(table), np.nan, table > 0)

    quick = mrmc.obuchowski_rockette(answers, statistic="proportion")
    slow = mrmc.obuchowski_rockette(answers, truth, statistic=share)

    assert vars(quick.components) == pytest.approx(vars(slow.components), rel=1e-9)


def comparisons(ratings, truth):
    """Return a dict from (positive, negative) to the success of their comparison."""
    return {
        (i, k): float(ratings[i] > ratings[k]) + 0.5 * float(ratings[i] == ratings[k])
        for i in np.flatnonzero(truth)
        for k in np.flatnonzero(~truth)
        if not np.isnan(ratings[i]) and not np.isnan(ratings[k])
    }


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_unbiased_covariances_are_their_definition(missing):
    table, truth = drawn(3, treatments=1, readers=3, cases=14, missing=missing)
    cells = cells_of(table, truth, "auc", "unbiased")
    all_pairs = [comparisons(row, truth) for row in table[0]]

    for a, first in enumerate(all_pairs):
        for b, second in enumerate(all_pairs):
            apart = [
                x * y
                for (i, k), x in first.items()
                for (j, m), y in second.items()
                if i != j and k != m
            ]
            product = np.mean(list(first.values())) * np.mean(list(second.values()))
            assert cells.covariance[a, b] == pytest.approx(product - np.mean(apart), abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_unbiased_covariances_of_shares_are_their_definition(missing):
    table, truth = drawn(4, treatments=1, readers=3, cases=14, missing=missing)
    answers = np.where(np.isnan(table), np.nan, table > 0)
    cells = cells_of(answers, truth, "proportion", "unbiased")

    for a, first in enumerate(answers[0]):
        for b, second in enumerate(answers[0]):
            apart = np.outer(first, second)[~np.eye(14, dtype=bool)]
            product = np.nanmean(first) * np.nanmean(second)
            assert cells.covariance[a, b] == pytest.approx(product - np.nanmean(apart), abs=1e-12)


def spread(ratings, truth):
    return ratings.std()


def test_what_shares_no_case_does_not_covary_whatever_the_statistic():
    """The mean of leave-one-out figures is not the figure: deviations alone would covary."""
    table, truth = drawn(25, readers=3)
    table[0, :, ::2], table[1, :, 1::2] = np.nan, np.nan

    found = mrmc.obuchowski_rockette(table, truth, statistic=spread)

    assert (found.components.cov1, found.components.cov3) == (0, 0)
    assert found.components.cov2 != 0


def test_delongs_covariances_are_those_of_one_rater_and_of_pairs():
    table, truth = drawn(5, treatments=1, readers=2)

    cells = cells_of(table, truth, "auc", "delong")

    paired = roc.delong_paired(*table[0], truth)
    assert np.sqrt(cells.covariance.diagonal()) == pytest.approx(
        [paired.first.se, paired.second.se]
    )
    assert cells.covariance[0, 1] == pytest.approx(paired.covariance)


def test_missing_cells_leave_delongs_variance_of_what_was_read():
    table, truth = drawn(6, treatments=1, missing=0.3)

    cells = cells_of(table, truth, "auc", "delong")

    for j, row in enumerate(table[0]):
        given = ~np.isnan(row)
        alone = roc.delong(row[given], truth[given])
        assert np.sqrt(cells.covariance[j, j]) == pytest.approx(alone.se, rel=1e-12)
