"""The report's numbers: the published figures to the digit, scikit-learn's, and R's."""

import pytest

from analysis.report.build import write_report
from analysis.report.compute import find
from analysis.table import table_from_rows
from tests.analysis.conftest import Page, rows_of


@pytest.fixture(scope="module")
def published_page(published, tmp_path_factory):
    return Page(write_report(published("B"), tmp_path_factory.mktemp("b") / "report").folder)


NAMES = [
    "Melanoma",
    "Nevus",
    "Actinic keratosis",
    "Benign keratosis",
    "Basal cell carcinoma",
    "Dermatofibroma",
    "Vascular lesion",
]


@pytest.mark.parametrize("letter", ["A", "B"])
def test_the_published_table_is_printed_to_the_digit(page_of, published, expected, letter):
    figures = expected("seed002/published_figures.json")

    page = page_of(published(letter))

    derm, report = figures["dermatologist_all_140"], page.table("report_entity_all")
    assert [report[name][0] for name in NAMES] == derm["precision"]
    assert [report[name][1] for name in NAMES] == derm["recall"]
    assert [report[name][2] for name in NAMES] == derm["f1"]
    assert [report[name][3] for name in NAMES] == ["20"] * 7
    assert report["Accuracy"][2] == derm["accuracy"]
    assert report["Macro average"][:3] == derm["macro"]
    assert report["Weighted average"][:3] == derm["weighted"]

    origin, told = figures["origin"], page.table("report_origin")
    assert told["real"][:2] == [origin["precision_original"], origin["recall_original"]]
    assert told["synthetic"][:2] == [origin["precision_synthetic"], origin["recall_synthetic"]]
    assert told["Accuracy"][2] == origin["accuracy"]
    assert told["Macro average"][2] == origin["macro_f1"]
    assert told["Weighted average"][2] == origin["weighted_f1"]

    for ours, theirs in (("synthetic", "subset_synthetic"), ("real", "subset_original")):
        subset, report = figures[theirs], page.table(f"report_entity_{ours}")
        assert report["Accuracy"][2] == subset["accuracy"]
        assert report["Weighted average"][2] == subset["weighted_f1"]
        # With equal supports (A) macro F1 is the weighted one, unlike in the paper.
        macro = subset["macro_f1"] if letter == "B" else subset["weighted_f1"]
        assert report["Macro average"][2] == macro


def test_the_published_study_gets_what_it_lacked(published_page):
    page = published_page

    assert "took 1 of 70 AI-generated images for real: 1%" in page.text
    assert "One reader: results apply to this reader" in page.text
    assert "; for this rater: distinguishable." in page.text
    assert "p = 1.9 × 10⁻⁹" in page.text
    measures = page.table("measures")
    assert measures["Entity accuracy, all images"][0] == "0.64 (0.56 to 0.72)"
    assert measures["Entity accuracy, synthetic images"][0] == "0.89 (0.79 to 0.94)"
    assert measures["Entity accuracy, real images"][0] == "0.40 (0.29 to 0.52)"
    assert measures["Origin accuracy, all images"][0] == "0.96 (0.92 to 0.98)"
    assert page.table("raters_origin")["dermatologist"][4].startswith("3.56")


@pytest.mark.parametrize("letter", ["A", "B"])
def test_every_figure_agrees_with_scikit_learn_in_all_digits(published, expected, letter):
    figures = expected(f"seed002/expected_{letter}.json")

    found = find(published(letter))

    for ours, theirs in (("all", "all"), ("real", "original"), ("synthetic", "synthetic")):
        entity = found.entity[ours]
        assert (
            entity.confusion.counts.tolist()
            == (figures[f"entity_{theirs}_confusion_rows_true_cols_pred"])
        )
        for line in entity.report.lines:
            figure = figures[f"entity_{theirs}"][line.label]
            assert (line.precision, line.recall, line.f1) == pytest.approx(
                [figure[key] for key in ("precision", "recall", "f1-score")], rel=1e-12
            )
    for one in found.entity["all"].discrimination:
        assert one.area.value == pytest.approx(
            figures["entity_all_one_vs_rest_auc_from_hard_labels"][one.positive], rel=1e-12
        )
    assert found.origin.confusion.counts.tolist() == [[66, 4], [1, 69]]
    assert found.detection.area.value == pytest.approx(figures["origin_auc_from_hard_labels"])


def test_from_plain_labels_there_is_a_point_and_no_curve(published_page, published):
    page, found = published_page, find(published("B"))

    assert not found.detection.curves
    assert [(p.rater, round(p.hit, 4)) for p in found.detection.points] == [
        ("dermatologist", 0.9857)
    ]
    assert "Balanced accuracy (one operating point)" in page.text
    assert "AUC" not in page.text
    assert 'id="figure-operating_points_origin"' in page.html
    assert "figure-roc" not in page.html


def test_each_reader_agrees_with_r(simulated_readers, expected):
    figures = {
        row["reader"]: row for row in expected("simvtt/expected_sim_vtt_dev.json")["per_reader"]
    }

    found = find(simulated_readers)

    assert len(found.raters) == len(figures)
    for rater in found.raters:
        figure = figures[rater.rater]
        for ours, theirs in (
            ("d_prime", "dprime_loglinear"),
            ("criterion", "c_loglinear"),
            ("auc", "auc_rating"),
            ("deception_rate", "deception_rate"),
            ("origin_accuracy", "accuracy"),
        ):
            assert getattr(rater, ours).value == pytest.approx(figure[theirs], rel=1e-8)


def test_several_raters_get_one_curve_each_their_average_and_the_mean_area(
    readers_page, simulated_readers, expected
):
    figure = expected("simvtt/expected_sim_vtt_dev.json")["imrmc_overall_auc"][0]

    page, found = readers_page, find(simulated_readers)

    assert found.detection.area.value == pytest.approx(figure["AUCA"], rel=1e-8)
    assert len(found.detection.curves) == 5
    assert found.origin.deception_rate.df is not None
    assert "All raters are simulated" in page.text
    assert "On average, 5 simulated raters took" in page.text
    assert set(page.table("generators")) >= {"genA", "genB"}
    assert 'id="figure-roc_origin"' in page.html
    assert 'id="figure-response_times"' in page.html


def test_with_confidence_entities_get_curves_and_the_rule_is_printed(page_of):
    table = table_from_rows(rows_of(), "x")

    page, found = page_of(table), find(table)

    assert all(one.graded and one.curves for one in found.entity["real"].discrimination)
    assert "(1 − c) / 6 for the others" in page.text
    assert page.table("entity_auc")


def test_the_confidence_rule_scores_the_chosen_entity_and_shares_the_rest():
    rows = [
        {
            "rater": "r",
            "image": str(i),
            "origin": "real",
            "entity": truth,
            "answered_entity": said,
            "entity_confidence": confidence,
        }
        for i, (truth, said, confidence) in enumerate(
            [
                ("mel", "mel", 0.9),
                ("mel", "nv", 0.4),
                ("nv", "nv", 0.8),
                ("nv", "mel", 0.6),
            ]
        )
    ]  # with two entities the scores for mel are 0.9, 0.6, 0.2, 0.6

    found = find(table_from_rows(rows, "x"))

    mel = found.entity["all"].discrimination[0]
    assert mel.area.value == pytest.approx((1 + 1 + 1 + 0.5) / 4)
