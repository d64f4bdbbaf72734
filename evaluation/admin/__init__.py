"""The coordinator's pages, in Django's admin."""

from evaluation.admin import entities, images, studies, teaching, trail

__all__ = ["entities", "images", "studies", "teaching", "trail"]
