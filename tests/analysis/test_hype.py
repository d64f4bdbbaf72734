"""HYPE, by its definition, and where its figures have no interval."""

import numpy as np
import pytest

from analysis.bootstrap import proportion
from analysis.hype import hype_infinity, hype_time
from analysis.results import Estimate, NotEstimable, Unknown

SYNTHETIC = np.arange(100) % 2 == 1


def errors_of(rates, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((len(rates), 100)) < np.array(rates)[:, None]).astype(float)


def test_hype_infinity_is_the_mean_error_rate_of_evaluators():
    errors = errors_of(np.linspace(0.2, 0.6, 30))

    found = hype_infinity(errors, SYNTHETIC)

    rates = errors.mean(axis=1)
    assert found.error.value == pytest.approx(rates.mean())
    assert found.error.se == pytest.approx(rates.std() / np.sqrt(30), rel=0.03)
    assert "evaluators" in found.error.method
    assert found.on_synthetic.value == pytest.approx(errors[:, SYNTHETIC].mean())
    assert (found.on_synthetic.value + found.on_real.value) / 2 == pytest.approx(found.error.value)
    assert found.balanced


def test_the_two_way_interval_is_the_wider_one_and_draws_within_strata():
    rng = np.random.default_rng(1)
    difficulty = rng.uniform(0.05, 0.95, 100)
    errors = (rng.random((15, 100)) < difficulty).astype(float)
    entity = np.where(difficulty > 0.5, "mel", "nv")

    plain = hype_infinity(errors, SYNTHETIC, draws=3000)
    within = hype_infinity(errors, SYNTHETIC, entity, draws=3000)

    assert plain.two_way.value == pytest.approx(plain.error.value)
    assert plain.two_way.se > 1.5 * plain.error.se
    assert within.two_way.se < 0.85 * plain.two_way.se
    codes = np.stack([SYNTHETIC.astype(str), entity], axis=1)
    assert within.two_way == proportion(errors, codes, draws=3000).estimate


def test_an_unequal_mix_is_told_and_missing_answers_do_not_count():
    errors = errors_of([0.4] * 5)
    errors[0, :40] = np.nan
    mixed = errors.copy()
    mixed[2, SYNTHETIC & (np.arange(100) < 50)] = np.nan

    assert hype_infinity(errors, SYNTHETIC, draws=50).balanced
    found = hype_infinity(mixed, SYNTHETIC, draws=50)
    assert not found.balanced
    assert found.error.n == np.count_nonzero(~np.isnan(mixed))
    assert found.error.value == pytest.approx(np.nanmean(mixed, axis=1).mean())


def test_one_evaluator_has_no_interval_and_none_no_value():
    found = hype_infinity(errors_of([0.4]), SYNTHETIC, draws=50)

    assert (found.error.low, found.error.se) == (None, None)
    assert "one evaluator" in found.error.method
    assert isinstance(found.two_way, Unknown)
    with pytest.raises(NotEstimable):
        hype_infinity(np.full((3, 100), np.nan), SYNTHETIC)
    with pytest.raises(ValueError, match="fit"):
        hype_infinity(errors_of([0.4]), SYNTHETIC[:50])


def test_images_of_one_kind_leave_the_other_rate_unknown():
    found = hype_infinity(errors_of([0.3, 0.5]), np.ones(100, dtype=bool), draws=50)

    assert isinstance(found.on_synthetic, Estimate)
    assert isinstance(found.on_real, Unknown)
    assert not found.balanced


def test_hype_time_averages_modal_exposures_over_blocks_and_evaluators():
    exposures = [
        [[500, 400, 400, 300], [200, 200, 300, 300]],  # 400 and, the shortest of two, 200
        [[600, 600, 500]],
    ]

    found = hype_time(exposures)

    assert found.by_rater == (300, 600)
    assert found.modal.value == 450
    assert found.modal.df == 1
    assert found.modal.low == 0 < found.modal.high
    assert isinstance(found.settled, Unknown)
    assert found.at_the_edge == 0


def test_hype_time_also_tells_the_settled_exposure_and_blocks_at_the_edge():
    long = [[500] * 50 + [300] * 10, [500] * 50 + [340] * 10]

    found = hype_time([[long[0]], [long[1]], [[100] * 5]])

    assert found.settled.value == 320
    assert found.at_the_edge == 1
    with pytest.raises(NotEstimable):
        hype_time([[], [[]]])
