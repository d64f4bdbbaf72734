"""HYPE, by its definition, and where its figures have no interval."""

import numpy as np
import pytest

from analysis.bootstrap import proportion
from analysis.hype import hype_infinity, hype_time
from analysis.report.chapters import hype as chapter
from analysis.report.chapters import hype_page
from analysis.report.study import Context, study_of
from analysis.results import Estimate, NotEstimable, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of

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
    assert (found.trials, found.at_shortest, found.at_longest) == (125, 5, 0)
    other = hype_time([[[500, 510, 510, 1000]]], shortest=500, longest=510)
    assert (other.at_shortest, other.at_longest, other.at_the_edge) == (1, 3, 1)
    with pytest.raises(NotEstimable):
        hype_time([[], [[]]])


@pytest.mark.parametrize(
    ("staircase", "limits", "at_the_edge"),
    [
        (None, (100, 1000), 0),
        ({"start": 500, "up": 30, "down": 10, "shortest": 440, "longest": 1200}, (440, 1200), 1),
    ],
)
def test_trials_at_the_limits_of_the_staircase_are_counted_as_censored(
    staircase, limits, at_the_edge
):
    exposures = [440] * 8 + [1000] * 4 + list(range(500, 660, 10))
    rows = [
        {**row, "trial": k % 28, "exposure_ms": exposures[k % 28] + k // 28}
        for k, row in enumerate(rows_of(raters=2))
    ]
    context = Context(description={"protocol": {"staircase": staircase}} if staircase else {})

    found = chapter.find(study_of(table_from_rows(rows, "x"), context))

    time = found.time
    assert (time.shortest, time.longest) == limits
    stood = (8, 0) if staircase else (0, 8)  # 1001 ms of the second rater is at the limit, too
    assert (time.at_shortest, time.at_longest, time.trials) == (*stood, 56)
    assert time.at_the_edge == at_the_edge
    said = " ".join(text for block in hype_page.show(found, None, {}).blocks for text in block.text)
    assert f"shortest, {limits[0]} ms, in {stood[0]} and at its longest, {limits[1]} ms" in said
    assert "censored" in said
