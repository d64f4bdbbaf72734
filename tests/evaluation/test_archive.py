"""A closed study moves to another server."""

import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.archive import import_study
from evaluation.dataset import unblinded_table
from evaluation.errors import EvaluationError
from evaluation.export import export_study
from evaluation.models import Image, Rater, Session, Study
from evaluation.verifying import verify_export
from tests.evaluation.test_export import files_of
from tests.evaluation.test_verify import DESIGNS, read_study

pytestmark = pytest.mark.django_db


class OtherServer(Exception):
    """Takes everything back that happened on the first server."""


@pytest.fixture(params=DESIGNS)
def moved(request, draft_with, tmp_path):
    """Return the export of a study that was never on this server, and its rows there."""
    try:
        with transaction.atomic():
            study = read_study(draft_with, DESIGNS[request.param])
            export = tmp_path / "proven.zip"
            export.write_bytes(export_study(study))
            rows = unblinded_table("proven")
            raise OtherServer
    except OtherServer:
        assert not Study.objects.exists()
    return export, rows


def test_an_imported_study_says_what_it_said_where_it_was_read(moved, tmp_path):
    export, rows = moved
    call_command("import_study", export)

    study = Study.objects.get(slug="proven")
    assert study.state == Study.State.CLOSED
    assert unblinded_table("proven") == rows
    (tmp_path / "again.zip").write_bytes(export_study(study))
    assert all(holds for _, holds in verify_export(tmp_path / "again.zip", [study.fingerprint]))
    first, again = files_of(export.read_bytes()), files_of((tmp_path / "again.zip").read_bytes())
    for name in ("answers.csv", "raters.csv", "protocol.json", "dictionary.csv"):
        assert first[f"proven/{name}"] == again[f"proven/{name}"]
    acts = list(study.events.order_by("pk").values_list("act", flat=True))
    assert acts[0] == "create_study"
    assert "import_study" in acts


def test_a_study_comes_once(moved):
    import_study(moved[0])
    before = (Session.objects.count(), Rater.objects.count())

    with pytest.raises(EvaluationError, match="is here already"):
        import_study(moved[0])
    assert (Session.objects.count(), Rater.objects.count()) == before


@pytest.mark.parametrize("moved", ["pairs"], indirect=True)
def test_images_that_the_server_lacks_are_not_needed(moved):
    Image.objects.all().delete()

    study = import_study(moved[0])

    assert unblinded_table("proven") == moved[1]
    assert study.raters.count() == 3


@pytest.mark.parametrize("moved", ["pairs"], indirect=True)
def test_a_changed_export_is_refused_and_leaves_nothing(moved, tmp_path):
    files = files_of(moved[0].read_bytes())
    record = json.loads(files["proven/record.json"])
    record["truth"][0]["entity"] = "df"
    with zipfile.ZipFile(tmp_path / "changed.zip", "w") as archive:
        for name, content in {**files, "proven/record.json": json.dumps(record)}.items():
            archive.writestr(name, content)

    with pytest.raises(CommandError, match="was changed, or belongs to something else: ground"):
        call_command("import_study", tmp_path / "changed.zip")
    with pytest.raises(CommandError, match="not in this record"):
        call_command("import_study", moved[0], "ab" * 32)

    assert not Study.objects.exists()
    assert not Rater.objects.exists()


@pytest.mark.parametrize("moved", ["pairs"], indirect=True)
def test_a_coordinator_imports_a_study_on_the_desk(client, moved):
    client.login(username="coordinator", password=create_account("coordinator"))
    address = reverse("admin:evaluation_study_archive")
    listed = client.get(reverse("admin:evaluation_study_changelist")).content.decode()
    assert address in listed

    def send(**fields):
        upload = SimpleUploadedFile("proven.zip", moved[0].read_bytes())
        return client.post(address, {"export": upload, **fields}, follow=True).content.decode()

    refused = send(fingerprint="ab" * 32)
    assert "proven.zip: was changed, or belongs to something else" in refused
    assert not Study.objects.exists()
    assert "everything in it holds" in send()
    trail = Study.objects.get().events
    assert trail.get(act="import_study").who == "coordinator"
