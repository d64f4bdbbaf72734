"""Signing in: wrong passwords are counted at every door, and make the account wait."""

import base64
from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse

from evaluation.accounts import create_account
from evaluation.models import WrongPassword
from evaluation.signing_in import MOST, WITHIN
from tests.evaluation.test_hiding import as_web

pytestmark = pytest.mark.django_db
WRONG = "wrong-horse-battery"


@pytest.fixture(autouse=True)
def _hash_fast(settings):
    """Hash passwords fast, which forty of them are worth."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def by_page(client, name, password, language="en"):
    """Sign in on the desk's page; return what it says, empty where the way is open."""
    client.logout()
    answer = client.post(
        reverse("admin:login"),
        {"username": name, "password": password},
        headers={"Accept-Language": language},
    )
    if answer.status_code == 302:
        return ""
    return " ".join(answer.context["form"].non_field_errors())


def by_api(client, name, password):
    """Ask the API with name and password."""
    client.logout()
    told = base64.b64encode(f"{name}:{password}".encode()).decode()
    return client.get(reverse("api_generators"), headers={"Authorization": f"Basic {told}"})


def let_pass(time):
    WrongPassword.objects.update(at=F("at") - time)


def test_wrong_passwords_at_both_doors_make_an_account_wait_at_both(client):
    anna, otto = create_account("anna"), create_account("otto")
    for _ in range(MOST - 3):
        assert by_api(client, "anna", WRONG).status_code == 401
    for _ in range(2):
        assert "correct username and password" in by_page(client, "anna", WRONG)
    assert "try again in 15 minutes." in by_page(client, "anna", WRONG)

    refused = by_api(client, "anna", anna)
    assert refused.status_code == 429
    assert WITHIN.total_seconds() - 60 < int(refused["Retry-After"]) <= WITHIN.total_seconds()
    assert "Too many wrong passwords for this account." in refused.json()["detail"]
    assert "Too many wrong passwords for this account; try" in by_page(client, "anna", anna)
    german = by_page(client, "anna", anna, language="de")
    assert "versuchen Sie es in 15 Minuten wieder" in german
    assert by_api(client, "otto", otto).status_code == 200

    let_pass(WITHIN)
    assert by_api(client, "anna", anna).status_code == 200
    assert by_page(client, "anna", anna) == ""


def test_tries_while_an_account_waits_do_not_lengthen_the_wait(client):
    password = create_account("anna")
    for _ in range(MOST):
        by_api(client, "anna", WRONG)
    let_pass(WITHIN - timedelta(minutes=1))

    for _ in range(3):
        assert by_api(client, "anna", WRONG).status_code == 429

    let_pass(timedelta(minutes=1))
    assert by_page(client, "anna", password) == ""


def test_a_right_password_ends_the_count_and_names_are_not_kept(client):
    password = create_account("anna")
    for _ in range(MOST - 1):
        by_api(client, "anna", WRONG)

    assert by_api(client, "anna", password).status_code == 200

    assert by_api(client, "anna", WRONG).status_code == 401
    assert by_api(client, "my secret password", WRONG).status_code == 401
    rows = list(WrongPassword.objects.values_list("name_sha256", flat=True))
    assert len(rows) == 2
    assert {len(row) for row in rows} == {64}


def test_whoever_is_signed_in_goes_on_while_the_account_waits(client):
    password = create_account("anna")
    other = type(client)()
    assert by_page(client, "anna", password) == ""

    for _ in range(MOST):
        by_api(other, "anna", WRONG)

    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(reverse("api_generators")).status_code == 200


def test_the_web_process_may_count(client):
    password = create_account("anna")
    with as_web():
        assert by_api(client, "anna", WRONG).status_code == 401
        assert WrongPassword.objects.count() == 1
        assert by_page(client, "anna", password) == ""
        assert WrongPassword.objects.count() == 0
