"""The set-up: the database's address, the embedded server, ports, flags, production checks."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.environment import flag
from config.errors import ConfigurationError
from config.postgres import database
from config.serving import check_port


def run(*arguments, **environment):
    """Run a command of the product in a process of its own."""
    # The browser tests set this for their own process; a server must not have it.
    inherited = {k: v for k, v in os.environ.items() if k != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        env={**inherited, **environment},
        timeout=120,
    )


def test_an_address_of_a_database_is_taken_apart():
    given = database("postgresql://dr%40a:p%2Fw@db.example.org:5433/skin?sslmode=require", Path())

    assert (given["USER"], given["PASSWORD"]) == ("dr@a", "p/w")
    assert (given["HOST"], given["PORT"], given["NAME"]) == ("db.example.org", "5433", "skin")
    assert given["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.django_db(transaction=True)
def test_a_database_without_tables_is_said_with_the_mend():
    parameters, name = connection.get_connection_params(), "not_yet_migrated"
    address = f"postgresql://{parameters['user']}@/{name}?host={parameters['host']}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")

    try:
        done = run("create_account", "someone", DATABASE_URL=address)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")

    assert done.returncode == 1
    assert "the database lacks a table: relation " in done.stderr
    assert "make its tables with manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_may_lead_to_a_socket():
    given = database("postgresql://postgres@/skin?host=/run/postgresql", Path())

    assert (given["HOST"], given["NAME"], given["OPTIONS"]) == ("/run/postgresql", "skin", {})


@pytest.mark.parametrize(
    "url", ["mysql://u@h/n", "postgresql://host", "postgresql://host:port/name", "skin"]
)
def test_an_address_of_nothing_that_we_use_is_refused(url):
    with pytest.raises(ConfigurationError, match="must look like postgresql://"):
        database(url, Path())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "the database cannot be reached"),
        ("mysql://x@y/z", "DATABASE_URL must look like"),
    ],
)
def test_an_unreachable_database_is_one_line_and_status_1(url, words):
    result = run("create_study", "x", "--dataset", "d", "--generator", "g", DATABASE_URL=url)

    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert words in result.stderr


@pytest.mark.parametrize("inside", ["django.core.management.commands.check", "config.settings"])
def test_ctrl_c_is_one_line_whenever_it_comes(inside):
    """Before a command has begun: while modules are read, which takes seconds, and after."""
    interrupting = f"""
import sys
sys.argv = ["manage.py", "check"]
from importlib.machinery import SourceFileLoader
read = SourceFileLoader.exec_module
def exec_module(self, module):
    if module.__name__ == "{inside}":
        raise KeyboardInterrupt
    read(self, module)
SourceFileLoader.exec_module = exec_module
import manage
manage.main()
"""
    stopped = subprocess.run(
        [sys.executable, "-c", interrupting],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (stopped.returncode, stopped.stderr) == (1, "stopped with Ctrl-C\n")


def test_the_embedded_server_is_shared_and_survives_the_death_of_its_users(tmp_path):
    environment = {**os.environ, "DERMTURING_VAR": str(tmp_path), "DATABASE_URL": ""}
    talk = (
        "from django.db import connection as c; import sys, time\n"
        "def ask():\n"
        "    with c.cursor() as k:\n"
        "        k.execute('SELECT pg_postmaster_start_time()')\n"
        "        return k.fetchone()\n"
        "print(ask(), flush=True); sys.stdin.readline(); print(ask(), flush=True)"
    )

    def user():
        return subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-v0", "-c", talk],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    first = user()
    started = first.stdout.readline()
    second = user()
    assert second.stdout.readline() == started
    first.communicate("\n")
    second.stdin.write("\n")
    second.stdin.flush()
    assert second.stdout.readline() == started  # the first has ended; the server has not

    third = user()
    third.stdout.readline()
    third.send_signal(signal.SIGKILL)
    postmaster = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    time.sleep(0.5)
    fourth = user()
    restarted = fourth.stdout.readline()
    assert restarted
    assert restarted != started
    fourth.communicate("\n")
    third.wait()
    second.wait()


def test_a_port_that_is_taken_is_named_with_the_mend():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigurationError, match=rf"port {port} .* choose another with PORT="):
            check_port("127.0.0.1", port)
        result = run("demo", "--port", str(port))

    assert result.returncode == 1
    assert f"port {port}" in result.stderr
    check_port("127.0.0.1", port)


def test_a_flag_that_is_neither_yes_nor_no_is_refused(monkeypatch):
    monkeypatch.setenv("DERMTURING_DEBUG", "perhaps")

    with pytest.raises(ConfigurationError, match="DERMTURING_DEBUG is 'perhaps'; use 1 or 0"):
        flag("DERMTURING_DEBUG")


def test_production_is_refused_with_a_development_key_and_passes_when_set_up(tmp_path):
    laptop = run("check", "--deploy", "--fail-level", "WARNING", DERMTURING_VAR=str(tmp_path))
    server = run(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        DERMTURING_VAR=str(tmp_path),
        DERMTURING_HTTPS="1",
        DERMTURING_HOSTS="study.example.org",
        DERMTURING_SECRET_KEY="k9" * 10 + "abcdefghijklmnopqrstuvwxyz0123456789",
    )

    assert laptop.returncode == 1
    assert "security.W009" in laptop.stderr
    assert server.returncode == 0, server.stderr


def test_no_migration_is_missing(db):
    assert run("makemigrations", "--check", "--dry-run").returncode == 0
