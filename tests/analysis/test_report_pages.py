"""The coordinator's page of a report, from sealed to closed."""

import json
import zipfile
from html import unescape
from io import BytesIO, StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image, ImageStat

from analysis.closed_study import closed_study, pictures_of
from analysis.pilot import pilot_of_rate
from analysis.planning import Assumptions, prospect_by_variances
from evaluation.closing import close_study
from evaluation.errors import StillBlinded
from evaluation.invitations import invite_rater
from evaluation.models import Dataset, Rater
from evaluation.simulated import Skill, read_study


@pytest.fixture
def coordinator(db, client):
    user = User.objects.create_user("coordinator", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_study"))
    client.force_login(user)
    return client


@pytest.fixture
def closed(sealed, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    for seed in range(2):
        invitation = invite_rater(sealed, kind=Rater.Kind.SIMULATED)
        read_study(invitation.rater.sessions.get(), Skill(), seed=seed)
    close_study(sealed)
    return sealed


def test_a_study_that_is_open_shows_no_number(coordinator, sealed):
    for address in ("", "report.zip", "report.json"):
        response = coordinator.get(f"/reports/{sealed.slug}/{address}")

        assert response.status_code == 409
        assert "Still blinded" in response.content.decode()


def test_a_closed_study_shows_its_report_under_a_policy_of_its_own(
    coordinator, closed, monkeypatch
):
    response = coordinator.get(f"/reports/{closed.slug}/")

    assert response.status_code == 200
    assert "On average, 2 simulated raters took" in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policy
    assert "script" not in policy

    monkeypatch.setattr("analysis.views.write_report", lambda *_, **__: pytest.fail("built again"))
    assert coordinator.get(f"/reports/{closed.slug}/").content == response.content


def test_the_report_lists_all_entities_of_the_study_in_its_order(coordinator, closed):
    numbers = b"".join(coordinator.get(f"/reports/{closed.slug}/report.json").streaming_content)

    assert json.loads(numbers)["findings"]["facts"]["entities"] == closed.entities


def test_the_margin_of_the_sealed_study_is_that_of_its_report(
    coordinator, sealed_with, settings, tmp_path
):
    settings.VAR_DIR = tmp_path
    study = sealed_with(margin="0.15")
    rater = invite_rater(study, kind=Rater.Kind.SIMULATED).rater
    read_study(rater.sessions.get(), Skill(), seed=1)
    close_study(study)

    page = page_of(coordinator, study)

    assert "Up to 15 percentage points from chance still counts as guessing" in page


def test_a_report_on_phantoms_says_so_on_its_page_and_in_its_numbers(coordinator, closed):
    assert ("phantoms stand in" in page_of(coordinator, closed)) == closed.dataset.phantom
    Dataset.objects.update(phantom=not closed.dataset.phantom)

    assert ("phantoms stand in" in page_of(coordinator, closed)) != closed.dataset.phantom


@pytest.mark.parametrize(
    ("settings_of_study", "words"),
    [
        (
            {"pairs": True, "questions": ["side", "confidence"]},
            "Raters saw pairs of a photograph and an AI image",
        ),
        (
            {"questions": ["origin"], "exposure_ms": 300, "staircase": True},
            "300 ms at first, longer after an error",
        ),
        ({"exposure_ms": 250}, "Each image was shown for 250 ms only."),
    ],
)
def test_how_images_were_shown_stands_above_the_numbers(
    coordinator, sealed_with, settings, tmp_path, settings_of_study, words
):
    settings.VAR_DIR = tmp_path
    study = sealed_with(images_per_cell=2, **settings_of_study)
    for seed in range(3):
        rater = invite_rater(study, kind=Rater.Kind.SIMULATED).rater
        read_study(rater.sessions.get(), Skill(), seed=seed)
    close_study(study)

    page = page_of(coordinator, study)

    assert words in page
    assert "On average, 3 simulated raters took" in page


def page_of(client, study) -> str:
    return client.get(f"/reports/{study.slug}/").content.decode()


def test_the_archive_and_the_linked_files_are_the_report_and_nothing_else(coordinator, closed):
    address = f"/reports/{closed.slug}/"

    archive = b"".join(coordinator.get(f"{address}report.zip").streaming_content)
    numbers = b"".join(coordinator.get(f"{address}report.json").streaming_content)

    with zipfile.ZipFile(BytesIO(archive)) as packed:
        folder = f"{closed.slug}-report"
        assert packed.read(f"{folder}/report.json") == numbers
        assert packed.read(f"{folder}/index.html") == coordinator.get(address).content
    for name in ("../../secret_key", "nothing.csv", "tables", "%2e%2e/%2e%2e/secret_key"):
        assert coordinator.get(f"{address}{name}").status_code == 404


def test_a_closed_study_is_the_pilot_of_a_plan_for_those_who_may_read_it(coordinator, closed):
    address, given = reverse("plan"), {"pilot": closed.slug}

    page = unescape(coordinator.get(address, given).content.decode())
    without = unescape(coordinator.get(address, {**given, "difference": 0.1}).content.decode())

    pilot = pilot_of_rate(closed_study(closed.slug))
    fifteen = prospect_by_variances(pilot.variances, 15, 70, Assumptions())
    assert pilot.words in page
    assert f"<td>15</td><td>70</td><td>{fifteen.half_width:.3f}</td>" in page
    assert "its generators are made; a comparison takes two" in without
    coordinator.force_login(User.objects.create_user("helper", is_staff=True))
    assert f">{closed.title}</option>" not in coordinator.get(address).content.decode()
    assert "Select a valid choice" in coordinator.get(address, given).content.decode()


def test_an_unknown_study_is_not_found(coordinator):
    assert coordinator.get("/reports/nothing/").status_code == 404


def test_nobody_but_coordinators_reads_reports(db, client):
    assert client.get("/reports/pilot/").status_code == 302
    client.force_login(User.objects.create_user("rater", password="x"))
    assert client.get("/reports/pilot/").status_code == 302
    client.force_login(User.objects.create_user("clerk", password="x", is_staff=True))
    assert client.get("/reports/pilot/").status_code == 403


def test_the_command_writes_the_report_of_a_closed_study(closed, tmp_path):
    said = StringIO()

    call_command("report", closed.slug, out=tmp_path / "out", stdout=said)

    assert "simulated raters" in (tmp_path / "out" / "index.html").read_text()
    assert "index.html" in said.getvalue()


def test_the_command_refuses_open_and_unknown_studies(sealed, tmp_path):
    with pytest.raises(CommandError, match="still blinded; close it first"):
        call_command("report", sealed.slug, out=tmp_path / "out")
    with pytest.raises(CommandError, match="'nothing' does not exist"):
        call_command("report", "nothing", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pictures_of_a_closed_study_are_what_raters_saw_and_none_of_a_blinded_one(
    sealed, settings, tmp_path
):
    names = list(sealed.stimuli.order_by("number").values_list("truth__name", flat=True).distinct())
    with pytest.raises(StillBlinded):
        pictures_of(sealed.slug)(names)
    invitation = invite_rater(sealed, kind=Rater.Kind.SIMULATED)
    read_study(invitation.rater.sessions.get(), Skill(), seed=0)
    close_study(sealed)
    gone = sealed.stimuli.get(truth__name=names[1])
    gone.file.storage.delete(gone.file.name)

    found = pictures_of(sealed.slug)(names[:3])

    assert set(found) == {names[0], names[2]}
    seen = sealed.stimuli.get(truth__name=names[0])
    with Image.open(BytesIO(found[names[0]])) as small, Image.open(seen.file.open()) as stimulus:
        assert (small.format, small.size) == ("JPEG", (160, 160))
        colours = [ImageStat.Stat(image.convert("RGB")).mean for image in (small, stimulus)]
    assert colours[0] == pytest.approx(colours[1], abs=3)
