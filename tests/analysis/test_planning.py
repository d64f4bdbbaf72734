"""Planning: simulated studies, the command, the page."""

import csv
import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from analysis.planning import Assumptions, fewest_raters, prospect
from analysis.planning_report import plan, sentences


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
    prospects = plan([1, 3, 20, 30], [140], Assumptions(), simulations=200)

    assert fewest_raters(prospects, 0.8).raters == 20
    assert sentences(prospects, Assumptions(), 0.8)[0].startswith("20 raters of 140 AI images")
    few = [each for each in prospects if each.raters < 20]
    assert "None of these numbers of raters is enough" in sentences(few, Assumptions(), 0.8)[0]
    assert "Nothing follows for dermatologists" in sentences(few, Assumptions(), 0.8)[-1]


def test_the_command_prints_a_table_and_writes_table_and_figure(tmp_path):
    out = io.StringIO()
    sizes = ["--raters", "2", "4", "--images", "20", "--simulations", "20"]

    call_command("plan_study", *sizes, "--out", str(tmp_path / "plan"), stdout=out)

    rows = list(csv.DictReader((tmp_path / "plan" / "plan.csv").open()))
    assert [(row["raters"], row["images"]) for row in rows] == [("2", "20"), ("4", "20")]
    assert (tmp_path / "plan" / "power.png").read_bytes().startswith(b"\x89PNG")
    assert "One rater of 140 images" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--margin", "0.7"], "a margin of 0.7 makes no sense; choose between 0 and 0.5"),
        (["--rate", "2"], "a rate of 2 is no share"),
        (["--raters", "0"], "--raters 0 is too few"),
        (["--power", "1"], "a power of 1 is no probability"),
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
    client.logout()
    assert client.get(address).status_code == 302
