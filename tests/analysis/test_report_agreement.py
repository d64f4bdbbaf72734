"""The chapter on agreement: between raters, and of each with themselves."""

import numpy as np
import pytest

from analysis import agreement
from analysis.report.chapters import agreement as chapter
from analysis.report.study import Context, study_of
from analysis.results import Estimate, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def found_in(rows):
    return chapter.find(study_of(table_from_rows(rows, "x"), Context()))


def shown(found):
    return chapter.show(found, None, {})


def text_of(section):
    return " ".join(
        " ".join(block.text) + (block.table.note if block.table else "") for block in section.blocks
    )


def with_repeats(rows, images=2, change=lambda row: row):
    first = list({row["image"]: None for row in rows})[:images]
    again = [change({**row, "repeat": "true"}) for row in rows if row["image"] in first]
    return [*rows, *again]


def test_agreement_of_the_simulated_readers_is_that_of_the_pure_functions(data, simulated_readers):
    rows = data("simvtt/sim_vtt_dev.csv")
    readers, images = (sorted({row[name] for row in rows}) for name in ("reader", "image"))
    said = np.full((len(readers), len(images)), np.nan)
    rating = said.copy()
    for row in rows:
        place = readers.index(row["reader"]), images.index(row["image"])
        said[place], rating[place] = row["says_synthetic"], row["rating_1real_6synthetic"]

    found = chapter.find(study_of(simulated_readers, Context()))

    origin, ratings = found.between["origin"], found.between["rating"]
    assert origin.percent.value == agreement.percent_agreement(said).value
    assert origin.kappa == agreement.fleiss_kappa(said, (0, 1))
    assert origin.ac1 == agreement.gwet_ac1(said, (0, 1))
    assert origin.alpha.value == pytest.approx(agreement.krippendorff_alpha(said).value)
    assert ratings.alpha.value == agreement.krippendorff_alpha(rating, "ordinal").value
    assert ratings.ac1 == agreement.gwet_ac2(rating, categories=(1, 2, 3, 4, 5, 6))
    assert ratings.icc.value == agreement.icc_2_1(rating).value
    assert all(number.low < number.value < number.high for number in (origin.ac1, origin.alpha))
    assert not found.within
    assert "No image was shown twice" in text_of(shown(found))


def test_repeats_are_compared_with_the_first_showing_of_the_same_rater():
    turn = {"real": "synthetic", "synthetic": "real"}

    def change(row):
        if row["rater"] != "r1":
            return row
        return {**row, "answered_origin": turn[row["answered_origin"]]}

    found = found_in(with_repeats(rows_of(), 4, change))

    assert found.raters == ("r0", "r1", "r2")
    assert [one.n for one in found.within["origin"].raters] == [4, 4, 4]
    assert [one.same.value for one in found.within["origin"].raters] == [1.0, 0.0, 1.0]
    assert found.within["origin"].same.value == pytest.approx(2 / 3)
    assert found.within["rating"].raters[0].icc.value == 1.0
    assert found.repeats == 12


def test_what_is_practice_or_shown_a_third_time_is_no_repeat():
    rows = rows_of(raters=2)
    third = [{**row, "repeat": "true", "trial": 99} for row in rows[:3]]
    practice = [{**row, "repeat": "true", "practice": "true"} for row in rows[:3]]
    second = [{**row, "repeat": "true", "trial": 50, "answered_origin": "real"} for row in rows[:3]]

    found = found_in([*rows, *third, *practice, *second])

    assert found.repeats == 3
    same = [row["answered_origin"] == "real" for row in rows[:3]]
    assert found.within["origin"].raters[0].same.value == pytest.approx(np.mean(same))


def test_one_rater_agrees_with_nobody_but_may_repeat():
    found = found_in(with_repeats(rows_of(raters=1)))

    assert isinstance(found.between["origin"].percent, Unknown)
    assert isinstance(found.within["origin"].raters[0].same, Estimate)
    assert "there is nobody to agree with" in text_of(shown(found))


def test_raters_who_all_say_the_same_agree_fully_and_have_no_kappa():
    found = found_in(rows_of(answered_origin="real"))

    origin = found.between["origin"]
    assert origin.percent.value == 1.0
    assert origin.percent.low < 0.95
    assert all(isinstance(one, Unknown) for one in (origin.alpha, origin.kappa))
    assert "100 % agreement" in text_of(shown(found))


def test_without_answers_to_a_question_it_is_left_out():
    rows = [{**row, "answered_origin": "", "rating": ""} for row in rows_of()]

    assert set(found_in(rows).between) == {"entity"}
