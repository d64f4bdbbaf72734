"""Power from a pilot: the published formulas, simulation of studies, the planner."""

import numpy as np
import pytest
from scipy import stats

from analysis import mrmc
from analysis.planning import Assumptions, prospect, prospect_by_variances
from analysis.results import NotEstimable
from tests.analysis.mrmc.conftest import drawn


def test_two_treatments_have_the_power_of_hillis_obuchowski_and_berbaum():
    """Acad Radiol 2011;18:129: noncentrality and degrees of freedom."""
    table, truth = drawn(31, readers=5, cases=60)
    pilot = mrmc.obuchowski_rockette(table, truth)
    c, r, n, d = pilot.components, 8, 150, 0.06
    shared, scale = max(c.cov2 - c.cov3, 0), 60 / n
    interaction = max(c.ms_tr - c.var_e + c.cov1 + shared, 0)
    spread = interaction + scale * (c.var_e - c.cov1 + (r - 1) * shared)
    df = spread**2 / ((interaction + scale * (c.var_e - c.cov1 - shared)) ** 2 / (r - 1))
    theirs = stats.ncf.sf(stats.f.ppf(0.95, 1, df), 1, df, r * d**2 / 2 / spread)

    found = mrmc.power(mrmc.variances(pilot), readers=r, cases=n, difference=d)

    assert (found.power, found.df) == pytest.approx((theirs, df), rel=1e-9)
    assert found.se == pytest.approx(np.sqrt(2 / r * spread))


@pytest.mark.parametrize(("treatments", "seed"), [(1, 32), (2, 32), (2, 34)])
def test_a_study_of_the_pilots_size_is_expected_to_have_its_standard_error(treatments, seed):
    table, truth = drawn(seed, treatments=treatments, readers=5, cases=60)
    pilot = mrmc.obuchowski_rockette(table, truth)
    ours = pilot.differences[0, 1] if treatments == 2 else pilot.estimates[0]
    c = pilot.components
    own = c.var_e - (c.cov1 or 0) - max(c.cov2 - (c.cov3 or 0), 0)
    assert (c.ms_r if treatments == 1 else c.ms_tr) > own  # readers differ in the pilot

    found = mrmc.power(mrmc.variances(pilot), readers=5, cases=60, difference=0.1)

    assert (found.se, found.df) == pytest.approx((ours.se, ours.df), rel=1e-9)


def of_probits(rate, rater_sd, image_sd):
    """Return the variances of answers that a probit model with crossed effects draws."""
    spread = 1 + rater_sd**2 + image_sd**2
    bound = stats.norm.ppf(rate)

    def together(shared):
        share = shared / spread
        joint = stats.multivariate_normal([0, 0], [[1, share], [share, 1]])
        return joint.cdf([bound, bound]) - rate**2

    rater, image = together(rater_sd**2), together(image_sd**2)
    return mrmc.Variances(rater, image, rate * (1 - rate) - rater - image)


@pytest.mark.parametrize("readers", [3, 10, 20])
def test_equivalence_has_the_power_of_simulated_studies(readers):
    assumed = Assumptions(rate=0.5, margin=0.1, rater_sd=0.35, image_sd=0.5)

    found = prospect_by_variances(of_probits(0.5, 0.35, 0.5), readers, 140, assumed)

    simulated = prospect(readers, 140, assumed, simulations=600)
    assert found.equivalent == pytest.approx(simulated.equivalent, abs=0.05)
    assert found.half_width == pytest.approx(
        simulated.half_width, rel=0.6 / readers
    )  # of few, by the df


def test_a_difference_has_the_power_of_simulated_studies():
    assumed = Assumptions(rate=0.6, rater_sd=0.35, image_sd=0.5)

    found = prospect_by_variances(of_probits(0.6, 0.35, 0.5), 10, 100, assumed)

    simulated = prospect(10, 100, assumed, simulations=1200)
    assert found.different == pytest.approx(simulated.different, abs=0.05)


EXPECTED = mrmc.Variances(reader=0.01, case=0.05, reader_case=0.2)


def test_no_difference_is_found_as_often_as_the_test_errs():
    for scope in ("random", "fixed_readers", "fixed_cases"):
        found = mrmc.power(EXPECTED, readers=6, cases=80, difference=0, scope=scope, level=0.9)
        assert found.power == pytest.approx(0.1)


def test_the_scope_says_which_variances_count():
    sizes = {"readers": 6, "cases": 80, "difference": 0.1}

    ses = {
        scope: mrmc.power(EXPECTED, scope=scope, **sizes).se ** 2
        for scope in ("random", "fixed_readers", "fixed_cases")
    }

    own, image, rest = 0.01 / 6, 0.05 / 80, 0.2 / 480
    assert ses == pytest.approx(
        {
            "random": own + image + rest,
            "fixed_readers": image + rest,
            "fixed_cases": own + rest,
        }
    )
    known = mrmc.power(EXPECTED, scope="fixed_readers", **sizes)
    z, shift = stats.norm.ppf(0.975), 0.1 / known.se
    assert known.power == pytest.approx(stats.norm.sf(z - shift) + stats.norm.cdf(-z - shift))


@pytest.mark.parametrize("margin", [None, 0.2])
def test_the_smallest_study_has_the_power_and_the_next_smaller_has_not(margin):
    aim = {"difference": 0.1 if margin is None else 0.0, "margin": margin}

    by_readers = mrmc.fewest_readers(EXPECTED, cases=100, wanted=0.9, **aim)
    by_cases = mrmc.fewest_cases(EXPECTED, readers=20, wanted=0.9, **aim)

    for found, less in (
        (by_readers, {"readers": by_readers.readers - 1, "cases": 100}),
        (by_cases, {"readers": 20, "cases": by_cases.cases - 1}),
    ):
        smaller = mrmc.power(EXPECTED, **less, **aim)
        assert smaller.power < 0.9 <= found.power


def test_no_number_of_images_makes_up_for_too_few_raters():
    assert mrmc.fewest_cases(EXPECTED, readers=2, difference=0.1) is None
    assert mrmc.fewest_readers(EXPECTED, cases=4, difference=0.01, most=50) is None


def test_a_pilot_that_says_nothing_of_readers_is_refused():
    table, truth = drawn(33, readers=4)
    nested = table.copy()
    nested[0, 2:], nested[1, :2] = np.nan, np.nan

    with pytest.raises(NotEstimable, match="one reader"):
        mrmc.variances(mrmc.obuchowski_rockette(table[:, :1], truth))
    with pytest.raises(NotEstimable, match="both treatments"):
        mrmc.variances(mrmc.obuchowski_rockette(nested, truth))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"readers": 1}, "one reader says nothing"),
        ({"cases": 1}, "two cases"),
        ({"margin": 0.0}, "margin of 0"),
        ({"scope": "fixed"}, "'fixed' is unknown"),
    ],
)
def test_studies_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        mrmc.power(EXPECTED, **{"readers": 5, "cases": 50, "difference": 0.1, **options})
    with pytest.raises(ValueError, match="cannot be negative"):
        mrmc.Variances(-1, 0, 0)
