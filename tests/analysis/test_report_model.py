"""The chapter on the mixed model: what moves an answer."""

import numpy as np
import pytest

from analysis.mixed_model import crossed_logistic, likelihood_ratio, population_rate
from analysis.report.chapters import model as chapter
from analysis.report.study import Context, study_of
from analysis.results import Estimate, Unknown
from analysis.table import table_from_rows
from tests.analysis.conftest import rows_of


def found_in(rows):
    return chapter.find(study_of(table_from_rows(rows, "x"), Context()))


@pytest.fixture(scope="module")
def simulated(simulated_readers):
    return chapter.find(study_of(simulated_readers, Context()))


def test_odds_ratios_rates_and_tests_are_those_of_the_models_fitted_by_hand(
    simulated, simulated_readers
):
    table = simulated_readers
    said = table.text("answered_origin") == "real"
    columns = {
        "one": np.ones(len(table)),
        "origin": (table.text("origin") == "synthetic") - 0.5,
        "genB": table.text("generator") == "genB",
        **{name: table.text("entity") == name for name in table.entities[1:]},
    }

    def fit(names):
        return crossed_logistic(
            said,
            np.stack([columns[name] for name in names], axis=1).astype(float),
            table.text("rater"),
            table.text("image"),
            names=names,
            slope="origin",
        )

    whole = fit(list(columns))
    without = fit([name for name in columns if name != "genB"])
    ratios = {term.name: term.odds_ratio for term in simulated.terms}
    assert ratios["synthetic"].value == pytest.approx(whole.odds_ratios["origin"].value, rel=1e-4)
    assert ratios["generator: genB"].low == pytest.approx(whole.odds_ratios["genB"].low, rel=1e-3)
    expected = likelihood_ratio(without, whole)
    assert simulated.tests["generator"].p == pytest.approx(expected.p, rel=1e-3)
    assert simulated.tests["generator"].df1 == 1
    assert simulated.tests["entity by origin"].df1 == len(table.entities) - 1
    rows = [
        [1, -0.5, 0, *(float(name == other) for other in table.entities[1:])]
        for name in table.entities
    ]
    images = {
        name: entity
        for name, entity, origin in zip(
            table.text("image"), table.text("entity"), table.text("origin"), strict=True
        )
        if origin == "real"
    }
    weights = [list(images.values()).count(name) for name in table.entities]
    rate = population_rate(whole, rows, weights=weights)
    assert simulated.rates["real"].value == pytest.approx(rate.value, rel=1e-4)


def test_the_origin_effect_is_near_that_of_lme4(simulated_readers, expected):
    """Without entities and generators the model is that of glmer, but for the slope of raters."""
    theirs = expected("simvtt/expected_sim_vtt_dev.json")["glmer_says_synth_on_is_synth"]["fixef"]
    rows = [
        {
            "rater": rater,
            "image": image,
            "origin": origin,
            "entity": "nv",
            "answered_origin": said,
        }
        for rater, image, origin, said in zip(
            *(
                simulated_readers.text(name)
                for name in ("rater", "image", "origin", "answered_origin")
            ),
            strict=True,
        )
    ]

    found = found_in(rows)

    (origin,) = found.terms
    assert np.log(origin.odds_ratio.value) == pytest.approx(-theirs[1]["estimate"], rel=0.05)
    assert found.rates["real"].value > found.rates["synthetic"].value
    assert isinstance(found.tests["generator"], Unknown)


def test_population_rates_are_the_shares_observed(simulated, simulated_readers):
    origin, said = (simulated_readers.text(name) for name in ("origin", "answered_origin"))
    for name in ("real", "synthetic"):
        share = (said[origin == name] == "real").mean()
        assert simulated.rates[name].value == pytest.approx(share, abs=0.01)


