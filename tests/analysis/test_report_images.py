"""The chapters on images, and on how robust the main rates are."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from analysis import bootstrap, mrmc
from analysis.report.build import write_report
from analysis.report.chapters import images as chapter
from analysis.report.chapters import robustness
from analysis.report.grids import judged_real
from analysis.report.study import Context, study_of
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def study_from(rows, **context):
    return study_of(table_from_rows(rows, "x"), Context(**context))


def text_of(section):
    return " ".join(sentence for block in section.blocks for sentence in block.text)


def test_counts_of_images_are_those_of_the_answers():
    rows = rows_of(raters=4)

    found = chapter.find(study_from(rows))

    for one in found.images:
        own = [row for row in rows if row["image"] == one.image]
        assert one.raters == 4
        assert one.judged_real == sum(row["answered_origin"] == "real" for row in own)
        assert one.right_entity == sum(row["answered_entity"] == row["entity"] for row in own)
    for origin in ("real", "synthetic"):
        expected = [0] * 5
        for one in found.images:
            expected[one.judged_real] += one.origin == origin
        assert found.histogram.counts[origin] == tuple(expected)


def test_chance_is_binomial_where_raters_are_alike():
    rows = rows_of(raters=4, images_per_cell=4)
    said = {"r0": 0, "r1": 1, "r2": 0, "r3": 1}  # each judges every second image real
    number = {name: i for i, name in enumerate(dict.fromkeys(row["image"] for row in rows))}
    rows = [
        {
            **row,
            "answered_origin": "real"
            if (number[row["image"]] + said[row["rater"]]) % 2
            else "synthetic",
        }
        for row in rows
    ]

    found = chapter.find(study_from(rows))

    binomial = 28 * stats.binom.pmf(range(5), 4, 0.5)
    assert found.histogram.expected["synthetic"] == pytest.approx(binomial)
    assert found.fooled_all.expected == pytest.approx(28 / 16)
    assert found.histogram.expected_spread["real"] == pytest.approx(0.25)
    assert found.histogram.spread["real"] == 0.0  # each image: two raters of four


def test_expected_counts_add_up_with_answers_missing_and_many_raters():
    rows = [row for i, row in enumerate(rows_of(raters=30)) if i % 5]

    histogram = chapter.find(study_from(rows)).histogram

    for origin in ("real", "synthetic"):
        assert sum(histogram.expected[origin]) == pytest.approx(14)
        assert sum(histogram.counts[origin]) == 14


def test_images_that_fooled_all_and_none_are_found_and_named():
    planted = {"synthetic-mel-0": "real", "synthetic-nv-1": "synthetic", "real-df-0": "synthetic"}
    rows = []
    for i, row in enumerate(rows_of(raters=4)):
        mixed = "real" if i % 2 else "synthetic"
        if row["rater"] in ("r2", "r3"):
            mixed = {"r2": "real", "r3": "synthetic"}[row["rater"]]
        rows.append({**row, "answered_origin": planted.get(row["image"], mixed)})

    found = chapter.find(study_from(rows))

    assert found.fooled_all.images == ("synthetic-mel-0",)
    assert found.fooled_none.images == ("synthetic-nv-1",)
    assert found.real_doubted_by_all.images == ("real-df-0",)
    assert "synthetic-mel-0" in text_of(chapter.show(found, None, {}))


def test_two_raters_fool_nobody_into_saying_all():
    found = chapter.find(study_from(rows_of(raters=2, answered_origin="real")))

    assert found.fooled_all.images == ()


def test_pictures_stand_in_the_page_and_in_the_folder_and_not_in_the_numbers(tmp_path):
    asked = []

    def pictures(names):
        asked.extend(names)
        return {name: b"\xff\xd8 a picture" for name in names if "df" not in name}

    table = table_from_rows(rows_of(raters=3, answered_origin="real"), "x")

    folder = write_report(table, tmp_path / "r", context=Context(pictures=pictures)).folder

    assert len(asked) == 14
    page, numbers = (folder / "index.html").read_text(), (folder / "report.json").read_text()
    assert len(re.findall(r'<img src="data:image/jpeg;base64,', page)) == 12
    files = sorted(path.name for path in (folder / "images").iterdir())
    assert len(files) == 12
    assert (folder / "images" / files[0]).read_bytes() == b"\xff\xd8 a picture"
    assert {f"images/{name}" for name in files} < set(json.loads(numbers)["files"])
    assert "pictures" not in numbers
    assert "synthetic-df-0" in page  # named, since there is no picture of it


def test_without_answers_on_origin_there_is_no_chapter_and_one_rater_no_histogram():
    rows = [{**row, "answered_origin": ""} for row in rows_of()]

    assert chapter.find(study_from(rows)) is None
    alone = chapter.find(study_from(rows_of(raters=1)))
    assert alone.histogram is None
    assert "One rater" in text_of(chapter.show(alone, None, {}))


def test_leaving_raters_out_and_the_bootstrap_agree_with_the_pure_functions(simulated_readers):
    study = study_of(simulated_readers, Context(seed=7))
    said = judged_real(study)[:, study.grid.synthetic]

    found = robustness.find(study)

    rate = found.rates["deception_rate"]
    assert rate.all_raters == mrmc.proportion(said)
    strata = study.grid.entity[study.grid.synthetic]
    assert rate.two_way == bootstrap.proportion(said, strata, seed=7).estimate
    assert rate.two_way.value == pytest.approx(rate.all_raters.value)
    without = {
        name: mrmc.proportion(np.delete(said, i, axis=0))
        for i, name in enumerate(study.grid.raters)
    }
    assert rate.lowest.rate == min(without.values(), key=lambda one: one.value)
    assert rate.highest.rate == max(without.values(), key=lambda one: one.value)
    assert found.without == pytest.approx({name: one.value for name, one in without.items()})


def test_with_two_raters_none_is_left_out_and_with_one_nothing_is_drawn():
    two, one = (robustness.find(study_from(rows_of(raters=n))) for n in (2, 1))

    assert two.without == {}
    assert two.rates["deception_rate"].lowest is None
    assert "two of each are needed" in one.rates["deception_rate"].two_way.reason
    assert "Fewer than three raters" in text_of(robustness.show(one, None, {}))


def test_constant_answers_have_no_bootstrap_interval():
    found = robustness.find(study_from(rows_of(raters=4, answered_origin="real")))

    assert found.rates["deception_rate"].two_way.low is None
