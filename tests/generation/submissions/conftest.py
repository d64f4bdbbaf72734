"""Accounts of every role, and a submission whose copy is made."""

import pytest
from django.test import Client

from evaluation.accounts import create_account
from generation import deidentification
from generation.models import SubmissionState
from generation.submissions import services
from tests.generation.submitting import disc, paint_with_tiny, shown
from tests.generation.tiny_cascade import save_tiny_cascade

ROLES = {
    "author": ["author"],
    "other": ["author"],
    "reviewer": ["reviewer"],
    "second": ["reviewer"],
    "editor": ["editor"],
    "coordinator": ["coordinator"],
    "analyst": ["analyst"],
    "everything": ["author", "reviewer", "editor"],
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of generators with one that paints noise, in no time."""
    folder = tmp_path_factory.mktemp("weights")
    save_tiny_cascade(folder / "tiny")
    return folder


@pytest.fixture
def tiny(weights, monkeypatch):
    """Let that generator paint, once a photograph."""
    paint_with_tiny(weights, monkeypatch)


@pytest.fixture
def people(db, django_user_model, settings):
    """Return accounts by name; hashing their passwords well would take seconds."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for name, roles in ROLES.items():
        create_account(name, roles)
    return {name: django_user_model.objects.get(username=name) for name in ROLES}


@pytest.fixture
def browsers(people):
    """Return a browser of each account, and one of nobody."""
    found = {"anonymous": Client(), **{name: Client() for name in people}}
    for name, user in people.items():
        found[name].force_login(user)
    return found


@pytest.fixture
def made(tiny, people):
    """Return a submission whose copy is made."""
    wish = deidentification.Wish(generator="tiny", entity="mel")
    submission = services.submit_photograph(
        author=people["author"], photograph=shown(), keep=disc(), wish=wish, licence="CC-BY-4.0"
    )
    services.make_copy(submission)
    assert submission.state == SubmissionState.MADE
    return submission
