"""The base of all commands: expected failures end as clear lines with exit status 1."""

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from config.errors import ConfigurationError

UNDEFINED_TABLE = "42P01"  # as PostgreSQL says it


class ProductCommand(BaseCommand):
    """A command that says what went wrong, where, and the mend, and no more."""

    failures: ClassVar[tuple[type[Exception], ...]] = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, turning the failures that it expects into one line each."""
        try:
            return super().execute(*args, **options)
        except OperationalError as problem:
            raise CommandError(
                f"the database cannot be reached: {str(problem).splitlines()[0]}; "
                "check DATABASE_URL, or unset it for the embedded PostgreSQL"
            ) from problem
        except ProgrammingError as problem:
            if getattr(problem.__cause__, "pgcode", None) != UNDEFINED_TABLE:
                raise
            raise CommandError(
                f"the database lacks a table: {str(problem).splitlines()[0]}; "
                "make its tables with manage.py migrate"
            ) from problem
        except KeyboardInterrupt:
            raise CommandError("stopped with Ctrl-C") from None
        except Exception as problem:
            if isinstance(problem, (ConfigurationError, *self.failures)):
                raise CommandError(str(problem)) from problem
            raise
