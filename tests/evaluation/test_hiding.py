"""While a study is read, the web process cannot find out what any of its images is."""

import hashlib
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.urls import reverse

from config.postgres import WEB_ROLE
from evaluation.accounts import create_account
from evaluation.catalogue import open_original
from evaluation.closing import close_study
from evaluation.errors import EvaluationError
from evaluation.hiding import settle_originals
from evaluation.importing import plan_import, run_import
from evaluation.invitations import invite_rater
from evaluation.models import Image, Invitation, StimulusTruth, Study, StudyImage
from evaluation.sealing import seal_study


@contextmanager
def as_web():
    """Ask the database as the web process does."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {WEB_ROLE}")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")


def dump() -> str:
    """Return all that the asking role can read, as text."""
    lines = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT row.*::text FROM "{table}" row')
            lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines)


def files_in(folder: Path) -> set[str]:
    """Return the SHA-256 of every file in a folder."""
    files = (each for each in Path(folder).rglob("*") if each.is_file())
    return {hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


@pytest.fixture
def canaries(draft):
    """Return what would tell the truth about the draft's images: names, files, lesions."""
    images = Image.objects.filter(drawn_for__study=draft)
    told = set()
    for image in images:
        told |= {image.name, image.sha256, image.file.name, image.lesion}
    return told - {""}


@pytest.mark.django_db
def test_a_dump_of_what_the_web_process_reads_holds_no_truth_until_the_study_is_closed(
    draft, canaries, django_capture_on_commit_callbacks
):
    with as_web():
        seen = dump()
    assert all(canary in seen for canary in canaries)  # the dump would show them

    with django_capture_on_commit_callbacks(execute=True):
        sealed = seal_study(draft, reason="a test")
    invite_rater(sealed)
    secrets = {sealed.nonce, *StimulusTruth.objects.values_list("salt", flat=True)}
    with as_web():
        seen = dump()
        assert not StimulusTruth.objects.exists()
        assert not StudyImage.objects.filter(study=sealed).exists()
    assert sealed.fingerprint in seen
    assert not [canary for canary in canaries | secrets if canary in seen]
    originals = set(StimulusTruth.objects.values_list("original_sha256", flat=True))
    media = Path(settings.VAR_DIR) / "media"
    assert not originals & files_in(media)
    for image in Image.objects.filter(drawn_for__study=sealed):
        open_original(image)  # commands and the worker still can

    with django_capture_on_commit_callbacks(execute=True):
        close_study(sealed, reason="enough")
    with as_web():
        seen = dump()
    assert all(canary in seen for canary in canaries | secrets)
    assert originals <= files_in(media)


@pytest.mark.django_db
def test_spare_images_stay_in_sight_and_moves_that_were_cut_short_are_finished(draft):
    sealed = seal_study(
        draft, reason="a test"
    )  # within a test nothing is committed, so nothing was moved yet
    hidden = list(Image.objects.filter(drawn_for__study=sealed))
    with as_web():
        spare = set(Image.objects.values_list("pk", flat=True))
    assert spare == set(Image.objects.exclude(drawn_for__study=sealed).values_list("pk", flat=True))

    for _ in range(2):
        settle_originals()
        assert not any(storages["originals"].exists(each.file.name) for each in hidden)
        assert all(storages["sealed"].exists(each.file.name) for each in hidden)
    close_study(sealed, reason="enough")
    settle_originals()
    assert all(storages["originals"].exists(each.file.name) for each in hidden)
    assert not any(storages["sealed"].exists(each.file.name) for each in hidden)


