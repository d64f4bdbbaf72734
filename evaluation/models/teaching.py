"""Collections of cases to teach with."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from evaluation.models.catalogue import Image


class Collection(models.Model):
    """Cases that a coordinator has put together; classes are opened from it.

    No study draws an image that a collection holds: whoever was taught it knows it.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("teaching collection")
        verbose_name_plural = _("teaching collections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Case(models.Model):
    """An image of a collection, with what there is to learn from it."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="cases")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="cases")
    features = models.CharField(
        _("key features"),
        max_length=600,
        blank=True,
        help_text=_("What to see in it; told after the answer"),
    )

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "image"], name="image_once_a_collection")
        ]

    def __str__(self) -> str:
        return f"{self.image} in {self.collection}"
