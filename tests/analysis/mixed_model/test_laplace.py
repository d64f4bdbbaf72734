"""The likelihood of a crossed model, against a dense computation and slopes by differences."""

import numpy as np
import pytest
from scipy import special, stats

from analysis.mixed_model.laplace import CrossedLikelihood, Factor, curve
from tests.analysis.mixed_model.conftest import answers_of


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
