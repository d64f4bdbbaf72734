"""The settings package as an app, so that it can hold the commands that span all others."""

from django.apps import AppConfig


class ProductConfig(AppConfig):
    """Set-up, serving and the demonstration."""

    name = "config"
