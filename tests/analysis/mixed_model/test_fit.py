"""Fits of crossed mixed models: lme4 in R, known truth, and answers that allow less."""

import numpy as np
import pytest
from scipy import special

from analysis.mixed_model import crossed_logistic, likelihood_ratio, population_rate
from analysis.results import NotEstimable
from tests.analysis.mixed_model.conftest import answers_of


@pytest.mark.parametrize(
    ("figures", "answers", "design", "link"),
    [
        ("glmer_says_synth_on_is_synth", "said", "origin", "logit"),
        ("glmer_says_synth_on_generator", "said", "generator", "logit"),
        ("glmer_correct_intercept", "right", "one", "logit"),
        ("glmer_correct_on_trial", "right", "trial", "logit"),
        ("glmer_probit_sdt", "said", "origin", "probit"),
    ],
)
def test_fits_agree_with_lme4(simulated, expected, figures, answers, design, link):
    theirs = expected("simvtt/expected_sim_vtt_dev.json")[figures]

    fit = crossed_logistic(
        simulated[answers], simulated[design], simulated["raters"], simulated["images"], link=link
    )

    for found, row in zip(fit.coefficients.values(), theirs["fixef"], strict=True):
        assert found.value == pytest.approx(row["estimate"], abs=1e-3)
        assert found.se == pytest.approx(row["se"], rel=0.01)
    sds = {row["grp"]: row["sdcor"] for row in theirs["ranef"]}
    assert fit.sds["rater"].value == pytest.approx(sds["reader"], abs=2e-3)
    assert fit.sds["image"].value == pytest.approx(sds["image"], abs=2e-3)
    # lme4's search stopped a little short of the summit that both climb.
    assert -1e-5 < fit.log_likelihood - theirs["logLik"] < 2e-3
    assert fit.converged
    assert (fit.singular, fit.penalised, fit.fixed_raters) == (False, False, False)


def test_known_effects_are_found_with_gaps_in_the_table():
    said, design, rater, image = answers_of(60, 150, slope_sd=0.5, share=0.5, seed=2)

    fit = crossed_logistic(said, design, rater, image, names=["1", "origin"], slope="origin")

    assert fit.coefficients["origin"].df == 59
    assert fit.coefficients["origin"].low < 1 < fit.coefficients["origin"].high
    assert fit.coefficients["1"].low < -0.3 < fit.coefficients["1"].high
    for name, sd in (("rater", 0.5), ("rater slope", 0.5), ("image", 0.7)):
        assert fit.sds[name].low < sd < fit.sds[name].high
    assert fit.odds_ratios["origin"].value == pytest.approx(
        np.exp(fit.coefficients["origin"].value)
    )


def test_reported_standard_errors_are_those_of_repeated_studies():
    fits = [
        crossed_logistic(*answers_of(12, 40, slope_sd=0.6, seed=seed), slope="x1")
        for seed in range(40)
    ]

    values = [fit.coefficients["x1"].value for fit in fits]
    within = np.mean([fit.coefficients["x1"].low < 1 < fit.coefficients["x1"].high for fit in fits])
    assert np.mean(values) == pytest.approx(1, abs=0.12)
    assert np.mean([fit.coefficients["x1"].se for fit in fits]) == pytest.approx(
        np.std(values), rel=0.25
    )
    assert within >= 0.88


def test_neither_names_nor_order_matter_and_turning_answers_turns_signs():
    said, design, rater, image = answers_of(8, 40, seed=3)
    order = np.random.default_rng(0).permutation(said.size)
    words = np.array([f"r{9 - number}" for number in rater])

    fit = crossed_logistic(said, design, rater, image)
    shuffled = crossed_logistic(said[order], design[order], words[order], image[order])
    turned = crossed_logistic(1 - said, design, rater, image)

    for name in fit.names:
        assert shuffled.coefficients[name].value == pytest.approx(
            fit.coefficients[name].value, abs=1e-4
        )
        assert turned.coefficients[name].value == pytest.approx(
            -fit.coefficients[name].value, abs=1e-4
        )
    assert shuffled.rater_effects[::-1, 0] == pytest.approx(fit.rater_effects[:, 0], abs=1e-4)
    assert turned.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


def test_a_variance_of_nothing_is_0_and_stays_in_the_model():
    rng = np.random.default_rng(0)
    rater, image = np.divmod(np.arange(20 * 30), 30)
    # Every rater says yes as often as chance would least have it: to half of the images.
    said = np.array([rng.permutation(np.repeat([0.0, 1], 15)) for _ in range(20)]).ravel()

    fit = crossed_logistic(said, np.ones(said.size), rater, image)

    assert fit.sds["rater"].value == 0
    assert (fit.sds["rater"].low, fit.sds["rater"].se) == (None, None)
    assert fit.singular
    assert fit.parameters == (1, 2)
    assert fit.coefficients["x0"].value == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("effects", ["independent", "correlated"])
