"""The chapter on subgroups: interaction tests, adjusted p, and small cells."""

import numpy as np
import pytest

from analysis import mrmc
from analysis.proportions import benjamini_hochberg, holm
from analysis.report.chapters import subgroups as chapter
from analysis.report.chapters import subgroups_page
from analysis.report.grids import judged_real
from analysis.report.study import Context, study_of
from analysis.results import Estimate, Test, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def study_from(rows):
    return study_of(table_from_rows(rows, "x"), Context())


def by_image(rows, column, value):
    """Give each image a property by its number within its cell."""
    return [{**row, column: value(int(row["image"].rpartition("-")[2]))} for row in rows]


def text_of(found):
    blocks = subgroups_page.show(found, None, {}).blocks
    return " ".join(
        " ".join(block.text) + (f" {block.table.note}" if block.table else "") for block in blocks
    )


def test_rates_tests_and_adjustments_are_those_of_the_pure_functions(simulated_readers):
    study = study_of(simulated_readers, Context())

    found = chapter.find(study)

    said, grid = judged_real(study), study.grid
    entity = found.variables["entity"]
    for level in entity.levels:
        own = grid.synthetic & (grid.entity == level.label)
        assert level.deception_rate == mrmc.proportion(said[:, own])
        others = grid.synthetic & (grid.entity != level.label)
        gap = mrmc.proportion_difference(said[:, own], said[:, others])
        assert level.difference == gap
    assert [one.adjusted for one in entity.levels] == holm([one.p for one in entity.levels])
    table = np.full((7, *said.shape), np.nan)
    for i, level in enumerate(entity.levels):
        own = grid.synthetic & (grid.entity == level.label)
        table[i][:, own] = said[:, own]
    test = mrmc.obuchowski_rockette(table, grid.synthetic, statistic="proportion").headline.test
    assert entity.equal.test.p == pytest.approx(test.p)
    assert isinstance(entity.interaction.test, Test)
    recognised = found.recognised
    assert [one.adjusted for one in recognised] == holm([one.p for one in recognised])
    assert any(isinstance(one.difference, Estimate) for one in recognised)