@pytest.mark.django_db
def test_a_whole_study_is_run_by_a_web_process_that_cannot_read_its_truth(client, draft):
    password = create_account("coordinator", ["coordinator", "officer"])

    def act(verb, **fields):
        address = reverse(f"admin:evaluation_study_{verb}", args=[draft.pk])
        return client.post(address, fields, follow=True).content.decode()

    with as_web():
        client.login(username="coordinator", password=password)
        assert "is sealed" in act("seal", name="pilot", reason="a test")
        assert "1 link is ready" in act("invite", raters="Dr A")
        study = reverse("admin:evaluation_study_change", args=[draft.pk])
        assert client.get(study).status_code == 200
        for page in ("monitor", "progress", "protocol"):
            address = reverse(f"admin:evaluation_study_{page}", args=[draft.pk])
            assert client.get(address).status_code == 200
        assert client.get(reverse("admin:evaluation_image_changelist")).status_code == 200
        rater = Client()
        rater.get(reverse("invitation", args=[Invitation.objects.get().token]))
        for step, fields in (
            ("consent", {"agree": "yes"}),
            ("about", {}),
            ("device", {"steps_seen": 8}),
            ("start", {}),
        ):
            rater.post(f"/reading/{step}", fields)
        turn = rater.get(reverse("reading")).context["turn"]
        while turn["token"]:
            assert rater.get(turn["images"][0]).status_code == 200
            body = {"token": turn["token"], "key": str(uuid4()), "response_ms": 900}
            body |= {"entity": "nv", "origin": "real", "confidence": 3}
            reply = rater.post(reverse("answers"), body, content_type="application/json")
            assert reply.status_code == 201
            turn = reply.json()
        act("close")
        report = client.get(reverse("analysis:report", args=["pilot"]), follow=True)
        assert report.status_code == 200
        export = client.get(reverse("admin:evaluation_study_export", args=[draft.pk]))
        assert export.status_code == 200
    assert Study.objects.get().state == Study.State.CLOSED


@pytest.mark.django_db(transaction=True)
def test_the_web_processs_own_role_can_neither_take_another_nor_undo_a_guard(sealed):
    invite_rater(sealed)
    given = connection.get_connection_params()
    given = {name: given[name] for name in ("dbname", "host", "port") if name in given}
    web = psycopg2.connect(**given, user=WEB_ROLE)
    web.autocommit = True
    with web.cursor() as cursor:
        for forbidden in (
            "SET ROLE postgres",
            "ALTER TABLE evaluation_answer DISABLE TRIGGER USER",
            "ALTER TABLE evaluation_image DISABLE ROW LEVEL SECURITY",
            "DROP POLICY images_of_no_open_study ON evaluation_image",
            "TRUNCATE evaluation_auditevent CASCADE",
            "UPDATE evaluation_answer SET confidence = 1",
            "DELETE FROM evaluation_auditevent",
            "UPDATE evaluation_stimulustruth SET origin = 'real'",
            "SET session_replication_role = replica",
            "CREATE TABLE copy AS SELECT * FROM evaluation_image",
        ):
            with pytest.raises(psycopg2.Error) as refused:
                cursor.execute(forbidden)
            assert refused.value.pgcode == "42501", forbidden  # insufficient privilege
        for hidden in ("stimulustruth", "studysecret", "studyimage"):
            cursor.execute(f"SELECT count(*) FROM evaluation_{hidden}")
            assert cursor.fetchone() == (0,)
    web.close()


@pytest.mark.django_db
def test_an_image_of_an_open_study_cannot_be_imported_anew_from_the_desk(
    draft, tmp_path, django_capture_on_commit_callbacks
):
    image = draft.drawn.filter(image__origin="real").first().image
    name = str(image.file.name)
    (tmp_path / f"again{Path(name).suffix}").write_bytes(storages["originals"].open(name).read())
    (tmp_path / "rows.csv").write_text(f"image_id,dx\nagain,{image.entity}\n")
    with django_capture_on_commit_callbacks(execute=True):
        seal_study(draft, reason="a test")
    files = files_in(Path(settings.VAR_DIR) / "media")

    with as_web():
        plan = plan_import(
            source=str(tmp_path),
            metadata=str(tmp_path / "rows.csv"),
            dataset="again",
            licence="CC0-1.0",
        )
        with pytest.raises(EvaluationError, match="in a study that is open for reading"):
            run_import(plan, source=str(tmp_path))

    assert files_in(Path(settings.VAR_DIR) / "media") == files
