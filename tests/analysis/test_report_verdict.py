"""The report on real against synthetic: its numbers against R's, its verdicts, its refusals."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from analysis.equivalence import DIFFERENT, EQUIVALENT, INCONCLUSIVE
from analysis.report.cells import Printed
from analysis.report.chapters.verdict import NO_VERDICT
from analysis.report.compute import find
from analysis.report.contents import contents
from analysis.report.headline import LEANING, headline, verdict
from analysis.report.study import Context
from analysis.results import Estimate, Unknown
from analysis.table import DEFAULT_ENTITIES, table_from_rows
from tests.analysis.conftest import rows_of

OURS = ("verdict", "sensitivity", "generators", "hype", "ai")


@pytest.fixture
def undrawn(monkeypatch):
    """Make figures, but write none: that takes seconds each."""

    def write(figure, out, format="svg", **_):
        out.write("<svg></svg>" if format == "svg" else b"png")

    monkeypatch.setattr(Figure, "savefig", write)


@pytest.fixture(scope="module")
def sim(simulated_readers):
    return find(simulated_readers, Context(margin=0.1)).chapters


def study(raters, images, judged_real, seed=0, **fixed):
    """Return rows of raters who call synthetic and real images real at two rates."""
    rng = np.random.default_rng(seed)
    return [
        {
            "rater": f"r{rater:02}",
            "image": f"{origin}-{k}",
            "origin": origin,
            "entity": DEFAULT_ENTITIES[k % 7],
            "generator": "g" if origin == "synthetic" else "",
            "answered_origin": "real" if rng.random() < rate else "synthetic",
            **fixed,
        }
        for rater in range(raters)
        for origin, rate in zip(("synthetic", "real"), judged_real, strict=True)
        for k in range(images)
    ]


def found(rows, margin=0.1):
    return find(table_from_rows(rows, "x"), Context(margin=margin))


def test_generators_agree_with_mrmcaov(sim, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")
    seen = figures["mrmcaov_sens_by_generator_jackknife"]
    equal = seen["test_equality"][0]
    (rates,) = sim["generators"].deception_rate.pairs

    assert rates.difference.value == pytest.approx(-0.2, rel=1e-12)
    assert rates.difference.df == pytest.approx(equal["df2"], rel=1e-8)
    assert rates.p == rates.p_holm == pytest.approx(equal["p-value"], rel=1e-6)
    assert sim["generators"].deception_rate.design == "cases nested in treatments"
    # R's jackknife of one generator counts the images of both: (N - 1) / N differs a little.
    for row in seen["test_means"]:
        rate = sim["generators"].deception_rate.by_generator[row["row"]].estimate
        half = stats.t.ppf(0.975, rate.df) * rate.se
        assert rate.value - half == pytest.approx(1 - row["CI.Upper"], abs=1e-5)
        assert rate.value + half == pytest.approx(1 - row["CI.Lower"], abs=1e-5)

    areas = figures["mrmcaov_auc_by_generator_unbiased"]
    (difference,) = sim["generators"].auc.pairs
    assert difference.difference.value == pytest.approx(
        areas["test_diffs"][0]["Estimate"], rel=1e-8
    )
    # DeLong's covariances, which the report uses throughout, differ from the unbiased ones by 1/n.
    assert difference.p == pytest.approx(areas["test_equality"][0]["p-value"], rel=0.01)


def test_the_mean_sensitivity_and_each_raters_are_those_of_r(sim, expected):
    figures = expected("simvtt/expected_sim_vtt_dev.json")["per_reader"]
    ours = sim["sensitivity"]

    for rater, theirs in zip(ours.raters, figures, strict=True):
        assert rater.d_prime.value == pytest.approx(theirs["dprime_loglinear"], rel=1e-8)
        assert rater.criterion.value == pytest.approx(theirs["c_loglinear"], rel=1e-8)
        assert rater.log_beta.value == pytest.approx(
            theirs["dprime_loglinear"] * theirs["c_loglinear"], rel=1e-7
        )
        assert rater.hits == theirs["hits"] / theirs["n_synth"]
    assert ours.d_prime.value == pytest.approx(
        np.mean([row["dprime_loglinear"] for row in figures]), rel=1e-8
    )
    assert ours.log_beta.low < ours.log_beta.value < ours.log_beta.high
    # The fitted areas are near the empirical ones.
    for rater, theirs in zip(ours.ratings, figures, strict=True):
        assert rater.fit.a_z.value == pytest.approx(theirs["auc_rating"], abs=0.03)


def test_variance_is_taken_apart_without_rest(sim):
    parts = sim["verdict"].variances["deception_rate"]
    rate = sim["verdict"].measures["deception_rate"].estimate

    assert parts.variance == pytest.approx(rate.se**2, rel=1e-9)
    assert parts.between_raters + parts.between_images + parts.rest == pytest.approx(parts.variance)
    assert parts.effective_n == pytest.approx(rate.value * (1 - rate.value) / rate.se**2)
    assert parts.effective_n < parts.answers == 350


def test_raters_fixed_or_images_fixed_is_another_question(sim):
    views = sim["verdict"].inferences["deception_rate"]

    mean = sim["verdict"].measures["deception_rate"].estimate
    assert views["random"].df == mean.df
    assert (views["random"].low, views["random"].high) == pytest.approx((mean.low, mean.high))
    assert views["fixed_readers"].se < views["random"].se
    assert views["fixed_cases"].df == 4


def test_many_raters_who_guess_are_equivalent_to_chance_and_few_are_not():
    rows = study(14, 100, (0.5, 0.5))

    many, few = found(rows), found([row for row in rows if row["rater"] in ("r00", "r01", "r02")])

    judged = many.chapters["verdict"].measures
    assert judged["deception_rate"].verdict == judged["balanced_accuracy"].verdict == EQUIVALENT
    assert headline(many).endswith(": equivalent to chance within ±10 percentage points.")
    assert few.chapters["verdict"].measures["deception_rate"].verdict == INCONCLUSIVE
    assert headline(few).endswith(": inconclusive.")


def test_without_a_margin_there_is_no_word_of_equivalence(undrawn):
    none = found(study(14, 100, (0.5, 0.5)), margin=None)

    page = contents(none)

    assert headline(none).endswith(": inconclusive.")
    assert "No margin of equivalence was fixed before the data" in verdict(none)
    chapter = next(section for section in page.sections if section.key == "verdict")
    cells = [cell for b in chapter.blocks if b.table for row in b.table.rows for cell in row]
    assert not [cell for cell in cells if isinstance(cell, str) and cell.startswith("equivalent")]
    assert none.chapters["verdict"].enough is None


def test_a_leaning_towards_one_answer_is_not_taken_for_seeing(undrawn):
    leaning = found(study(8, 60, (0.85, 0.85)))

    assert leaning.chapters["verdict"].measures["deception_rate"].verdict == DIFFERENT
    assert f"{LEANING} “real”." in headline(leaning)
    assert "whatever they see" in verdict(leaning)
    assert "istinguishable" not in headline(leaning)


def test_a_rate_of_one_half_does_not_hide_that_images_are_told_apart():
    apart = found(study(14, 100, (0.5, 0.9)))

    assert headline(apart).endswith(
        "equivalent to chance within ±10 percentage points, and yet told apart better than by "
        "chance."
    )


def test_one_rater_is_judged_exactly_and_named_as_this_rater():
    one = found(study(1, 400, (0.5, 0.5)))

    judged = one.chapters["verdict"].measures["deception_rate"]
    assert judged.equivalence.method.startswith("exact TOST")
    assert judged.verdict == EQUIVALENT
    assert "; for this rater: equivalent to chance" in headline(one)
    assert isinstance(one.chapters["verdict"].planned, Unknown)
    assert isinstance(one.chapters["verdict"].inferences["deception_rate"]["random"], Unknown)


def test_the_other_way_round_is_said(undrawn):
    assert "wrong way round" in headline(found(study(8, 60, (0.8, 0.3))))


def test_pairs_are_judged_as_pairs(undrawn):
    rows = [row for row in study(6, 80, (0.3, 0.5), beside="p") if row["origin"] == "synthetic"]

    pairs = found(rows)

    chapter = pairs.chapters["sensitivity"]
    assert set(pairs.chapters["verdict"].measures) == {"deception_rate"}
    assert headline(pairs).endswith(": distinguishable.")
    share = 1 - pairs.chapters["verdict"].measures["deception_rate"].estimate.value
    assert chapter.found.value == pytest.approx(share)
    first = next(one for one in chapter.pairs if one.rater == "r00")
    corrected = (first.found.value * 80 + 0.5) / 81
    assert first.d_prime.value == pytest.approx(np.sqrt(2) * stats.norm.ppf(corrected))
    assert chapter.pair_d_prime.value == pytest.approx(
        np.mean([one.d_prime.value for one in chapter.pairs])
    )
    assert "hype" not in pairs.chapters
    text = " ".join(t for s in contents(pairs).sections for b in s.blocks for t in b.text)
    assert "d′ = √2 z(share found)" in text
    assert "There are no real images" not in text


def test_where_the_time_followed_the_answers_there_is_a_threshold_and_no_verdict():
    rows = [
        {**row, "trial": k, "block": 1, "exposure_ms": (400, 430, 400)[k % 3]}
        for k, row in enumerate(study(3, 30, (0.3, 0.4)))
    ]

    timed = found(rows)

    assert {one.verdict for one in timed.chapters["verdict"].measures.values()} == {NO_VERDICT}
    assert verdict(timed).startswith("No verdict")
    assert "—" not in headline(timed)
    assert timed.chapters["hype"].time.modal.value == 400


def test_an_ai_is_compared_on_the_same_images_and_refused_on_others():
    people = rows_of(raters=4, images_per_cell=3)
    ai = [
        {**row, "rater": "net", "rater_kind": "ai"} for row in rows_of(raters=1, images_per_cell=3)
    ]

    same, other = found([*people, *ai]), found([*people, *ai[:-2]])

    compared = same.chapters["ai"].compared["net"]
    measures = {"accuracy", "deception_rate", "false_alarm_rate", "auc", "entity_accuracy"}
    assert set(compared) == measures
    assert compared["accuracy"].ai.value == pytest.approx(
        np.mean([row["origin"] == row["answered_origin"] for row in ai])
    )
    assert compared["accuracy"].raters.low == pytest.approx(same.origin.accuracy.low)
    # The first rater's answers are the AI's own.
    assert compared["accuracy"].by_rater["r0"].value == 0
    assert compared["accuracy"].tests["r0"].p == 1
    other_rater = compared["accuracy"].by_rater["r1"]
    assert other_rater.low < other_rater.value < other_rater.high
    refused = other.chapters["ai"].compared["net"]["accuracy"]
    assert "2 that it has not" in refused.reason
    assert "ai" not in found(people).chapters


def test_small_cells_have_counts_only_and_p_is_adjusted_for_the_rest():
    rows = [
        {
            **row,
            "generator": ("a", "b")[int(row["image"].split("-")[-1]) % 2]
            if row["origin"] == "synthetic"
            else "",
        }
        for row in study(4, 84, (0.2, 0.5))
        if row["entity"] != "mel" or int(row["image"].split("-")[-1]) < 40
    ]

    cells = found(rows).chapters["generators"].cells

    small = [cell for cell in cells if cell.images < 5]
    large = [cell for cell in cells if cell.images >= 5]
    assert small
    assert all(isinstance(cell.rate, Unknown) and cell.p is None for cell in small)
    assert all(cell.answers == 4 * cell.images for cell in cells)
    ps, adjusted = ([getattr(cell, name) for cell in large] for name in ("p", "p_adjusted"))
    assert adjusted == pytest.approx(stats.false_discovery_control(ps))


def test_every_figure_stands_with_its_numbers_in_words(undrawn, simulated_readers):
    page = contents(find(simulated_readers, Context(margin=0.1)))

    drawn = 0
    for section in page.sections:
        if section.key not in OURS:
            continue
        names = [drawing.name for b in section.blocks for drawing in b.drawings]
        drawn += len(names)
        assert [b for b in section.blocks if b.table]
        for block in section.blocks:
            for drawing in block.drawings:
                assert len(drawing.caption) > 30
                assert len(drawing.alt) > 20
    assert drawn >= 9
    assert [section.key for section in page.sections][:3] == ["study", "verdict", "origin"]


def test_files_have_all_digits_of_what_prints_short(undrawn, simulated_readers):
    page = contents(find(simulated_readers, Context(margin=0.1)))
    table = next(table for table in page.tables if table.name == "verdict")

    line = next(row for row in table.to_csv().splitlines() if row.startswith("Deception rate,"))

    p = next(cell for cell in table.rows[0] if isinstance(cell, Printed)).value
    assert str(p) in line
    assert re.search(r"0\.1636\d{10}", line)  # the 90 % interval


@pytest.mark.parametrize("margin", [None, 0.1])
def test_raters_who_never_err_get_no_interval_without_width(undrawn, margin):
    perfect = found(study(3, 20, (0.0, 1.0), rating=1), margin)

    page = contents(perfect)
    printed = " ".join(
        f"{cell} {interval}"
        for table in page.tables
        for row in table.printed_rows
        for cell, interval, _ in row.cells
    )

    assert headline(perfect).endswith(": distinguishable.")
    assert not re.search(r"1\.00 \(1\.00|0\.00 \(0\.00 to 0\.00|\bnan\b", printed)
    rate = perfect.chapters["verdict"].measures["deception_rate"].estimate
    assert isinstance(rate, Estimate)
    assert rate.high > 0.05
