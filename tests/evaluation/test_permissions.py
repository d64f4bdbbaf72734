"""Who may ask for which address: every address of the product, by every role, in every way.

`permissions.csv` is the answer. An address that it does not know fails, so that none is added
without a thought about who may have it. Change it by hand, line by line, as the test shows.
"""

import csv
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from evaluation.accounts import create_account
from evaluation.entering import give_consent, start_reading
from evaluation.invitations import invite_rater, make_open_link
from evaluation.models import Certificate, Collection, Image, StimulusTruth
from evaluation.teaching import add_cases, open_class
from generation.batches import plan_batch

TABLE = Path(__file__).with_name("permissions.csv")
ROLES = ("anonymous", "rater", "other_rater", "coordinator", "officer", "analyst", "superuser")
METHODS = ("GET", "POST", "DELETE")
WORDS = {200: "yes", 302: "to", 400: "wrong", 403: "no", 404: "none", 405: "way", 401: "who"}


def addresses(patterns=None, before=""):
    """Yield every route of the product, as Django writes it."""
    for each in patterns or get_resolver().url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


@pytest.fixture
def filled(sealed, invitation, admin_user):
    """Return a function that fills a route with what there is: a sealed study, a rater, a trial."""
    session = invitation.rater.sessions.get()
    give_consent(session)
    session.refresh_from_db()
    start_reading(session)
    drawn = sealed.drawn.filter(image__origin="synthetic").first().image
    batch = plan_batch(
        generator="dermdiff", per_entity=1, entities=[drawn.entity], consecutive=True
    )
    batch.planned.update(image=drawn)
    own = {
        "<int:image>": str(drawn.pk),
        "<str:token>": session.trials.order_by("position").first().token,
        "<str:fingerprint>": sealed.fingerprint,
        "<slug:slug>": sealed.slug,
        "<str:slug>": sealed.slug,
        "<id>": str(admin_user.pk),
        "<path:name>": "index.html",
        "<path:path>": "index.html",
    }
    link = make_open_link(sealed, cap=3)
    Image.objects.filter(drawn_for=None).update(teaching_approved_by="somebody")
    collection = Collection.objects.create(name="Collection")
    add_cases(collection, Image.objects.filter(drawn_for=None)[:3])
    lesson = open_class(collection, slug="class", title="Class")
    found = {"passed": True, "refused": False, "checks": [], "planted": [], "headers": []}
    begun = {"begun": "2026-01-01T00:00:00+00:00"}
    Certificate.objects.create(study=sealed, subject="", sha256="", document={**found, **begun})

    def fill(route):
        if route == "r/<str:token>":
            return f"/r/{invitation.token}"
        if route == "join/<str:token>":
            return f"/join/{link.token}"
        if "<path:object_id>" in route:
            model = route.split("/")[2]
            objects = {
                "dataset": sealed.dataset,
                "study": sealed,
                "user": admin_user,
                "auditevent": sealed.events.first(),
                "collection": collection,
                "image": Image.objects.filter(drawn_for=None).first(),
            }
            own["<path:object_id>"] = str(objects[model].pk) if model in objects else "0"
        hidden = "image/<int:pk>" in route
        own["<int:pk>"] = str(sealed.drawn.first().image_id if hidden else sealed.pk)
        if "/collection/" in route:
            own["<int:pk>"] = str(lesson.pk if "/class/" in route else collection.pk)
        if route.startswith(("generate/", "api/batches/")):
            own["<int:pk>"] = str(batch.pk)
        path = route.replace("^", "").replace("$", "").replace("\\Z", "")
        for name, value in own.items():
            path = path.replace(name, value)
        return f"/{path}"

    return fill


@pytest.fixture
def clients(sealed, invitation, admin_user):
    """Return a browser of each role."""
    browsers = {role: Client() for role in ROLES}
    for role in ("coordinator", "officer", "analyst"):
        browsers[role].login(username=role, password=create_account(role, [role]))
    browsers["superuser"].force_login(admin_user)
    others = {"rater": invitation.rater, "other_rater": invite_rater(sealed).rater}
    for role, rater in others.items():
        browsers[role].cookies["reading"] = rater.sessions.get().key
    for browser in browsers.values():
        browser.raise_request_exception = False
    return browsers


def ask(browser, method, path):
    """Return what comes back, with what the request has done taken back."""
    known = SimpleCookie(browser.cookies.output(header="", sep="; "))
    with transaction.atomic():
        response = browser.generic(method, path)
        body = b"" if response.streaming else response.content
        transaction.set_rollback(True)
    browser.cookies = known  # whoever signs out or in, or opens a link, has not done so
    target = response.headers.get("Location", "")
    word = WORDS.get(response.status_code, str(response.status_code))
    return ("login" if "/admin/login/" in target else word), body


@pytest.mark.django_db
def test_every_address_answers_every_role_as_it_is_written(clients, filled):
    routes = sorted(set(addresses()))
    with TABLE.open(newline="") as file:
        written = {(row["address"], row["method"]): row for row in csv.DictReader(file)}
    unknown = {route for route in routes if (route, "GET") not in written}
    gone = {address for address, _ in written} - set(routes)
    assert not unknown, "say in permissions.csv who may have these addresses"
    assert not gone, "these addresses are no more; take them out of permissions.csv"

    truths = StimulusTruth.objects.values_list("original_sha256", "salt", "name")
    secrets = {each.encode() for row in truths for each in row}
    wrong = []
    for route in routes:
        for method in METHODS:
            for role in ROLES:
                said, body = ask(clients[role], method, filled(route))
                if said != written[route, method][role]:
                    wrong.append((route, method, role, said, written[route, method][role]))
                leaked = [each for each in secrets if each in body]
                assert not leaked, (route, method, role)
    assert not wrong
