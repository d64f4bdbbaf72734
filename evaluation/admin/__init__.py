"""The coordinator's pages, in Django's admin."""

from evaluation.admin import images, studies, trail

__all__ = ["images", "studies", "trail"]