def test_a_variance_of_next_to_nothing_is_0(effects):
    """Where the search ends within rounding of 0, the likelihood there cannot be told from it."""
    fits = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        rater, image = np.divmod(np.arange(7 * 25), 25)
        origin = image % 2 - 0.5
        eta = 0.3 + origin + (rng.normal(size=7) * 0.8)[rater] * origin
        said = rng.random(rater.size) < special.expit(eta + (rng.normal(size=25) * 0.9)[image])
        design = np.stack([np.ones(said.size), origin], axis=1)
        fits.append(crossed_logistic(said, design, rater, image, slope="x1", effects=effects))

    at_the_edge = 0
    for fit in fits:
        sds = [fit.sds[name].value for name in ("rater", "rater slope", "image")]
        assert all(sd == 0 or sd > 1e-3 for sd in sds)
        assert fit.correlation is None or fit.singular == (abs(fit.correlation) == 1)
        at_the_edge += fit.singular
    assert 0 < at_the_edge < 6


def test_a_small_variance_is_not_taken_for_none(simulated):
    """The likelihood is flat at 0, where a search can rest though it rises beyond."""
    fit = crossed_logistic(
        simulated["right"], simulated["one"], simulated["raters"], simulated["images"]
    )

    assert fit.sds["rater"].value == pytest.approx(0.0805, abs=1e-3)


@pytest.mark.parametrize("slope", [None, "origin"])
def test_a_generator_that_nobody_is_fooled_by_is_penalised_not_infinite(slope):
    said, design, rater, image = answers_of(8, 40, seed=4)
    said[design[:, 1] > 0] = 1

    fit = crossed_logistic(said, design, rater, image, names=["1", "origin"], slope=slope)

    assert fit.penalised
    assert "separated" in fit.notes[0]
    assert 2 < fit.coefficients["origin"].value < 10
    assert fit.coefficients["origin"].se < 10
    assert "penalised" in fit.coefficients["origin"].method
    with pytest.raises(NotEstimable, match="penalised"):
        likelihood_ratio(fit, fit)


def test_answers_that_are_all_alike_are_penalised():
    _, design, rater, image = answers_of(6, 20)

    fit = crossed_logistic(np.ones(rater.size), design, rater, image)

    assert fit.penalised
    assert np.isfinite([each.high for each in fit.coefficients.values()]).all()
    assert population_rate(fit, [1, 0]).value > 0.9


def test_fewer_than_five_raters_are_fixed_and_the_result_is_about_them():
    said, design, rater, image = answers_of(4, 60, slope_sd=0.8, seed=5)

    fit = crossed_logistic(said, design, rater, image, names=["1", "origin"], slope="origin")

    assert fit.fixed_raters
    assert "these raters" in fit.notes[0]
    assert set(fit.sds) == {"image"}
    assert fit.names == ("1", "origin")
    assert fit.coefficients["origin"].df is None
    alone = crossed_logistic(
        said[rater == 0], design[rater == 0], rater[rater == 0], image[rater == 0]
    )
    assert alone.fixed_raters
    # The coefficient is the mean of the raters' own; a fit to each alone has its own image SD.
    own = [
        crossed_logistic(said[rater == j], design[rater == j], rater[rater == j], image[rater == j])
        for j in range(4)
    ]
    assert fit.coefficients["origin"].value == pytest.approx(
        np.mean([each.coefficients["x1"].value for each in own]), rel=0.3
    )


def test_what_cannot_be_fitted_is_said():
    said, design, rater, image = answers_of(6, 20)

    with pytest.raises(NotEstimable, match="no answers"):
        crossed_logistic(np.full(said.size, np.nan), design, rater, image)
    with pytest.raises(NotEstimable, match="determine one another"):
        crossed_logistic(said, np.hstack([design, design[:, 1:]]), rater, image)
    with pytest.raises(NotEstimable, match="two images"):
        crossed_logistic(
            said[image == 0], design[image == 0, :1], rater[image == 0], image[image == 0]
        )
    with pytest.raises(ValueError, match="unknown"):
        crossed_logistic(said, design, rater, image, slope="origin")
    with pytest.raises(ValueError, match="0 or 1"):
        crossed_logistic(said + 1, design, rater, image)


def test_missing_answers_are_left_out():
    said, design, rater, image = answers_of(6, 30, seed=9)
    gaps = said.copy()
    gaps[::7] = np.nan
    kept = ~np.isnan(gaps)

    fit = crossed_logistic(gaps, design, rater, image)

    assert fit.n == kept.sum()
    assert fit.log_likelihood == pytest.approx(
        crossed_logistic(said[kept], design[kept], rater[kept], image[kept]).log_likelihood
    )


def test_a_quick_fit_has_the_same_likelihood_about_the_same_errors_and_no_interval_of_an_sd():
    said, design, rater, image = answers_of(20, 60, slope_sd=0.5, seed=8)
    names = ["1", "origin"]

    quick, whole = (
        crossed_logistic(said, design, rater, image, names=names, slope="origin", quick=quick)
        for quick in (True, False)
    )

    assert quick.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-6)
    for name in names:
        assert quick.coefficients[name].value == pytest.approx(whole.coefficients[name].value)
        assert quick.coefficients[name].se == pytest.approx(whole.coefficients[name].se, rel=0.05)
    assert all(sd.low is None and sd.se is None for sd in quick.sds.values())
