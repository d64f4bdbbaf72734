"""What sealing adds to a study: stimuli, their truth, reading lists, the certificate."""

from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.utils import timezone

from evaluation.models.catalogue import Image, Origin, originals
from evaluation.models.study import Study, Use


def stimuli_store() -> Storage:
    """Return the store of rendered stimuli, read only by the view that checks whose turn it is."""
    return storages["stimuli"]


class Stimulus(models.Model):
    """What raters see of one image; made at sealing, numbered in an order that tells nothing.

    `feedback` is what is told after a practice image, and after any in a study whose exposure
    follows the answers, and after each of a study that teaches; of an attention check it is what
    coordinators watch. No other stimulus has any.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="stimuli")
    number = models.PositiveSmallIntegerField()
    file = models.FileField(storage=stimuli_store, max_length=160)
    sha256 = models.CharField(max_length=64)
    feedback = models.JSONField(null=True)

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="stimulus_number_once_a_study")
        ]

    def __str__(self) -> str:
        return f"{self.study.slug} {self.number}"


class StimulusTruth(models.Model):
    """What a stimulus was made from, as it stood in the catalogue when the study was sealed.

    Kept apart, since no page of a rater may reach it. `image` is missing where the study was
    imported and the server does not have it.
    """

    #: What is copied from the image, and all that the commitment holds of a stimulus beside
    #: its number and its bytes.
    OF_IMAGE = (
        "entity",
        "origin",
        "generator",
        "lesion",
        "sex",
        "age",
        "site",
        "skin_tone",
        "explanation",
    )
    SEALED = ("original_sha256", "use", *OF_IMAGE)

    stimulus = models.OneToOneField(
        Stimulus, on_delete=models.PROTECT, primary_key=True, related_name="truth"
    )
    image = models.ForeignKey(Image, on_delete=models.PROTECT, null=True, related_name="stimuli")
    original_sha256 = models.CharField(max_length=64)
    use = models.CharField(max_length=8, choices=Use)
    entity = models.CharField(max_length=16)
    origin = models.CharField(max_length=9, choices=Origin)
    generator = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=128)
    lesion = models.CharField(max_length=64, blank=True)
    sex = models.CharField(max_length=16, blank=True)
    age = models.FloatField(null=True)
    site = models.CharField(max_length=64, blank=True)
    skin_tone = models.FloatField(null=True)
    explanation = models.CharField(max_length=300, blank=True)
    salt = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"truth of {self.stimulus}"


class StudySecret(models.Model):
    """The number that salts a study's commitments and decides its orders; 32 bytes in hex."""

    study = models.OneToOneField(
        Study, on_delete=models.PROTECT, primary_key=True, related_name="secret"
    )
    nonce = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"secret of {self.study.slug}"


class ReadingList(models.Model):
    """What one planned rater reads on one occasion.

    A showing is the number of the stimulus (the left one of a pair), that of the right one or
    null, its kind, and its block.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reading_lists")
    number = models.PositiveSmallIntegerField(help_text="From 0")
    occasion = models.PositiveSmallIntegerField(help_text="From 1")
    showings = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "number", "occasion"], name="reading_list_once_an_occasion"
            )
        ]

    def __str__(self) -> str:
        return f"{self.study.slug}, list {self.number}, occasion {self.occasion}"


class Certificate(models.Model):
    """What the audit of a draft found; the protocol holds its hash.

    `document` is signed and tells the origin of no image; `page` shows images, and is hidden with
    the originals while the study is read.
    """

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, primary_key=True, related_name="certificate"
    )
    subject = models.CharField(max_length=64, help_text="What was audited, see certificates.py")
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    page = models.FileField(storage=originals, max_length=160, blank=True)
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"certificate of {self.study.slug}"

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return bool(self.document["passed"])

    @property
    def refused(self) -> bool:
        """Whether the study must not be opened at all."""
        return bool(self.document["refused"])
