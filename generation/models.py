"""Batches: planned sets of images, and how far each is."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evaluation.models import Image


class Batch(models.Model):
    """A planned set of synthetic images that can be made in parts, by several processes."""

    generator = models.CharField(_("generator"), max_length=64)
    revision = models.CharField(
        max_length=64, blank=True, help_text="Of the generator that made it; empty until it starts"
    )
    made_with = models.JSONField(
        default=dict, editable=False, help_text="Of the generator, its weights among them"
    )
    compute_batch = models.PositiveIntegerField(
        null=True, editable=False, help_text="Images painted at once, which decides pixels, too"
    )
    compiled = models.BooleanField(default=False, editable=False)
    entities = models.JSONField(_("entities"))
    per_entity = models.PositiveIntegerField(_("images per entity"))
    seed = models.BigIntegerField(_("seed"), default=0)
    consecutive = models.BooleanField(
        default=False,
        editable=False,
        help_text="The images' seeds are this one and those that follow, not drawn from it",
    )
    asked = models.JSONField(
        _("asked for"),
        default=dict,
        blank=True,
        help_text=_("Beside the diagnosis and skin tones: prompt, or sex, age, site; lesion"),
    )
    tones = models.JSONField(
        _("skin tones"),
        default=list,
        blank=True,
        help_text=_("Typology angles in degrees; the images of each diagnosis are dealt to them"),
    )
    guidance = models.FloatField(_("guidance"))
    steps = models.PositiveSmallIntegerField(_("steps"))
    size = models.PositiveSmallIntegerField(
        default=256, editable=False, help_text="Side of the images, in px"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    problem = models.TextField(_("problem"), blank=True, editable=False)
    stopped = models.BooleanField(
        default=False, editable=False, help_text="Nothing more is begun until it is gone on with"
    )

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class PlannedImage(models.Model):
    """One image of a batch: claimed by a process for a while, then done."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="planned")
    index = models.PositiveIntegerField()
    entity = models.CharField(max_length=16)
    seed = models.BigIntegerField()
    tone = models.FloatField(null=True)
    claimed_until = models.DateTimeField(null=True)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "index"], name="index_once_a_batch"),
            models.UniqueConstraint(fields=["batch", "entity", "seed"], name="seed_once_a_batch"),
        ]
        indexes = [
            models.Index(fields=["batch", "index"], condition=Q(image=None), name="planned_open")
        ]

    def __str__(self) -> str:
        return f"image {self.index} of {self.batch}"
