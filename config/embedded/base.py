"""Connects to the embedded PostgreSQL, starting it first if it does not run."""

from typing import Any

from django.db.backends.postgresql import base

from config.postgres import OWNER, embedded_server


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL on a socket that is known only once the server runs."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters for psycopg2; `HOST` is the server's data directory."""
        folder, given = self.settings_dict["HOST"], self.settings_dict["USER"]
        self.settings_dict = {**self.settings_dict, "HOST": "", "USER": given or OWNER}
        try:
            return {**super().get_connection_params(), "host": embedded_server(folder)}
        finally:
            self.settings_dict = {**self.settings_dict, "HOST": folder, "USER": given}
