"""Diagnoses beside the built-in seven."""

import io

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation
from PIL import Image

from evaluation.catalogue import get_dataset
from evaluation.entities import add_entity, entity_title
from evaluation.errors import EvaluationError
from evaluation.importing import plan_import, run_import
from evaluation.invitations import invite_rater
from evaluation.models import OwnEntity
from evaluation.sealing import seal_study
from evaluation.studies import create_study
from evaluation.views.questions import asked_questions
from tests.conftest import add_synthetic_image, square_phantom


@pytest.fixture
def psoriasis(db, tmp_path):
    """Return a sealed study of two diagnoses of one's own."""
    add_entity("pso", "Psoriasis", "Schuppenflechte")
    add_entity("ecz", "Eczema")
    lines = ["image_id,dx"]
    for seed, entity in enumerate(("pso", "ecz") * 2):
        Image.fromarray(square_phantom("mel", 50 + seed)).save(tmp_path / f"r{seed}.png")
        lines.append(f"r{seed},{entity}")
        add_synthetic_image(pixels=square_phantom("nv", 60 + seed), name=f"s{seed}", entity=entity)
    (tmp_path / "m.csv").write_text("\n".join(lines))
    run_import(
        plan_import(
            source=str(tmp_path), metadata=str(tmp_path / "m.csv"), dataset="own", licence="CC0-1.0"
        ),
        source=str(tmp_path),
    )
    return seal_study(
        create_study(
            slug="skin",
            title="Skin",
            dataset=get_dataset("own"),
            generators=["made"],
            entities=["pso", "ecz"],
            images_per_cell=2,
        ),
        reason="a test",
    )


def test_images_of_own_diagnoses_are_imported_studied_and_named(client, psoriasis):
    invitation = invite_rater(psoriasis)
    client.get(reverse("invitation", args=[invitation.token]))
    client.post(reverse("consent"), {"agree": "yes"})
    client.post(reverse("start"))

    english = client.get(reverse("reading")).content.decode()
    with translation.override("de"):
        german = [option.title for option in asked_questions(psoriasis)[0].options]

    assert "Psoriasis" in english
    assert 'value="ecz" data-key="2"' in english
    assert german == ["Schuppenflechte", "Eczema"]
    assert psoriasis.protocol["entity_titles"]["de"] == {"pso": "Schuppenflechte", "ecz": "Eczema"}


def test_what_a_sealed_study_names_is_frozen_in_the_admin(admin_client, psoriasis):
    used = OwnEntity.objects.get(code="pso")
    free = add_entity("ros", "Rosacea")

    frozen = admin_client.post(
        reverse("admin:evaluation_ownentity_change", args=[used.pk]), {"title": "Other"}
    )
    changed = admin_client.post(
        reverse("admin:evaluation_ownentity_change", args=[free.pk]), {"title": "Rosacea, mild"}
    )
    deleted = admin_client.post(
        reverse("admin:evaluation_ownentity_delete", args=[used.pk]), {"post": "yes"}
    )

    assert [frozen.status_code, changed.status_code, deleted.status_code] == [403, 302, 403]
    assert entity_title("pso") == "Psoriasis"
    assert entity_title("ros") == "Rosacea, mild"


def test_a_diagnosis_is_added_in_the_admin_and_by_command(admin_client):
    add = reverse("admin:evaluation_ownentity_add")
    said = io.StringIO()

    made = admin_client.post(add, {"code": "pso", "title": "Psoriasis"})
    taken = admin_client.post(add, {"code": "mel", "title": "Melanoma again"})
    call_command("add_entity", "ecz", "eczema", "--german", "Ekzem", stdout=said)

    assert made.status_code == 302
    assert "exists already" in taken.content.decode()
    assert said.getvalue() == "entity 'ecz': Eczema\n"
    assert set(OwnEntity.objects.values_list("code", flat=True)) == {"pso", "ecz"}


@pytest.mark.parametrize(
    ("code", "title", "words"),
    [
        ("nv", "Nevus", "exists already"),
        ("Pso!", "Psoriasis", "1 to 16 small letters"),
        ("x" * 17, "Long", "1 to 16 small letters"),
        ("pso", " ", "has no title"),
    ],
)
def test_a_diagnosis_that_cannot_be_is_refused(db, code, title, words):
    with pytest.raises(EvaluationError, match=words):
        add_entity(code, title)
    assert not OwnEntity.objects.exists()


def test_more_diagnoses_than_keys_are_refused(draft_with):
    codes = [add_entity(f"e{k}", f"Entity {k}").code for k in range(33)]

    with pytest.raises(EvaluationError, match="33 entities are more buttons than the 32"):
        draft_with(entities=codes)
