"""Reads environment variables, once, with their types."""

import os

from config.errors import ConfigurationError


def text(name: str, default: str = "") -> str:
    """Return a variable's text, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    """Return a variable as yes or no.

    Raises:
        ConfigurationError: it is neither.
    """
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ConfigurationError(f"{name} is '{value}'; use 1 or 0")
    return default


def words(name: str) -> list[str]:
    """Return a comma-separated variable as a list."""
    return [word.strip() for word in text(name).split(",") if word.strip()]
