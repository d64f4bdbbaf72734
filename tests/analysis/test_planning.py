"""Planning: simulated studies, variances of pilots, the command, the page."""

import csv
import io
from functools import partial

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from scipy.stats import norm

from analysis import mrmc
from analysis.errors import TableRefused
from analysis.pilot import pilot_of_difference, pilot_of_rate
from analysis.planning import (
    Assumptions,
    fewest_images_alone,
    fewest_raters,
    prospect,
    prospect_by_variances,
    variances_of_difference,
)
from analysis.planning_report import plan, sentences
from analysis.table import read_answers, table_from_rows
from tests.analysis.conftest import rows_of


@pytest.mark.parametrize(("raters", "power"), [(3, 0.07), (10, 0.46), (20, 0.87)])
def test_power_is_that_of_an_independent_simulation(raters, power):
    """Expected: margin 0.10, rate 0.50, 140 images, SD 0.35 of readers, 0.5 of images."""
    assert prospect(raters, 140, simulations=600).equivalent == pytest.approx(power, abs=0.05)


def test_the_mean_rate_is_the_assumed_one_whatever_varies():
    assumed = Assumptions(rate=0.7, rater_sd=0.8, image_sd=0.6)

    sure = prospect(40, 200, assumed, simulations=100)

    assert sure.different == 1.0
    assert sure.equivalent == 0.0


def test_more_raters_and_images_make_surer():
    small, raters, both = (
        prospect(*size, simulations=200) for size in ((5, 70), (20, 70), (20, 280))
    )

    assert small.half_width > raters.half_width > both.half_width
    assert small.equivalent < raters.equivalent < both.equivalent


def test_a_plan_names_the_fewest_raters_or_says_that_none_are_enough():
    expect = partial(prospect, simulations=200)
    prospects = plan([1, 3, 20, 30], [140], expect)

    assert fewest_raters(prospects, 0.8).raters == 20
    said = sentences(prospects, Assumptions(), 0.8, expect)
    assert said[0].startswith("20 raters of 140 AI images each")
    few = sentences([each for each in prospects if each.raters < 20], Assumptions(), 0.8, expect)
    assert "None of these numbers of raters is enough" in few[0]
    for one_to_three in (said[1:], few[1:]):
        assert one_to_three[0].startswith("Two raters of 140 AI images each")
        assert "Nothing follows for dermatologists" in one_to_three[1]
        assert "it takes 214 AI images" in one_to_three[2]


def test_one_raters_equivalence_is_first_reached_where_the_exact_tests_say():
    """n = 214 for margin 0.10 and 80 %, with independent answers; the power is saw-toothed."""
    assert fewest_images_alone(Assumptions(), 0.8) == 214
    assert fewest_images_alone(Assumptions(rate=0.6), 0.8, most=300) is None


def read_by(raters, images, assumed, seed):
    """Return answers about two generators in a probit model, and whether each judged real."""
    rng = np.random.default_rng(seed)
    spread = 1 + assumed.rater_sd**2 + assumed.generator_sd**2 + assumed.image_sd**2
    means = norm.ppf([assumed.rate, assumed.rate + assumed.difference]) * np.sqrt(spread)
    latent = (
        means[:, None, None]
        + rng.normal(0, assumed.rater_sd, (1, raters, 1))
        + rng.normal(0, assumed.generator_sd, (2, raters, 1))
        + rng.normal(0, assumed.image_sd, (2, 1, images))
        + rng.normal(size=(2, raters, images))
    )
    return latent > 0


def test_a_difference_of_generators_has_the_power_of_simulated_studies():
    assumed = Assumptions(rate=0.4, difference=0.12, rater_sd=0.6, image_sd=0.5, generator_sd=0.3)
    studies = [read_by(8, 60, assumed, seed).astype(float) for seed in range(600)]

    found = prospect_by_variances(variances_of_difference(assumed), 8, 60, assumed)

    estimates = [mrmc.proportion_difference(second, first) for first, second in studies]
    assert found.chance == pytest.approx(
        np.mean([not one.low <= 0 <= one.high for one in estimates]), abs=0.06
    )
    assert found.half_width == pytest.approx(
        np.median([(one.high - one.low) / 2 for one in estimates]), rel=0.1
    )


def answers_of(judged_real):
    """Return the rows of a study in which each generator has images of its own."""
    return [
        {
            "rater": f"r{rater}",
            "image": f"{generator}{image}",
            "origin": "synthetic",
            "generator": generator,
            "entity": "nv",
            "answered_origin": "real" if judged_real[arm, rater, image] else "synthetic",
        }
        for arm, generator in enumerate("ab"[: len(judged_real)])
        for rater in range(judged_real.shape[1])
        for image in range(judged_real.shape[2])
    ]


def test_pilots_suggest_on_average_the_variances_that_they_were_drawn_from():
    """Equivalence then has the power of the independent simulation above."""
    assumed = Assumptions(difference=0.1, generator_sd=0.0)
    found = [
        pilot_of_rate(table_from_rows(answers_of(read_by(20, 60, assumed, seed)[:1]), "pilot"))
        for seed in range(40)
    ]

    assert found[0].words.startswith("Pilot pilot: 20 raters of 60 AI images, deception rate 0.")
    mean = mrmc.Variances(
        *(
            np.mean([getattr(each.variances, name) for each in found])
            for name in ("reader", "case", "reader_case")
        )
    )
    chances = [
        prospect_by_variances(mean, readers, 140, Assumptions()).chance for readers in (3, 10, 20)
    ]
    assert chances == pytest.approx([0.07, 0.46, 0.87], abs=0.06)


