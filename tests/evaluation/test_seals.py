"""The public page of a seal, and what raters get to keep."""

import json
from decimal import Decimal
from hashlib import sha256
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from evaluation.closing import close_study
from evaluation.dataset import study_facts
from evaluation.entering import give_consent, start_reading
from evaluation.export import export_study
from evaluation.invitations import invite_rater
from evaluation.models import Origin, StimulusTruth, Study
from evaluation.seal import digest
from evaluation.sessions import GivenAnswer, record_answer, turn
from evaluation.studies import get_study
from evaluation.verifying import verify_export

pytestmark = pytest.mark.django_db
GIVEN = GivenAnswer(entity="mel", origin="real", confidence=3, response_ms=900)


def page(client, study):
    return client.get(reverse("seal", args=[study.fingerprint])).content.decode()


def test_the_seal_is_published_before_anybody_reads_and_opened_when_the_study_is_closed(
    client, sealed
):
    before = page(client, sealed)
    protocol = reverse("sealed_protocol", args=[sealed.fingerprint])

    assert digest(vars(sealed.seal)) == sealed.fingerprint
    for number in (sealed.fingerprint, *vars(sealed.seal).values()):
        assert number in before
    assert sealed.nonce not in before
    assert client.get(protocol).status_code == 404

    close_study(sealed, reason="enough")
    after = page(client, sealed)
    assert sealed.nonce in after
    assert sha256(client.get(protocol).content).hexdigest() == sealed.protocol_sha256
    assert client.get(reverse("seal", args=["0" * 64])).status_code == 404


def test_the_margin_is_frozen_with_the_design_and_stands_in_the_protocol(
    real_images, synthetic_images
):
    call_command(
        "create_study", "margin", "--dataset", real_images.name, "--generator", "made",
        "--per-cell", "1", "--margin", "0.1", "--seal", "a test",
    )  # fmt: skip

    study = get_study("margin")

    assert study.margin == Decimal("0.10")
    assert study.protocol["margin"] == "0.10"
    assert study_facts("margin").margin == 0.1
    with pytest.raises(IntegrityError, match="is sealed"), transaction.atomic():
        Study.objects.update(margin=Decimal("0.20"))


@pytest.mark.parametrize("margin", ["0", "0.5", "-0.1", "0.125", "nan"])
def test_a_margin_that_makes_no_sense_is_refused(real_images, synthetic_images, margin):
    with pytest.raises(CommandError, match="margin"):
        call_command(
            "create_study", "m", "--dataset", real_images.name, "--generator", "made",
            f"--margin={margin}",
        )  # fmt: skip


def test_the_protocol_tells_the_origin_of_no_image(sealed):
    """Stimuli are named by hashes in an order that says nothing; nothing else is an image's."""
    written = json.dumps(sealed.protocol)
    for truth in StimulusTruth.objects.select_related("image"):
        assert truth.name not in written
        assert truth.original_sha256 not in written
        assert truth.salt not in written
    assert Origin.SYNTHETIC not in written


def test_raters_see_the_fingerprint_first_and_get_a_receipt_last(
    client, sealed, invitation, tmp_path
):
    link = reverse("invitation", args=[invitation.token])
    assert (
        reverse("seal", args=[sealed.fingerprint]) in client.get(link, follow=True).content.decode()
    )

    session = invitation.rater.sessions.get()
    give_consent(session)
    start_reading(session)
    while trial := turn(session).current:
        record_answer(session=session, token=trial.token, key=uuid4(), given=GIVEN)
    session.refresh_from_db()
    thanks = client.get(link, follow=True).content.decode()

    assert session.head in thanks
    other = invite_rater(sealed).rater.sessions.get()
    assert other.head != session.head
    close_study(sealed, reason="enough")
    (tmp_path / "pilot.zip").write_bytes(export_study(sealed))
    checked = verify_export(tmp_path / "pilot.zip", [session.head, sealed.fingerprint, "00"])
    assert [what for what, holds in checked if not holds] == ["00: not in this record"]
