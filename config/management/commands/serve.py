"""`manage.py serve`: the production server."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from config.commands import ProductCommand
from config.serving import check_port, prepare, serve


class Command(ProductCommand):
    """Serve the product."""

    help = "Serve pages and run background tasks, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the address."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        """Prepare and serve."""
        check_port(host, port)
        prepare()
        if settings.WEB_OWNS_TABLES:
            self.stderr.write(
                "the web process reads as the owner of the tables, so the truth of open studies is "
                "not hidden from it; name a role that owns nothing in DATABASE_URL_WEB (README)"
            )
        self.stdout.write(f"serving on http://{host}:{port} (Ctrl-C stops)")
        sys.exit(serve(host, port))
