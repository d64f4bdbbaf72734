"""What the database itself must hold, and whether it does: triggers in place, answers on disk."""

import re
from importlib import import_module

from django.db import connection

MIGRATION = "evaluation.migrations.0002_append_only"
TRIGGER = re.compile(r"CREATE TRIGGER (\w+)")
FUNCTION = re.compile(r"CREATE FUNCTION (\w+)\(\).*?\$\$(.*?)\$\$", re.DOTALL)
ENABLED = "O"  # fires for everybody but replicas
#: Settings of the server without which an answer that was acknowledged may be lost.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def broken_guards() -> list[str]:
    """Return in words what is missing or switched off; nothing if all holds."""
    installed: str = import_module(MIGRATION).FORWARD
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        enabled = dict(cursor.fetchall())
        cursor.execute("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'evaluation%'")
        bodies = dict(cursor.fetchall())
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN %s", [tuple(DURABLE)])
        settings = dict(cursor.fetchall())
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
    return broken + [
        f"the server's setting {name} is {settings[name]}"
        for name, wanted in DURABLE.items()
        if settings[name] != wanted
    ]
