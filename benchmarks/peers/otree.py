"""oTree (Chen et al. 2016): the same three questions about 140 images, on its own server."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from analysis.leakage.client import Client
from benchmarks.load import Cycle
from benchmarks.peers import environment
from benchmarks.product import wait_for

PACKAGES = ("otree==6.0.15", "psycopg2-binary")
SETTINGS = """
SESSION_CONFIGS = [dict(name="read", num_demo_participants=1, app_sequence=["read"])]
SESSION_CONFIG_DEFAULTS = dict(real_world_currency_per_point=1, participation_fee=0, doc="")
PARTICIPANT_FIELDS, SESSION_FIELDS, ROOMS = [], [], []
LANGUAGE_CODE, REAL_WORLD_CURRENCY_CODE, USE_POINTS = "en", "USD", True
ADMIN_USERNAME, ADMIN_PASSWORD, SECRET_KEY, DEMO_PAGE_INTRO_HTML = "a", "a", "benchmark", ""
"""
APP = """
from otree.api import *

class C(BaseConstants):
    NAME_IN_URL, PLAYERS_PER_GROUP, NUM_ROUNDS = "read", None, 140

class Subsession(BaseSubsession):
    pass

class Group(BaseGroup):
    pass

class Player(BasePlayer):
    entity = models.StringField(choices=["mel", "nv", "akiec", "bkl", "bcc", "df", "vasc"])
    origin = models.StringField(choices=["real", "synthetic"])
    confidence = models.IntegerField(min=1, max=5)

class Reading(Page):
    form_model, form_fields = "player", ["entity", "origin", "confidence"]

page_sequence = [Reading]
"""
PAGE = """{{ block content }}<img src="/static/{{ player.round_number }}.png">
{{ formfields }}{{ next_button }}{{ endblock }}"""
ANSWER = urlencode({"entity": "nv", "origin": "real", "confidence": 3})


@contextmanager
def serving(folder: Path, database: str, port: int, image_bytes: int) -> Iterator[str]:
    """Serve a study of 140 images as its manual says for production, and give the address."""
    for part in ("read", "_static", "_templates"):
        (folder / part).mkdir(parents=True)
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "read" / "__init__.py").write_text(APP)
    (folder / "read" / "Reading.html").write_text(PAGE)
    for number in range(1, 141):
        (folder / "_static" / f"{number}.png").write_bytes(random.randbytes(image_bytes))
    programs = environment("otree", *PACKAGES)
    variables = {
        **os.environ,
        "DATABASE_URL": database,
        "OTREE_PRODUCTION": "1",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    program = str(programs / "otree")
    with open(folder / "log", "w") as log:
        subprocess.run(
            [program, "resetdb", "--noinput"],
            cwd=folder,
            env=variables,
            stdout=log,
            stderr=log,
            check=True,
        )
        server = subprocess.Popen(
            [program, "prodserver", str(port)],
            cwd=folder,
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def raters(address: str, count: int) -> list[Cycle]:
    """Make a session of so many raters and open it for each."""
    client = Client(address)
    wanted = json.dumps({"session_config_name": "read", "num_participants": count})
    made = json.loads(client.ask("POST", "/api/sessions", wanted, "application/json").body)
    session = json.loads(client.get(f"/api/sessions/{made['code']}"))
    return [_rater(address, each["code"]) for each in session["participants"]]


def _rater(address: str, code: str) -> Cycle:
    client = Client(address)
    client.get(f"/InitializeParticipant/{code}")
    page = client.landed

    def cycle() -> None:
        nonlocal page
        reply = client.ask("POST", page, ANSWER, "application/x-www-form-urlencoded")
        assert (reply.status, client.landed != page) == (200, True), "the answer was not taken"
        page = client.landed
        client.get(f"/static/{page.rpartition('/')[2]}.png")

    return cycle
