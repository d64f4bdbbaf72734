"""Crossed mixed models, against lme4 in R, a dense computation, and answers with known truth."""

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
from analysis.mixed_model.laplace import CrossedLikelihood, Factor, curve
from analysis.results import NotEstimable


@pytest.fixture(scope="module")
def simulated(data):
    """Return the columns of five simulated readers of 140 images."""
    rows = data("simvtt/sim_vtt_dev.csv")

    def column(name):
        return np.array([row[name] for row in rows])

    synthetic = (column("origin") == "synthetic").astype(float)
    said = column("says_synthetic").astype(float)
    one = np.ones(len(rows))
    return {
        "raters": column("reader"),
        "images": column("image"),
        "said": said,
        "right": (said == synthetic).astype(float),
        "one": one[:, None],
        "origin": np.stack([one, synthetic], axis=1),
        "generator": np.stack(
            [one, column("generator") == "genA", column("generator") == "genB"], axis=1
        ),
        "trial": np.stack([one, column("trial").astype(float) / 100], axis=1),
    }


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


def answers_of(raters, images, *, slope_sd=0.0, seed=0, share=1.0, intercept=-0.3, effect=1.0):
    """Return answers, design (1, origin -0.5 or 0.5), raters and images with known effects."""
    rng = np.random.default_rng(seed)
    rater, image = np.divmod(np.arange(raters * images), images)
    seen = rng.random(rater.size) < share
    rater, image = rater[seen], image[seen]
    origin = (image % 2) - 0.5
    eta = intercept + effect * origin + 0.5 * rng.normal(size=raters)[rater]
    eta += slope_sd * rng.normal(size=raters)[rater] * origin
    eta += 0.7 * rng.normal(size=images)[image]
    said = (rng.random(rater.size) < special.expit(eta)).astype(float)
    return said, np.stack([np.ones(rater.size), origin], axis=1), rater, image


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize(("raters", "images"), [(6, 30), (30, 8)])
@pytest.mark.parametrize("entries", [(), ((0, 0),), ((0, 0), (1, 1)), ((0, 0), (1, 0), (1, 1))])
def test_the_likelihood_is_that_of_dense_matrices_and_its_gradient_its_slope(
    raters, images, entries, link
):
    said, design, rater, image = answers_of(raters, images, share=0.7, seed=1)
    columns = design[:, : max((a for a, _ in entries), default=-1) + 1]
    factors = (
        Factor(rater, raters, columns, entries),
        Factor(image, images, np.ones((len(said), 1)), ((0, 0),)),
    )
    likelihood = CrossedLikelihood(said, design, factors, link)
    parameters = np.array([-0.2, 0.8, *[0.5, -0.3, 0.4][: len(entries)], 0.6])

    found = likelihood.at(parameters)

    beta, roots = likelihood.split(parameters)
    z = np.zeros((len(said), 0))
    for factor, root in zip(factors, roots, strict=True):
        part = np.zeros((len(said), factor.size, factor.q))
        part[np.arange(len(said)), factor.codes] = factor.design @ root
        z = np.hstack([z, part.reshape(len(said), -1)])
    u = np.zeros(z.shape[1])
    for _ in range(40):
        at = curve(said, design @ beta + z @ u, link)
        u += np.linalg.solve(z.T @ (at.observed[:, None] * z) + np.eye(u.size), z.T @ at.score - u)
    inner = z.T @ (at.fisher[:, None] * z) + np.eye(u.size)
    dense = at.value - u @ u / 2 - np.linalg.slogdet(inner)[1] / 2
    assert found.value == pytest.approx(dense, abs=1e-6)
    for k in range(parameters.size):
        step = np.zeros(parameters.size)
        step[k] = 1e-4
        ahead, behind = (likelihood.at(parameters + side * step).value for side in (1, -1))
        assert found.gradient[k] == pytest.approx((ahead - behind) / 2e-4, abs=2e-3)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_what_answers_say_of_the_predictor_is_the_derivative_of_their_likelihood(link):
    answers = np.array([0.0, 1, 0, 1, 0, 1])
    eta = np.array([-4.0, -1, 0.3, 0.3, 2, 6])

    def log_likelihood(x):
        distribution = {"logit": stats.logistic, "probit": stats.norm}[link]
        return np.where(answers == 1, distribution.logcdf(x), distribution.logsf(x))

    found = curve(answers, eta, link)

    h = 1e-4
    slope = (log_likelihood(eta + h) - log_likelihood(eta - h)) / (2 * h)
    bend = (log_likelihood(eta + h) - 2 * log_likelihood(eta) + log_likelihood(eta - h)) / h**2
    both = [curve(np.full(6, said), eta, link).observed for said in (0.0, 1.0)]
    p = (special.expit if link == "logit" else special.ndtr)(eta)
    assert found.value == pytest.approx(log_likelihood(eta).sum())
    assert found.score == pytest.approx(slope, abs=1e-6)
    assert found.observed == pytest.approx(-bend, abs=1e-5)
    assert found.fisher == pytest.approx((1 - p) * both[0] + p * both[1], rel=1e-6)
    ahead, behind = (curve(answers, eta + side * h, link).fisher for side in (1, -1))
    assert found.fisher_slope == pytest.approx((ahead - behind) / (2 * h), abs=1e-6)


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
