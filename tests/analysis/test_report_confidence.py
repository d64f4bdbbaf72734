"""The chapter on confidence: calibration, and insight into being right."""

import numpy as np
import pytest

from analysis import calibration
from analysis.report.chapters import confidence as chapter
from analysis.report.study import Context, study_of
from analysis.results import Estimate, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def found_in(rows):
    return chapter.find(study_of(table_from_rows(rows, "x"), Context()))


def columns_of(rows, origin=None):
    chosen = [row for row in rows if origin in (None, row["origin"])]
    sure = np.array([row["entity_confidence"] for row in chosen], dtype=float)
    right = np.array([row["answered_entity"] == row["entity"] for row in chosen], dtype=float)
    return sure, right


def test_scores_are_those_of_the_pure_functions_by_origin():
    rows = rows_of(raters=4, images_per_cell=3)

    found = found_in(rows)

    for subset, origin in (("all", None), ("real", "real"), ("synthetic", "synthetic")):
        sure, right = columns_of(rows, origin)
        one = found.entity[subset]
        assert one.brier.score.value == pytest.approx(((sure - right) ** 2).mean())
        assert one.overconfidence.value == pytest.approx((sure - right).mean())
        assert one.error.value == pytest.approx(calibration.calibration_error(sure, right).value)
        assert sum(step.right.n for step in one.curve) == len(sure)
    own = found.raters[1]
    sure, right = columns_of([row for row in rows if row["rater"] == "r1"])
    assert own.type_2_auc.value == pytest.approx(calibration.type_2_auc(sure, right).value)
    section = chapter.show(found, None, {})
    assert {block.table.name for block in section.blocks if block.table} >= {
        "calibration",
        "reliability",
        "raters_confidence",
    }


def test_surer_ratings_that_are_right_give_an_area_above_one_half():
    rows = []
    for row in rows_of(raters=4, images_per_cell=3):
        right = row["answered_origin"] == row["origin"]
        step = 2 if right else 0  # 1 and 6 where right, 3 and 4 where wrong
        rating = 4 + step if row["answered_origin"] == "synthetic" else 3 - step
        rows.append({**row, "rating": rating})

    found = found_in(rows)

    assert found.origin_type_2_auc.value == 1.0
    assert found.origin_type_2_auc.low is None  # all raters alike: no interval of no width


def test_ratings_that_do_not_follow_the_answers_have_no_middle():
    assert "do not follow" in found_in(rows_of()).origin_type_2_auc.reason


def test_without_any_confidence_the_chapter_says_so():
    rows = [{**row, "entity_confidence": ""} for row in rows_of()]

    found = found_in(rows)

    assert not found.entity
    assert "no probability" in chapter.show(found, None, {}).blocks[0].text[0]
    assert found_in([{**row, "rating": ""} for row in rows]) is None


def test_raters_who_are_always_right_have_no_type_2_auc():
    rows = [{**row, "answered_entity": row["entity"]} for row in rows_of()]

    found = found_in(rows)

    assert isinstance(found.entity["all"].type_2_auc, Unknown)
    assert isinstance(found.entity["all"].overconfidence, Estimate)
    assert found.entity["all"].overconfidence.value < 0
