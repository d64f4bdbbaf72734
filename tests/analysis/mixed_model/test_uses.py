"""What follows from a fit: d', likelihood ratios, the population's rates, answers expected."""

import numpy as np
import pytest
from scipy import special, stats

from analysis.mixed_model import (
    crossed_logistic,
    detection,
    likelihood_ratio,
    population_rate,
)
from analysis.mixed_model import expected as expected_rates
from tests.analysis.mixed_model.conftest import answers_of


def test_d_prime_and_criterion_follow_from_the_probit_model(simulated, expected):
    theirs = expected("simvtt/expected_sim_vtt_dev.json")["glmer_probit_sdt"]["fixef"]
    intercept, origin = (row["estimate"] for row in theirs)
    said, who, what = simulated["said"], simulated["raters"], simulated["images"]
    centred = simulated["origin"] - [0, 0.5]
    fits = [
        crossed_logistic(said, design, who, what, names=["1", "origin"], link="probit")
        for design in (simulated["origin"], centred)
    ]

    for fit in fits:
        distance, bias = detection(fit, "1", "origin")
        assert distance.value == pytest.approx(origin, abs=1e-4)
        assert bias.value == pytest.approx(-(intercept + origin / 2), abs=1e-4)
        assert distance.se == pytest.approx(theirs[1]["se"], rel=1e-3)
        assert bias.low < bias.value < bias.high
    assert detection(fits[0], "1", "origin")[1].se == pytest.approx(
        detection(fits[1], "1", "origin")[1].se, rel=1e-3
    )
    logit = crossed_logistic(said, centred, who, what, names=["1", "origin"])
    with pytest.raises(ValueError, match="probit"):
        detection(logit, "1", "origin")


def test_a_likelihood_ratio_finds_the_effect_and_halves_p_for_a_variance():
    said, design, rater, image = answers_of(25, 60, slope_sd=0.9, seed=6)
    names = ["1", "origin"]

    smallest = crossed_logistic(said, design[:, :1], rater, image, names=["1"])
    smaller = crossed_logistic(said, design, rater, image, names=names)
    larger = crossed_logistic(said, design, rater, image, names=names, slope="origin")
    largest = crossed_logistic(
        said, design, rater, image, names=names, slope="origin", effects="correlated"
    )

    effect, variance = likelihood_ratio(smallest, smaller), likelihood_ratio(smaller, larger)
    assert (effect.df1, variance.df1) == (1, 1)
    assert effect.p == pytest.approx(stats.chi2.sf(effect.statistic, 1), abs=0)
    assert variance.p == pytest.approx(stats.chi2.sf(variance.statistic, 1) / 2, abs=0)
    assert variance.p < 1e-4
    assert largest.log_likelihood >= larger.log_likelihood - 1e-6
    assert -1 <= largest.correlation <= 1
    with pytest.raises(ValueError, match="nested"):
        likelihood_ratio(larger, smaller)


def test_population_rates_are_the_rates_observed_not_those_of_the_average_rater():
    said, design, rater, image = answers_of(60, 200, slope_sd=1.5, intercept=-2, effect=2, seed=7)

    fit = crossed_logistic(said, design, rater, image, names=["1", "origin"], slope="origin")

    for side in (-0.5, 0.5):
        found = population_rate(fit, [1, side])
        observed = said[design[:, 1] == side].mean()
        average = special.expit(
            fit.coefficients["1"].value + side * fit.coefficients["origin"].value
        )
        assert found.value == pytest.approx(observed, abs=0.01)
        assert abs(average - observed) > 0.02
        assert found.low < observed < found.high


def test_the_interval_of_a_population_rate_covers():
    spread = np.sqrt(0.5**2 + 0.7**2)
    nodes = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    truth = special.expit(-0.3 + 0.5 + spread * nodes).mean()
    found = [
        population_rate(crossed_logistic(*answers_of(10, 40, seed=seed)), [1, 0.5])
        for seed in range(60)
    ]

    assert np.mean([each.low < truth < each.high for each in found]) >= 0.9
    assert np.mean([each.se for each in found]) == pytest.approx(
        np.std([each.value for each in found]), rel=0.25
    )


def test_a_population_rate_of_a_probit_model_is_its_closed_form():
    said, design, rater, image = answers_of(10, 40, seed=8)

    fit = crossed_logistic(said, design, rater, image, link="probit")

    spread = np.sqrt(1 + fit.sds["rater"].value ** 2 + fit.sds["image"].value ** 2)
    middle = fit.coefficients["x0"].value + 0.5 * fit.coefficients["x1"].value
    assert population_rate(fit, [1, 0.5]).value == pytest.approx(special.ndtr(middle / spread))
    assert fit.odds_ratios == {}


def test_expected_answers_solve_the_equations_of_the_modes():
    """At the mode what answers exceed their expectation by is the effect over its variance."""
    y, x, raters, images = answers_of(8, 40, share=0.6, slope_sd=1.0)

    fit = crossed_logistic(y, x, raters, images, names=("one", "origin"), slope="origin")

    design = np.array([x[images == int(name)][0] for name in fit.image_names])
    rates = expected_rates(fit, design)
    place = {name: k for k, name in enumerate(fit.rater_names)}
    row = np.array([place[str(name)] for name in raters])
    column = np.searchsorted(np.unique(images), images)
    excess = y - rates[row, column]
    by_image = np.bincount(column, excess) * fit.sds["image"].value ** 2
    assert by_image == pytest.approx(fit.image_effects, abs=1e-4)
    by_rater = np.bincount(row, excess) * fit.sds["rater"].value ** 2
    assert by_rater == pytest.approx(fit.rater_effects[:, 0], abs=1e-4)
    slopes = np.bincount(row, excess * x[:, 1]) * fit.sds["rater slope"].value ** 2
    assert slopes == pytest.approx(fit.rater_effects[:, 1], abs=1e-4)
    with pytest.raises(ValueError, match="one row an image"):
        expected_rates(fit, design[:-1])


def test_fixed_raters_are_expected_to_answer_as_they_did():
    y, x, raters, images = answers_of(3, 200, slope_sd=1.0)

    fit = crossed_logistic(y, x, raters, images, names=("one", "origin"), slope="origin")

    design = np.array([x[images == int(name)][0] for name in fit.image_names])
    rates = expected_rates(fit, design)
    table = np.full(rates.shape, np.nan)
    table[
        np.searchsorted(np.unique(raters), raters), np.searchsorted(np.unique(images), images)
    ] = y
    for kind in np.unique(design[:, 1]):
        own = design[:, 1] == kind
        assert rates[:, own].mean(axis=1) == pytest.approx(table[:, own].mean(axis=1), abs=0.02)