def test_perfect_separation_is_penalised_and_finite():
    rows = [{**row, "answered_origin": row["origin"]} for row in rows_of(raters=5)]

    found = found_in(rows)

    assert found.penalised
    assert all(np.isfinite(term.odds_ratio.high) for term in found.terms)
    assert isinstance(found.tests["generator"], Unknown)
    text = " ".join(chapter.show(found, None, {}).blocks[0].text)
    assert "Penalised" in text


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (rows_of(raters=1), "one rater"),
        (rows_of(answered_origin="real"), "every answer is the same"),
        (rows_of()[:1], "one rater"),
    ],
)
def test_what_allows_no_model_says_why(rows, reason):
    found = found_in(rows)

    assert reason in found.reason
    assert reason in chapter.show(found, None, {}).blocks[0].text[0]


def test_with_few_images_of_an_entity_the_interaction_is_not_tested():
    found = found_in(rows_of(raters=4, images_per_cell=2))

    assert "fewer than 5 images" in found.tests["entity by origin"].reason
    assert found.fixed_raters


def test_without_questions_of_origin_the_right_entity_is_modelled():
    rows = [{**row, "answered_origin": "", "rating": ""} for row in rows_of(raters=3)]

    found = found_in(rows)

    assert found.answer == "entity"
    assert isinstance(found.terms[0].odds_ratio, Estimate)


def test_rates_for_ranking_are_drawn_together_and_seldom_read_images_more():
    rows = [
        row
        for row in rows_of(raters=8, images_per_cell=6, seed=4)
        if row["image"] != "synthetic-mel-0" or row["rater"] in ("r0", "r1")
    ]
    for row in rows:
        if row["image"] in ("synthetic-mel-0", "synthetic-mel-1"):
            row["answered_origin"] = "real"
        elif row["rater"] == "r5":
            row["answered_origin"] = "synthetic"
        row["generator"] = row["generator"] and f"g{int(row['image'][-1]) % 2}"

    found = found_in(rows)

    ranking = found.ranking
    raters = {one.names[0]: one for one in ranking["raters"]}
    assert len(raters) == 8
    assert raters["r5"].rank == raters["r5"].raw_rank == 8
    assert raters["r5"].raw < raters["r5"].shrunken < np.mean([one.raw for one in raters.values()])
    images = {one.names[0]: one for one in ranking["images"]}
    assert all(name.startswith("synthetic") for name in images)
    seldom, often = images["synthetic-mel-0"], images["synthetic-mel-1"]
    assert (seldom.answers, often.answers) == (2, 8)
    assert seldom.raw == often.raw == 1.0
    assert seldom.shrunken < often.shrunken < 1
    assert (seldom.raw_rank, often.raw_rank, often.rank) == (1, 1, 1)
    assert seldom.rank > 1
    cells = {one.names: one for one in ranking["cells"]}
    assert len(cells) == 14
    assert cells["g1", "mel"].answers == 3 * 8
    spread = [
        np.std([getattr(one, name) for one in cells.values()]) for name in ("raw", "shrunken")
    ]
    assert 0 < spread[1] < spread[0]


def test_ranks_stand_in_tables_and_those_of_images_in_a_file_only(simulated):
    blocks = chapter.show(simulated, None, {}).blocks

    shown = {block.table.name: block.table for block in blocks if block.table}
    files = {table.name: table for block in blocks for table in block.data}
    header = shown["model_ranks_cells"].to_csv().splitlines()[0]
    assert header == "rank,generator,entity,answers,shrunken,raw,raw_rank"
    assert len(shown["model_ranks_cells"].rows) == 14
    assert len(shown["model_ranks_raters"].rows) == 5
    assert "model_ranks_images" in files
    assert len(files["model_ranks_images"].rows) == 70


def test_fixed_raters_are_not_ranked():
    found = found_in(rows_of(raters=3, images_per_cell=3))

    assert set(found.ranking) == {"cells", "images"}
    said = " ".join(text for block in chapter.show(found, None, {}).blocks for text in block.text)
    assert "Fixed raters are not shrunken, nor ranked." in said
