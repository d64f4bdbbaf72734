"""The study commands: from a catalogue to a closed study, and one clear line for what is wrong."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evaluation.models import Answer, Study
from evaluation.studies import get_study


def said(*words, **options):
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_a_study_can_be_run_from_the_command_line(real_images, synthetic_images, tmp_path):
    created = said(
        "create_study", "pilot", "--dataset", real_images.name, "--generator", "made",
        "--per-cell", "1", "--entity", "mel", "--entity", "nv", "--seal", "a test",
    )  # fmt: skip
    invited = said("invite_rater", "pilot", "--label", "Dr A", "--site", "https://example.org/")
    closed = said("close_study", "pilot", "--reason", "pilot")

    assert "4 images drawn" in created
    assert re.search(r"https://example\.org/\w+/[\w-]{32}", invited)
    assert "manage.py report pilot" in closed
    assert get_study("pilot").state == Study.State.CLOSED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["create_study", "new", "--dataset", "nowhere", "--generator", "made"],
            "dataset 'nowhere' does not exist; there are: ",
        ),
        (
            ["create_study", "pilot", "--dataset", "DATASET", "--generator", "made"],
            "a study 'pilot' exists already; choose another name",
        ),
        (
            ["create_study", "new", "--dataset", "DATASET", "--generator", "other"],
            "generator 'other' has made no images; there are images by: made",
        ),
        (
            ["create_study", "new", "--dataset", "DATASET", "--generator", "made",
             "--entity", "flu"],
            "entity 'flu' is unknown",
        ),
        (
            ["create_study", "new", "--dataset", "DATASET", "--generator", "made",
             "--per-cell", "0"],
            "images_per_cell: Ensure this value is greater than or equal to 1",
        ),
        (
            ["create_study", "No Slug", "--dataset", "DATASET", "--generator", "made"],
            "slug: Enter a valid",
        ),
        (["seal_study", "nothing"], "study 'nothing' does not exist; there are: pilot"),
        (["invite_rater", "nothing"], "study 'nothing' does not exist"),
        (["invite_rater", "pilot"], "study 'pilot' is draft; raters can be invited while"),
        (["simulate_raters", "pilot"], "study 'pilot' is draft; raters can be invited while"),
        (["simulate_raters", "pilot", "--raters", "0"], "--raters must be 1 or more"),
        (["close_study", "nothing"], "study 'nothing' does not exist"),
        (["close_study", "pilot"], "study 'pilot' is draft; it cannot be closed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_made(draft, words, message):
    words = [draft.dataset.name if word == "DATASET" else word for word in words]

    with pytest.raises(CommandError, match=message) as failure:
        said(*words)

    assert "\n" not in str(failure.value)
    assert failure.value.returncode == 1
    assert list(Study.objects.values_list("slug", "sealed_at")) == [("pilot", None)]


def test_a_coordinators_name_that_is_taken_is_refused(db):
    password = said("create_account", "anna").split()[-1]

    assert len(password) >= 16
    with pytest.raises(CommandError, match="an account 'anna' exists already"):
        said("create_account", "anna")


def test_simulated_raters_read_a_whole_study_and_differ(sealed):
    text = said("simulate_raters", "pilot", "--raters", "3", "--skill", "2")

    assert text == "study 'pilot': read by 3 simulated raters\n"
    raters = sealed.raters.all()
    assert {rater.kind for rater in raters} == {"simulated"}
    assert [rater.about["role"] for rater in raters.order_by("reading_list")] == [
        *("dermatologist", "resident", "dermatologist")
    ]
    assert all(rater.about["years_dermatology"] >= 0 for rater in raters)
    answers = [
        list(
            Answer.objects.filter(trial__session__rater=rater)
            .order_by("trial__stimulus__number")
            .values_list("origin", "confidence")
        )
        for rater in raters
    ]
    assert [len(each) for each in answers] == [28] * 3
    assert answers[0] != answers[1] != answers[2]
