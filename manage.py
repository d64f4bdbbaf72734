#!/usr/bin/env python
"""The door to all commands."""

import os
import sys


def main() -> None:
    """Run a command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here; run 'make env' and use .venv/bin/python")
    from config.errors import ConfigurationError

    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as problem:
        sys.exit(f"Error: {problem}")
    except KeyboardInterrupt:  # before a command has begun
        sys.exit("stopped with Ctrl-C")


if __name__ == "__main__":
    main()
