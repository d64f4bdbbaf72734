"""What the database itself must hold, and whether it does: triggers in place, answers on disk."""

import re
from importlib import import_module

from django.db import connection

from config.postgres import WEB_ROLE

MIGRATION = "evaluation.migrations.0002_append_only"
TRIGGER = re.compile(r"CREATE TRIGGER (\w+)")
FUNCTION = re.compile(r"CREATE FUNCTION (\w+)\(\).*?\$\$(.*?)\$\$", re.DOTALL)
HIDDEN = re.compile(r"ALTER TABLE (\w+) ENABLE ROW LEVEL SECURITY")
POLICY = re.compile(r"CREATE POLICY (\w+) ON (\w+)")
ENABLED = "O"  # fires for everybody but replicas
#: Settings of the server without which an answer that was acknowledged may be lost.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


GRANTS = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
            GRANT USAGE ON SCHEMA public TO {role};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
            GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
            REVOKE UPDATE, DELETE ON {added_only} FROM {role};
        END IF;
    END $$
"""
#: Tables whose rows are only ever added.
ADDED_ONLY = ("answer", "auditevent", "stimulus", "stimulustruth", "studysecret", "readinglist")


def grant_to_web() -> None:
    """Give the web process's role, where there is one, the use of all tables and no more."""
    added_only = ", ".join(f"evaluation_{name}" for name in ADDED_ONLY)
    with connection.cursor() as cursor:
        cursor.execute(GRANTS.format(role=WEB_ROLE, added_only=added_only))


def broken_guards() -> list[str]:
    """Return in words what is missing or switched off; nothing if all holds."""
    installed: str = import_module(MIGRATION).FORWARD
    wanted_policies = set(POLICY.findall(installed))
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        enabled = dict(cursor.fetchall())
        cursor.execute("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'evaluation%'")
        bodies = dict(cursor.fetchall())
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN %s", [tuple(DURABLE)])
        settings = dict(cursor.fetchall())
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity")
        hidden = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public'")
        policies = set(cursor.fetchall())
    broken = [
        f"trigger {name} is {'off' if name in enabled else 'missing'}"
        for name in TRIGGER.findall(installed)
        if enabled.get(name) != ENABLED
    ]
    broken += [
        f"function {name} is not the one that was installed"
        for name, body in FUNCTION.findall(installed)
        if bodies.get(name) != body
    ]
    broken += [
        f"rows of {name} are not hidden" for name in HIDDEN.findall(installed) if name not in hidden
    ]
    missing, foreign = wanted_policies - policies, policies - wanted_policies
    broken += [f"policy {name} of {table} is missing" for name, table in sorted(missing)]
    broken += [f"policy {name} of {table} is not ours" for name, table in sorted(foreign)]
    return broken + [
        f"the server's setting {name} is {settings[name]}"
        for name, wanted in DURABLE.items()
        if settings[name] != wanted
    ]
