"""The chapter on subgroups: interaction tests, adjusted p, and small cells."""

import numpy as np
import pytest

from analysis import mrmc
from analysis.proportions import benjamini_hochberg, holm
from analysis.report.chapters import subgroups as chapter
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
    blocks = chapter.show(found, None, {}).blocks
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
    rows = by_image(rows, "skin_tone", lambda n: ("-40", "28", "28.5", "60")[n])

    found = chapter.find(study_from(rows))

    assert [level.label for level in found.variables["age"].levels] == [
        "below 30",
        "30 to 49",
        "50 to 69",
        "70 and above",
    ]
    tones = [level.label.partition(" (")[0] for level in found.variables["skin_tone"].levels]
    assert tones == ["dark", "tan", "intermediate", "very light"]


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
