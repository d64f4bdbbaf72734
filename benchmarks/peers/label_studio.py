"""Label Studio (Tkachenko et al. 2020): the same three questions about 140 images."""

import json
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.leakage.client import Client
from benchmarks.load import Cycle
from benchmarks.peers import environment
from benchmarks.product import wait_for

PACKAGES = ("label-studio==1.23.2", "gunicorn")
QUESTIONS = """<View><Image name="image" value="$image"/>
<Choices name="entity" toName="image"><Choice value="mel"/><Choice value="nv"/>
<Choice value="akiec"/><Choice value="bkl"/><Choice value="bcc"/><Choice value="df"/>
<Choice value="vasc"/></Choices>
<Choices name="origin" toName="image"><Choice value="real"/><Choice value="synthetic"/></Choices>
<Rating name="confidence" toName="image" maxRating="5"/></View>"""
#: Makes accounts with tokens, and one project of 140 tasks that all of them answer.
SET_UP = """
import json
from organizations.models import Organization
from projects.models import Project
from rest_framework.authtoken.models import Token
from tasks.models import Task
from users.models import User

first = User.objects.create_user(email="a@example.org", password="a")
organization = Organization.create_organization(created_by=first, title="benchmark")
tokens = []
for number in range({raters}):
    user = User.objects.create_user(email=f"rater{{number}}@example.org", password="a")
    organization.add_user(user)
    user.active_organization = organization
    user.save()
    tokens.append(Token.objects.get_or_create(user=user)[0].key)
organization.jwt.legacy_api_tokens_enabled = True
organization.jwt.save()
project = Project.objects.create(
    title="read", label_config={config!r}, organization=organization, created_by=first,
    maximum_annotations={raters}, sampling="Uniform sampling",
)
Task.objects.bulk_create(
    Task(project=project, data={{"image": f"/static/images/{{n}}.png"}}, overlap={raters})
    for n in range(1, 141)
)
print("MADE", json.dumps([project.pk, tokens]))
"""
ANSWER = [
    {
        "from_name": name,
        "to_name": "image",
        "type": kind,
        "value": {key: value},
    }
    for name, kind, key, value in (
        ("entity", "choices", "choices", ["nv"]),
        ("origin", "choices", "choices", ["real"]),
        ("confidence", "rating", "rating", 3),
    )
]


class Serving:
    """A server with its project, and the accounts that have not read yet."""

    def __init__(self, address: str, project: int, tokens: list[str]) -> None:
        self.address, self.project, self.tokens = address, project, tokens

    def raters(self, count: int) -> list[Cycle]:
        """Return what so many new raters do at each image."""
        mine, self.tokens = self.tokens[:count], self.tokens[count:]
        return [_rater(self.address, self.project, token) for token in mine]


@contextmanager
def serving(
    folder: Path, socket: str, port: int, image_bytes: int, raters: int
) -> Iterator[Serving]:
    """Serve a project of 140 images with gunicorn, two processes of four threads."""
    programs = environment("label-studio", *PACKAGES)
    package = next(programs.parent.glob("lib/*/site-packages/label_studio"))
    variables = {
        **os.environ,
        "DJANGO_DB": "default",
        "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
        "POSTGRE_HOST": socket,
        "POSTGRE_NAME": "postgres",
        "POSTGRE_USER": "postgres",
        "POSTGRE_PASSWORD": "",
        # Indexes for searching answers need extensions that the embedded server has not got;
        # without them Label Studio has less to do.
        "SKIP_TRIGRAM_EXTENSION": "full",
        "SKIP_BTREE_GIN_EXTENSION": "full",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "COLLECT_ANALYTICS": "False",
        "LATEST_VERSION_CHECK": "False",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    folder.mkdir(parents=True)
    pictures = package / "core" / "static" / "images"
    for number in range(1, 141):
        (pictures / f"{number}.png").write_bytes(random.randbytes(image_bytes))

    def manage(*words: str) -> str:
        done = subprocess.run(
            [programs / "python", "manage.py", *words],
            cwd=package,
            env=variables,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return done.stdout

    manage("migrate", "--verbosity", "0")
    manage("collectstatic", "--no-input", "--verbosity", "0")
    made = manage("shell", "-c", SET_UP.format(raters=raters, config=QUESTIONS))
    project, tokens = json.loads(made.split("MADE ")[1].splitlines()[0])
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [
                *(
                    programs / "python",
                    "-m",
                    "gunicorn",
                    "core.wsgi",
                    "--bind",
                    f"127.0.0.1:{port}",
                ),
                *("--workers", "2", "--threads", "4", "--timeout", "120"),
            ],
            cwd=package,
            env=variables,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(port)
            yield Serving(f"127.0.0.1:{port}", project, tokens)
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def _rater(address: str, project: int, token: str) -> Cycle:
    client = Client(address, {"Authorization": f"Token {token}"})

    def following() -> dict:
        reply = client.ask("GET", f"/api/projects/{project}/next")
        assert reply.status == 200, reply
        return json.loads(reply.body)

    task = following()

    def cycle() -> None:
        nonlocal task
        body = json.dumps({"result": ANSWER, "lead_time": 1.2})
        reply = client.ask(
            "POST", f"/api/tasks/{task['id']}/annotations/", body, "application/json"
        )
        assert reply.status == 201, reply
        task = following()
        client.get(task["data"]["image"])

    return cycle
