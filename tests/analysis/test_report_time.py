"""The chapter on time and order."""

import numpy as np
import pytest
from scipy import stats

from analysis.report import words
from analysis.report.chapters import response_time as chapter
from analysis.report.compute import find
from analysis.report.study import Context, study_of
from analysis.results import Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def found_in(rows):
    return chapter.find(study_of(table_from_rows(rows, "x"), Context()))


def in_random_order(rows, seed=1):
    rng = np.random.default_rng(seed)
    numbered = []
    for rater in dict.fromkeys(row["rater"] for row in rows):
        own = [row for row in rows if row["rater"] == rater]
        places = rng.permutation(len(own)) + 1
        numbered += [{**row, "trial": int(place)} for row, place in zip(own, places, strict=True)]
    return numbered


def text_of(found):
    section = chapter.show(found, None, {})
    return " ".join(sentence for block in section.blocks for sentence in block.text)


def test_times_by_origin_are_compared_within_raters_on_the_log_scale():
    rows = rows_of(raters=5)

    found = found_in(rows)

    gaps = []
    for rater in sorted({row["rater"] for row in rows}):
        logs = {
            origin: [
                np.log(row["response_ms"])
                for row in rows
                if row["rater"] == rater and row["origin"] == origin
            ]
            for origin in ("real", "synthetic")
        }
        gaps.append(np.mean(logs["synthetic"]) - np.mean(logs["real"]))
    assert found.by_origin.ratio.value == pytest.approx(np.exp(np.mean(gaps)))
    assert found.by_origin.test.p == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue)


def test_a_planted_slowness_at_wrong_answers_is_found():
    rows = [
        {
            **row,
            "response_ms": row["response_ms"]
            * (1 if row["answered_origin"] == row["origin"] else 3),
        }
        for row in rows_of(raters=6, images_per_cell=4)
    ]

    found = found_in(rows)

    assert found.by_right.ratio.value == pytest.approx(1 / 3, rel=0.2)
    assert found.by_right.test.p < 0.001


def test_exclusions_are_counted_and_pairs_without_answer_are_none_of_them():
    rows = rows_of(raters=3)
    rows[0] = {**rows[0], "response_ms": 100}
    rows[1] = {**rows[1], "response_ms": ""}
    rows[2] = {**rows[2], "response_ms": 300_001}
    rows[3] = {**rows[3], "hidden_ms": 1, "response_ms": 60_000}
    rows[4] = {**rows[4], "hidden_ms": 0}

    found = found_in(rows[:-4])

    assert vars(found.excluded) == {
        "missing": 1,
        "interrupted": 1,
        "too_fast": 1,
        "too_slow": 1,
    }
    assert (
        "1 answers given while the page was hidden for a time, 1 faster than 300 ms, 1 slower "
        "than 5 minutes, 1 without a time" in text_of(found)
    )
    logs = [
        np.mean([np.log(row["response_ms"]) for row in rows[first:last]])
        for first, last in ((4, 28), (28, 56), (56, 80))
    ]
    assert found.typical.value == pytest.approx(np.exp(np.mean(logs)))
    assert found.speed_accuracy.raters[0][0] == pytest.approx(np.exp(logs[0]))


def test_times_over_a_hidden_page_count_nowhere_in_the_report():
    rows = [{**row, "hidden_ms": 0} for row in rows_of(raters=3)]
    rows[0] = {**rows[0], "hidden_ms": 2000, "response_ms": 299_000}
    rows[1] = {**rows[1], "response_ms": 300_001}

    findings = find(table_from_rows(rows, "x"))

    assert (findings.interrupted, findings.too_slow, findings.too_fast) == (1, 1, 0)
    assert findings.times["all"].n == len(rows) - 2
    assert findings.raters[0].times.n == 28 - 2
    said = " ".join(words.notes(findings))
    assert "1 answers were given to a page that was hidden meanwhile" in said
    assert "1 answers took longer than 5 minutes" in said


def test_planted_learning_and_speeding_up_are_found():
    rng = np.random.default_rng(3)
    rows = []
    for row in in_random_order(rows_of(raters=6, images_per_cell=8)):
        right = rng.random() < 0.3 + 0.6 * row["trial"] / 112
        other = {"real": "synthetic", "synthetic": "real"}[row["origin"]]
        rows.append(
            {
                **row,
                "answered_origin": row["origin"] if right else other,
                "response_ms": round(9000 * 0.5 ** (row["trial"] / 100)),
            }
        )

    found = found_in(rows)

    assert found.drift.time.value == pytest.approx(0.5, rel=0.01)
    assert found.drift.accuracy.low > 0.2
    assert found.learning.ratio.low > 1
    assert found.learning.test.p < 0.001
    assert len(found.drift.blocks) == len(found.drift.time_blocks) == 6
    assert not found.same_order
    assert "orders of their own" in text_of(found)
    assert "raters learnt" in text_of(found)
    names = [d.name for b in chapter.show(found, None, {}).blocks for d in b.drawings]
    assert names == ["speed_accuracy", "accuracy_over_trials", "time_over_trials"]


def test_one_order_for_all_raters_is_pointed_out():
    rows = [{**row, "trial": i % 28 + 1} for i, row in enumerate(rows_of(raters=3))]

    found = found_in(rows)

    assert found.same_order
    assert "same order" in text_of(found)


def test_the_first_image_of_a_generator_is_compared_with_the_later_ones():
    rows = []
    for row in in_random_order(rows_of(raters=4)):
        trials = [
            other["trial"]
            for other in in_random_order(rows_of(raters=4))
            if other["rater"] == row["rater"] and other["origin"] == "synthetic"
        ]
        fooled = row["trial"] == min(trials)
        rows.append({**row, "answered_origin": "real" if fooled else "synthetic"})

    found = found_in(rows).encounters["g"]

    assert found.first.value == 1.0
    assert found.first.low < 0.7  # of four raters
    assert found.later.value == 0.0
    assert found.change.value == 1.0


def test_without_times_or_numbers_of_trials_nothing_or_a_sentence_is_said():
    rows = [{**row, "response_ms": ""} for row in rows_of()]

    assert found_in(rows) is None
    numbered = found_in(in_random_order(rows))
    assert isinstance(numbered.typical, Unknown)
    assert "There are no response times" in text_of(numbered)
    assert numbered.drift.blocks
    (table,) = (
        b.table
        for b in chapter.show(numbered, None, {}).blocks
        if b.table and b.table.name == "time"
    )
    assert [row[0] for row in table.rows] == [
        "Change of the share right by 100 trials",
        "Odds of being right (origin) 100 trials later, mixed model",
    ]


def test_one_rater_gets_no_interval_over_raters():
    found = found_in(in_random_order(rows_of(raters=1)))

    assert found.by_origin.test is None
    assert found.by_origin.ratio.low is None
    assert "One rater" in text_of(found)
    assert "no mixed model of learning: one rater" in text_of(found)
