"""The two-way bootstrap, against draws written out and its exact variance."""

import time

import numpy as np
import pytest

from analysis import bootstrap, mrmc
from analysis.bootstrap import resampled_counts
from analysis.results import NotEstimable
from analysis.roc import auc


def test_strata_keep_their_sizes_and_every_element_its_chance():
    strata = np.array([0, 1, 0, 2, 1, 0, 0])

    counts = resampled_counts(np.random.default_rng(0), strata, 20_000)

    for stratum in range(3):
        assert (counts[:, strata == stratum].sum(axis=1) == (strata == stratum).sum()).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.03)
    assert counts[:, 0].var() == pytest.approx(1 - 1 / 4, rel=0.05)  # multinomial of four
    assert np.corrcoef(counts[:, 0], counts[:, 2])[0, 1] == pytest.approx(-1 / 3, abs=0.03)
    assert (counts[:, 3] == 1).all()


def naive(statistic, table, strata, draws, seed):
    """Return each draw's value from tables in which drawn raters and images are repeated."""
    rng = np.random.default_rng(seed)
    raters = resampled_counts(rng, np.zeros(len(table), int), draws).astype(int)
    images = resampled_counts(rng, strata, draws).astype(int)
    for rows, columns in zip(raters, images, strict=True):
        chosen = np.repeat(np.arange(table.shape[1]), columns)
        yield statistic(table[np.repeat(np.arange(len(table)), rows)][:, chosen], chosen)


def test_draws_of_a_share_are_means_over_repeated_raters_and_images():
    rng = np.random.default_rng(1)
    table = (rng.random((6, 12)) < 0.6).astype(float)
    table[rng.random(table.shape) < 0.2] = np.nan
    strata = np.arange(12) % 3

    found = bootstrap.proportion(table, strata, draws=50, seed=4)

    written_out = list(
        naive(lambda drawn, _: np.nanmean(np.nanmean(drawn, axis=1)), table, strata, 50, 4)
    )
    assert found.draws == pytest.approx(written_out)
    assert found.estimate.value == pytest.approx(np.nanmean(table, axis=1).mean())


def test_draws_of_an_area_are_means_over_repeated_raters_and_images():
    rng = np.random.default_rng(2)
    table = rng.integers(1, 7, (5, 16)).astype(float)
    table[0, 3] = table[3, 9] = np.nan
    truth, entity = np.arange(16) % 2, np.arange(16) // 2 % 2

    found = bootstrap.mean_auc(table, truth, entity, draws=60, seed=5)

    def mean_area(drawn, chosen):
        return np.mean(
            [auc(row[~np.isnan(row)], truth[chosen][~np.isnan(row)]).value for row in drawn]
        )

    strata = np.unique(np.stack([entity, truth]), axis=1, return_inverse=True)[1]
    assert found.draws == pytest.approx(list(naive(mean_area, table, strata, 60, 5)))
    assert found.estimate.value == pytest.approx(mrmc.mean_auc(table, truth).value)


def test_the_variance_is_that_of_the_pigeonhole_bootstrap():
    rng = np.random.default_rng(3)
    table = (rng.random((8, 40)) < rng.uniform(0.2, 0.8, (8, 1))).astype(float)

    found = bootstrap.proportion(table, draws=40_000)

    def second_moments(size):  # of how often each of `size` is drawn
        return np.eye(size) + (1 - 1 / size)

    squares = np.trace(second_moments(8) @ table @ second_moments(40) @ table.T) / (8 * 40) ** 2
    exact = np.sqrt(squares - table.mean() ** 2)
    assert found.estimate.se == pytest.approx(exact, rel=0.02)
    assert found.estimate.se > mrmc.proportion(table).se * 0.95


def test_a_seed_decides_and_chunks_do_not_matter(monkeypatch):
    table = (np.random.default_rng(4).random((5, 30)) < 0.5).astype(float)

    first = bootstrap.proportion(table, draws=300, seed=1)

    assert first.estimate == bootstrap.proportion(table, draws=300, seed=1).estimate
    assert first.estimate != bootstrap.proportion(table, draws=300, seed=2).estimate
    monkeypatch.setattr(bootstrap, "CHUNK", 64)
    apart = bootstrap.proportion(table, draws=300, seed=1)
    assert apart.draws.size == 300
    assert apart.estimate.se == pytest.approx(first.estimate.se, rel=0.25)


def test_draws_without_a_class_are_counted_and_left_out():
    table = np.full((2, 8), np.nan)
    table[0, :3], table[1, 4:7] = [1, 2, 3], [2, 1, 3]  # one positive each
    truth = np.array([1, 0, 0, 0, 1, 0, 0, 0])

    found = bootstrap.mean_auc(table, truth, draws=2000)

    assert found.left_out > 0
    assert found.draws.size + found.left_out == 2000
    assert np.isfinite(found.draws).all()
    assert "too few" in found.estimate.method


def test_what_cannot_vary_has_no_interval_and_what_is_empty_no_estimate():
    alike = bootstrap.proportion(np.ones((4, 10)), draws=100).estimate

    assert (alike.value, alike.low, alike.se) == (1, None, None)
    with pytest.raises(NotEstimable, match="no answers"):
        bootstrap.proportion(np.full((4, 10), np.nan))
    with pytest.raises(NotEstimable, match="two of each"):
        bootstrap.proportion(np.ones((1, 10)))
    with pytest.raises(NotEstimable, match="both kinds"):
        bootstrap.mean_auc(np.ones((3, 4)), np.ones(4))
    with pytest.raises(ValueError, match="strata"):
        bootstrap.proportion(np.ones((2, 10)), np.zeros(9))


def test_ten_thousand_draws_for_twenty_raters_of_280_images_take_seconds_at_most():
    rng = np.random.default_rng(5)
    truth, entity = np.repeat([0, 1], 140), np.arange(280) % 7
    scores = rng.normal(size=(20, 280)) + truth

    begin = time.process_time()
    found = bootstrap.mean_auc(scores, truth, entity)

    assert found.draws.size == 10_000
    assert time.process_time() - begin < 4  # about 0.5 s; a loop over pairs takes minutes