def test_a_planted_interaction_is_found_and_a_variable_without_one_is_not():
    rng = np.random.default_rng(5)
    rows = by_image(
        rows_of(raters=6, images_per_cell=8), "sex", lambda n: ("male", "female")[n % 2]
    )
    rows = by_image(rows, "site", lambda n: ("back", "face")[n // 2 % 2])
    other = {"real": "synthetic", "synthetic": "real"}
    planted = []
    for row in rows:
        right = rng.random() < (0.95 if row["sex"] == "male" else 0.5)
        answer = row["origin"] if right else other[row["origin"]]
        planted.append({**row, "answered_origin": answer})

    found = chapter.find(study_from(planted))

    sex, site = found.variables["sex"], found.variables["site"]
    assert sex.interaction.test.p < 0.001
    assert site.interaction.test.p > 0.05
    raw = [sex.interaction.test.p, site.interaction.test.p]
    adjusted = [sex.interaction.adjusted, site.interaction.adjusted]
    assert adjusted == pytest.approx(benjamini_hochberg(raw))
    assert {level.label for level in sex.levels if level.told_apart.value > 0.8} == {"male"}


def test_below_five_images_or_three_raters_there_are_counts_only():
    few_images = chapter.find(study_from(rows_of(raters=4, images_per_cell=4)))
    few_raters = chapter.find(study_from(rows_of(raters=2, images_per_cell=6)))

    for found in (few_images, few_raters):
        level = found.variables["entity"].levels[0]
        assert isinstance(level.deception_rate, Unknown)
        assert isinstance(level.difference, Unknown)
        assert level.judged_real[1] == level.synthetic * level.raters
        assert "counts only" in text_of(found)


def test_what_the_table_lacks_is_named():
    found = chapter.find(study_from(rows_of()))

    assert set(found.missing) == {"skin_tone", "sex", "age", "site"}
    said = text_of(found)
    assert "skin tone, sex, age and site" in said
    assert "does not say how experienced raters are" in said


def test_ages_and_angles_of_skin_tone_are_put_into_bands():
    rows = by_image(rows_of(images_per_cell=4), "age", lambda n: (29, 30, 69.5, 70)[n])
    rows = by_image(rows, "skin_tone", lambda n: ("-40", "27.5", "28", "60")[n])

    found = chapter.find(study_from(rows))

    assert [level.label for level in found.variables["age"].levels] == [
        "below 30",
        "30 to 49",
        "50 to 69",
        "70 and above",
    ]
    assert [level.label for level in found.variables["skin_tone"].levels] == [
        "dark (ITA below −30°)",
        "tan (10° to 28°)",
        "intermediate (28° to 41°)",
        "very light (from 55°)",
    ]


def test_skin_tones_in_words_or_steps_stay_as_they_are():
    rows = by_image(rows_of(), "skin_tone", lambda n: ("2", "5")[n])

    levels = chapter.find(study_from(rows)).variables["skin_tone"].levels

    assert [level.label for level in levels] == ["2", "5"]


def test_images_of_which_a_property_is_unknown_are_counted():
    rows = by_image(rows_of(images_per_cell=3), "sex", lambda n: ("male", "female", "")[n])

    assert chapter.find(study_from(rows)).variables["sex"].unknown == 14


def test_constant_answers_allow_no_test_and_no_interval_of_no_width():
    found = chapter.find(study_from(rows_of(raters=4, images_per_cell=6, answered_origin="real")))

    entity = found.variables["entity"]
    for level in entity.levels:
        assert level.deception_rate.low < level.deception_rate.value
        assert level.p is None
    assert entity.equal.test.p == 1.0


def by_rater(rows, column, value):
    """Give each rater a property by their number."""
    return [{**row, column: value(int(row["rater"][1:]))} for row in rows]


def with_skill(rows, skill, seed=3):
    """Let raters tell origin with a probability of their own."""
    rng = np.random.default_rng(seed)
    other = {"real": "synthetic", "synthetic": "real"}
    answers = (
        row["origin"] if rng.random() < skill(int(row["rater"][1:])) else other[row["origin"]]
        for row in rows
    )
    return [{**row, "answered_origin": said} for row, said in zip(rows, answers, strict=True)]


def test_groups_of_raters_have_mrmc_intervals_and_the_nested_test_of_the_pure_function():
    rows = rows_of(raters=9, images_per_cell=3)
    rows = by_rater(rows, "rater_experience", lambda n: (1, 2, 5, 5.5, 20)[n % 5])
    rows = by_rater(rows, "rater_role", lambda n: ("student", "dermatologist", "")[n % 3])
    rows = by_image(rows, "sex", lambda n: ("male", "female")[n % 2])
    rows = with_skill(rows, lambda n: 0.95 if n % 3 else 0.55)

    study = study_from(rows)
    found = chapter.find(study)

    said, synthetic = judged_real(study), study.grid.synthetic
    role = found.raters["rater_role"]
    assert [(one.label, one.raters) for one in role.levels] == [
        ("dermatologist", 3),
        ("student", 3),
    ]
    assert role.unknown == 3
    own = [1, 4, 7], [0, 3, 6]
    for level, these in zip(role.levels, own, strict=True):
        assert level.deception_rate == mrmc.proportion(said[these][:, synthetic])
        assert level.told_apart == mrmc.balanced_accuracy(1 - said[these], synthetic)
        assert level.judged_real == (said[these][:, synthetic].sum(), 3 * 21)
    nested = np.full((2, *said.shape), np.nan)
    for i, these in enumerate(own):
        nested[i, these] = 1 - said[these]
    whole = nested[:, [0, 1, 3, 4, 6, 7]]
    by_hand = mrmc.obuchowski_rockette(whole, synthetic, covariance="delong")
    assert by_hand.design == "readers nested in treatments"
    assert role.interaction.test == by_hand.headline.test
    assert role.interaction.test.p < 0.01
    experience = found.raters["rater_experience"]
    assert [(one.label, one.raters) for one in experience.levels] == [
        ("below 2 years", 2),
        ("2 to 5 years", 4),
        ("more than 5 years", 3),
    ]
    assert isinstance(experience.levels[0].deception_rate, Unknown)  # two raters: counts only
    assert experience.levels[0].judged_real[1] == 2 * 21
    assert experience.equal.test.df1 == 1  # of the two groups that are large enough
    assert found.raters_missing == ("rater_dermoscopy",)


def test_groups_of_raters_are_adjusted_together_with_other_exploratory_groups():
    rows = by_image(rows_of(raters=6, images_per_cell=10), "sex", lambda n: "mf"[n % 2])
    rows = by_rater(rows, "rater_role", lambda n: ("resident", "student")[n % 2])
    rows = by_rater(rows, "rater_dermoscopy", lambda n: (0, 9)[n // 3])

    found = chapter.find(study_from(rows))

    for of_images, of_raters in (("equal", "equal"), ("interaction", "interaction")):
        tests = [getattr(found.variables["sex"], of_images)]
        tests += [getattr(found.raters[name], of_raters) for name in found.raters]
        assert len(tests) == 3
        adjusted = benjamini_hochberg([one.test.p for one in tests])
        assert [one.adjusted for one in tests] == pytest.approx(adjusted)
    entity = [one.entity for one in found.raters.values()]
    assert [one.adjusted for one in entity] == pytest.approx(
        benjamini_hochberg([one.test.p for one in entity])
    )
    tables = {b.table.name: b.table for b in subgroups_page.show(found, None, {}).blocks if b.table}
    groups = tables["subgroups_raters"].to_csv().splitlines()
    assert groups[0].startswith("variable,group,raters,counts,deception_rate,deception_rate_low")
    assert [line.split(",")[:3] for line in groups[1:]] == [
        ["Role", "resident", "3"],
        ["Role", "student", "3"],
        ["Years of dermoscopy", "below 2 years", "3"],
        ["Years of dermoscopy", "more than 5 years", "3"],
    ]
    assert len(tables["subgroup_tests_raters"].rows) == 2


def test_ai_raters_are_in_no_group_and_codes_are_no_years():
    rows = by_rater(rows_of(raters=8), "rater_role", lambda n: ("resident", "student")[n % 2])
    rows = by_rater(rows, "rater_kind", lambda n: "ai" if n > 5 else "human")
    rows = by_rater(rows, "rater_experience", lambda n: (-1, 3, 99)[n % 3])
    machines = by_rater(rows_of(raters=4), "rater_role", lambda n: ("resident", "student")[n % 2])

    found = chapter.find(study_from(rows))
    none = chapter.find(study_from([{**row, "rater_kind": "ai"} for row in machines]))

    assert [one.raters for one in found.raters["rater_role"].levels] == [3, 3]
    assert found.raters["rater_role"].unknown == 0
    assert [one.label for one in found.raters["rater_experience"].levels] == ["-1", "3", "99"]
    assert not none.raters
