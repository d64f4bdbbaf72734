"""The analysis of variance of readers against MRMCaov in R, number for number."""

import numpy as np
import pytest

from analysis import mrmc


def near(value, rel):
    return None if value is None else pytest.approx(value, rel=rel)


def assert_is_mrmcaov(found, figures, scope, rel):
    """Compare every number of an analysis in MRMCaov's layout."""
    inference, ours = found.inferences[scope], found.components
    components = [row["Estimate"] for row in figures["vcov_comps"] or []]
    if components:
        names = ["reader", "treatment_reader", "var_e", "cov1", "cov2", "cov3"]
        assert [getattr(ours, name) for name in names] == pytest.approx(components, rel=rel)
    equality = figures["test_equality"][0]
    for theirs, value in (
        ("MS(T)", ours.ms_t),
        ("MS(T:R)", ours.ms_tr),
        ("F", inference.test.statistic),
        ("X2", inference.test.statistic),
        ("df1", inference.test.df1),
        ("df2", inference.test.df2),
        ("p-value", inference.test.p),
    ):
        if theirs in equality:
            assert value == pytest.approx(equality[theirs], rel=rel), theirs
    for row in figures["test_diffs"]:
        pair = tuple(row["Comparison"].split(" - "))
        gap, test = inference.differences[pair], inference.difference_tests[pair]
        numbers = (gap.value, gap.se, gap.low, gap.high, test.p, test.statistic)
        keys = ("Estimate", "StdErr", "CI.Lower", "CI.Upper", "p-value")
        theirs = [row[key] for key in keys] + [row.get("t", row.get("z"))]
        assert numbers == pytest.approx(theirs, rel=rel)
        assert gap.df == test.df2 == near(row.get("df"), rel)
    for row in figures["test_means"]:
        mean, own = inference.estimates[row["row"]], found.by_treatment[row["row"]]
        assert (mean.value, mean.se, mean.low, mean.high) == pytest.approx(
            [row[key] for key in ("Estimate", "StdErr", "CI.Lower", "CI.Upper")], rel=rel
        )
        assert mean.df == near(row.get("df"), rel)
        for theirs, value in (("MS(R)", own.ms_r), ("Cov2", own.cov2), ("Var(Error)", own.var_e)):
            if theirs in row:
                assert value == pytest.approx(row[theirs], rel=rel), theirs


@pytest.mark.parametrize(
    ("name", "statistic", "covariance", "scope"),
    [
        ("auc_jackknife", "auc", "jackknife", "random"),
        ("auc_DeLong", "auc", "delong", "random"),
        ("auc_unbiased", "auc", "unbiased", "random"),
        ("auc_jackknife_fixed_readers", "auc", "jackknife", "fixed_readers"),
        ("auc_fixed_cases", "auc", "jackknife", "fixed_cases"),
        ("sens_ge3_jackknife", "sensitivity", "jackknife", "random"),
        ("spec_ge3_jackknife", "specificity", "jackknife", "random"),
    ],
)
def test_a_crossed_study_agrees_with_mrmcaov(
    expected, two_treatments, name, statistic, covariance, scope
):
    table, truth, treatments, readers = two_treatments
    ratings = table if statistic == "auc" else (table >= 3).astype(float)

    found = mrmc.obuchowski_rockette(
        ratings,
        truth,
        statistic=statistic,
        covariance=covariance,
        treatments=treatments,
        readers=readers,
    )

    figures = expected("mrmc/expected_sim_mrmc_dev.json")[name]
    assert_is_mrmcaov(found, figures, scope, 1e-10)
    for row in figures["auc"]:
        if statistic == "auc":
            own = found.reader_estimates[row["treatment"], row["reader"]]
            assert own.value == pytest.approx(row["empirical_auc"], rel=1e-10)


# These figures are printed with nine decimals.
@pytest.mark.parametrize(
    ("name", "covariance", "scope"),
    [
        ("mrmcaov_auc_by_generator_jackknife", "jackknife", "random"),
        ("mrmcaov_auc_by_generator_unbiased", "unbiased", "random"),
        ("mrmcaov_auc_by_generator_fixed_readers_jackknife", "jackknife", "fixed_readers"),
    ],
)
def test_generators_that_share_the_real_images_agree_with_mrmcaov(
    expected, two_generators, name, covariance, scope
):
    table, truth, treatments, readers = two_generators

    found = mrmc.obuchowski_rockette(
        table, truth, covariance=covariance, treatments=treatments, readers=readers
    )

    assert_is_mrmcaov(found, expected("simvtt/expected_sim_vtt_dev.json")[name], scope, 2e-5)


def test_recall_of_two_generators_has_no_covariance_between_them(expected, two_generators_answers):
    table, truth, treatments, _ = two_generators_answers
    figures = expected("simvtt/expected_sim_vtt_dev.json")["mrmcaov_sens_by_generator_jackknife"]

    found = mrmc.obuchowski_rockette(table, truth, statistic="sensitivity", treatments=treatments)

    assert_is_mrmcaov(found, figures, "random", 2e-5)
    own = found.by_treatment["genB"]
    fixed = found.inferences["fixed_readers"].estimates["genB"]
    assert own.cov2 < 0
    assert fixed.se == pytest.approx(np.sqrt(own.var_e / 5))
    assert (found.components.cov1, found.components.cov3) == (0, 0)
    assert found.design == "cases nested in treatments"
    assert any("Cov2 is below Cov3" in note for note in found.notes)