def test_a_pilots_own_size_is_expected_to_have_its_own_interval():
    judged = read_by(6, 50, Assumptions(difference=0.1, rater_sd=0.8, generator_sd=0.5), 3)
    real = [
        {**row, "image": f"real-{row['image']}", "origin": "real", "generator": ""}
        for row in answers_of(judged)
    ]
    both = table_from_rows([*answers_of(judged), *real], "pilot")
    assumed = Assumptions(difference=0.1)

    pilot = pilot_of_difference(both, ("b", "a"))
    found = prospect_by_variances(pilot.variances, 6, 50, assumed)

    own = mrmc.proportion_difference(*judged[::-1].astype(float))
    assert found.half_width == pytest.approx((own.high - own.low) / 2, rel=0.02)


@pytest.mark.parametrize(
    ("rows", "generators", "words"),
    [
        (rows_of(raters=1), None, "a pilot of one reader says nothing of how readers differ"),
        (rows_of(answered_origin=""), None, "nobody judged its synthetic images"),
        (rows_of(answered_origin="real"), None, "its answers do not vary"),
        (rows_of(), (), "its generators are g; a comparison takes two"),
        (rows_of(), ("g", "h"), "there is no generator 'h'; use two of g"),
    ],
)
def test_a_pilot_that_says_nothing_is_refused(rows, generators, words):
    table = table_from_rows(rows, "pilot.csv")

    with pytest.raises(TableRefused, match=rf"pilot\.csv: {words}"):
        pilot_of_rate(table) if generators is None else pilot_of_difference(
            table, generators or None
        )


def test_the_command_prints_a_table_and_writes_table_and_figure(tmp_path):
    out = io.StringIO()
    sizes = ["--raters", "2", "4", "--images", "20", "--simulations", "20"]

    call_command("plan_study", *sizes, "--out", str(tmp_path / "plan"), stdout=out)

    rows = list(csv.DictReader((tmp_path / "plan" / "plan.csv").open()))
    assert [(row["raters"], row["images"]) for row in rows] == [("2", "20"), ("4", "20")]
    assert (tmp_path / "plan" / "power.png").read_bytes().startswith(b"\x89PNG")
    assert "One rater of 140 images" in out.getvalue()


def test_the_command_follows_a_pilot_and_compares_its_generators(tmp_path):
    judged = read_by(6, 40, Assumptions(difference=0.1), 1)
    path, out = tmp_path / "pilot.csv", io.StringIO()
    with path.open("w") as file:
        writer = csv.DictWriter(file, answers_of(judged)[0])
        writer.writeheader()
        writer.writerows(answers_of(judged))
    pilot = pilot_of_difference(read_answers(path), ("b", "a"))
    given = ["--pilot", str(path), "--difference", "0.15", "--generators", "b", "a"]

    call_command("plan_study", "--raters", "4", "12", "--images", "90", *given, stdout=out)

    twelve = prospect_by_variances(pilot.variances, 12, 90, Assumptions(difference=0.15))
    assert pilot.words in out.getvalue()
    assert (
        f"    12         90  {twelve.half_width:>26.3f}  {twelve.chance:>20.2f}" in out.getvalue()
    )
    assert "AI images of either generator" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--margin", "0.7"], "a margin of 0.7 makes no sense; choose between 0 and 0.5"),
        (["--rate", "2"], "a rate of 2 is no share"),
        (["--raters", "0"], "--raters 0 is too few"),
        (["--power", "1"], "a power of 1 is no probability"),
        (["--difference", "0.6"], "a rate of 0.5 and a difference of 0.6 make no share"),
        (["--generators", "a", "b"], "give --pilot and --difference, too"),
    ],
)
def test_assumptions_that_make_no_sense_are_refused_in_one_line(words, said):
    with pytest.raises(CommandError, match=said):
        call_command("plan_study", *words)


def test_the_page_answers_a_coordinator_and_asks_others_to_log_in(client, admin_client):
    address = reverse("plan")
    wanted = {
        "images": 70, "margin": 0.1, "power": 0.8, "rate": 0.5, "rater_sd": 0.35, "image_sd": 0.5,
    }  # fmt: skip

    page = admin_client.get(address, wanted).content.decode()

    assert "AI images each" in page
    assert "data:image/png;base64," in page
    assert "no share" not in admin_client.get(address).content.decode()
    wrong = admin_client.get(address, wanted | {"margin": 3}).content.decode()
    assert "less than or equal to 0.49" in wrong
    compared = admin_client.get(address, wanted | {"difference": 0.2}).content.decode()
    assert "that two generators" in compared
    assert (
        "make no share" in admin_client.get(address, wanted | {"difference": 0.6}).content.decode()
    )
    client.logout()
    assert client.get(address).status_code == 302
