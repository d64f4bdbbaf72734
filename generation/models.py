"""Batches of images that are planned, and photographs that are submitted to be de-identified."""

import uuid

from django.conf import settings
from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
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
    guidance = models.FloatField(
        _("guidance"), null=True, help_text=_("Empty: as suits the generator")
    )
    steps = models.PositiveSmallIntegerField(
        _("steps"), null=True, help_text=_("Empty: as suits the generator")
    )
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
        return f"{self._meta.verbose_name} {self.pk}"


class PlannedImage(models.Model):
    """One image of a batch: claimed by a process for a while, then done."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="planned")
    index = models.PositiveIntegerField()
    entity = models.CharField(max_length=16)
    seed = models.BigIntegerField()
    tone = models.FloatField(null=True)
    claimed_until = models.DateTimeField(null=True)
    claimed_by = models.IntegerField(null=True)  # the process's connection, by PostgreSQL's number
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


def submissions() -> Storage:
    """Return the private store of submitted photographs and their copies; no address serves it."""
    return storages["submissions"]


class SubmissionState(models.TextChoices):
    """Where a submission stands: who has to do something next."""

    MAKING = "making", _("the copy is being made")
    FAILED = "failed", _("no copy was made")
    MADE = "made", _("waits for a reviewer")
    REVIEWED = "reviewed", _("waits for an editor")
    APPROVED = "approved", _("approved")
    RETURNED = "returned", _("returned")


class Submission(models.Model):
    """A photograph that shall have a public copy in which only the lesion is its own.

    `original` and `mask` hold pixels and nothing else of the files that were submitted; they are
    empty once they are deleted.
    """

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions"
    )
    submitted_at = models.DateTimeField(auto_now_add=True)
    folder = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    original = models.FileField(storage=submissions, max_length=80, blank=True)
    mask = models.FileField(storage=submissions, max_length=80, blank=True)

    entity = models.CharField(max_length=16)
    sex = models.CharField(max_length=16, blank=True)
    age = models.FloatField(null=True, help_text="The middle of a band, in years")
    site = models.CharField(max_length=64, blank=True)
    tone = models.FloatField(null=True, help_text="Typology angle; null: as around the lesion")
    licence = models.CharField(max_length=40)
    generator = models.CharField(max_length=64)
    seed = models.PositiveIntegerField(default=0, help_text="Counts the copies that were tried")

    state = models.CharField(max_length=8, choices=SubmissionState, default=SubmissionState.MAKING)
    since = models.DateTimeField(default=timezone.now, help_text="In this state")
    problem = models.TextField(blank=True)
    copy = models.FileField(storage=submissions, max_length=80, blank=True)
    checks = models.JSONField(default=list, help_text="Name, found, limit, problem of each")
    report = models.JSONField(default=dict)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was returned")
    image = models.ForeignKey(
        Image,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The copy in the catalogue",
    )

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("review_submission", "Can see the originals of submissions"),
            ("approve_submission", "Can approve the copies of submissions"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=SubmissionState.APPROVED)
                | (Q(reviewed_by__isnull=False, approved_by__isnull=False) & ~Q(copy="")),
                name="submission_is_approved_with_a_copy_by_two",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by=None) | ~Q(reviewed_by=F("author")),
                name="submission_is_not_reviewed_by_its_author",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("author")),
                name="submission_is_not_approved_by_its_author",
            ),
        ]

    def __str__(self) -> str:
        return f"submission {self.pk}"
