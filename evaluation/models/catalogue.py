"""The catalogue: original images, private, each with where it comes from."""

from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def originals() -> Storage:
    """Return the private store of originals, which no address serves."""
    return storages["originals"]


def teaching_approval() -> models.CharField:
    """Return the field that names who has approved an image, or all of a dataset, for teaching."""
    return models.CharField(
        _("approved for teaching by"), max_length=150, blank=True, editable=False
    )


class Origin(models.TextChoices):
    """Whether a camera or a generator made an image."""

    REAL = "real", _("real")
    SYNTHETIC = "synthetic", _("AI-generated")


class OwnEntity(models.Model):
    """A diagnosis beside the built-in seven, under the code that images' metadata name."""

    code = models.SlugField(_("code"), max_length=16, unique=True)
    title = models.CharField(_("name"), max_length=80, help_text=_("Raters read this"))
    title_de = models.CharField(
        _("name in German"), max_length=80, blank=True, help_text=_("Empty: as above")
    )

    class Meta:
        verbose_name = _("diagnosis of your own")
        verbose_name_plural = _("diagnoses of your own")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.title


class Dataset(models.Model):
    """A set of real images imported together, under one licence."""

    name = models.SlugField(_("name"), max_length=64, unique=True)
    licence = models.CharField(_("licence"), max_length=64, help_text=_("SPDX identifier"))
    phantom = models.BooleanField(
        _("phantoms"), default=False, help_text=_("Drawn by a program in place of photographs")
    )
    teaching_approved_by = teaching_approval()
    imported_at = models.DateTimeField(_("imported"), auto_now_add=True)

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Image(models.Model):
    """An original, real or synthetic, as it was imported or generated."""

    name = models.CharField(_("name"), max_length=128)
    origin = models.CharField(_("origin"), max_length=9, choices=Origin)
    entity = models.CharField(_("entity"), max_length=16)

    dataset = models.ForeignKey(
        Dataset,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="images",
        verbose_name=_("dataset"),
    )
    generator = models.CharField(_("generator"), max_length=64, blank=True)
    generator_revision = models.CharField(_("revision"), max_length=64, blank=True)
    recipe = models.JSONField(
        _("recipe"), default=dict, blank=True, help_text=_("Seed, guidance, steps, prompt")
    )
    licence = models.CharField(_("licence"), max_length=64)

    lesion = models.CharField(_("lesion"), max_length=64, blank=True)
    diagnosed_by = models.CharField(_("diagnosed by"), max_length=80, blank=True)
    sex = models.CharField(_("sex"), max_length=16, blank=True)
    age = models.FloatField(_("age in years"), null=True, blank=True)
    site = models.CharField(_("body site"), max_length=64, blank=True)
    skin_tone = models.FloatField(
        _("skin tone"), null=True, blank=True, help_text=_("Individual typology angle in degrees")
    )
    measured_tone = models.FloatField(
        null=True, editable=False, help_text="The same angle, of the skin found in the pixels"
    )
    tone_method = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="By which it was measured; 0: not measured yet"
    )

    explanation = models.CharField(
        _("explanation"),
        max_length=300,
        blank=True,
        help_text=_("What gives it away, in a sentence; told where it is shown for practice"),
    )

    teaching_approved_by = teaching_approval()

    sha256 = models.CharField(max_length=64, unique=True)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    file = models.FileField(storage=originals, max_length=160)
    mask = models.FileField(storage=originals, max_length=160, blank=True)
    added_at = models.DateTimeField(_("added"), auto_now_add=True)
    resembles = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("most similar photograph"),
    )
    likeness = models.FloatField(
        _("likeness"), null=True, editable=False, help_text=_("To that photograph, at most 1")
    )
    suspected_copy = models.BooleanField(
        _("suspected copy"), default=False, editable=False, help_text=_("Left out of studies")
    )
    sealed = models.BooleanField(
        default=False,
        editable=False,
        help_text="A study that is open for reading has it: hidden from the web (see the triggers)",
    )

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ["pk"]
        indexes = [models.Index(fields=["origin", "entity"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(origin=Origin.REAL, dataset__isnull=False, generator="")
                | (Q(origin=Origin.SYNTHETIC, dataset__isnull=True) & ~Q(generator="")),
                name="image_comes_from_a_dataset_or_a_generator",
            ),
            models.UniqueConstraint(fields=["dataset", "name"], name="image_name_once_a_dataset"),
        ]

    def __str__(self) -> str:
        # Says nothing of origin or entity: the admin's log and messages show it.
        return f"image {self.pk}"
