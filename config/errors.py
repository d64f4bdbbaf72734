"""Failures of the set-up, each with its mend."""


class ConfigurationError(Exception):
    """A setting is wrong, or what it names cannot be reached."""
