"""Sessions: who reads a study, in which order, and what they answered."""

import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evaluation.design.items import Kind
from evaluation.models.catalogue import Origin
from evaluation.models.sealed import Stimulus
from evaluation.models.study import Study


class Rater(models.Model):
    """Somebody or something that reads a study, known to the analysis by a random code only."""

    class Kind(models.TextChoices):
        """What reads."""

        HUMAN = "human", _("human")
        AI = "ai", _("AI")
        SIMULATED = "simulated", _("simulated")

    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, related_name="raters", verbose_name=_("study")
    )
    code = models.CharField(_("code"), max_length=12, editable=False)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind, default=Kind.HUMAN)
    label = models.CharField(
        _("name or e-mail"),
        max_length=120,
        blank=True,
        help_text=_("For your eyes only; never in the data"),
    )
    about = models.JSONField(
        _("about the rater"), null=True, editable=False, help_text="As they said it themselves"
    )
    results = models.JSONField(
        null=True, editable=False, help_text="Right answers and all, on each question"
    )
    reading_list = models.PositiveSmallIntegerField(editable=False, help_text="Its number, from 0")
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, editable=False)
    came_by = models.ForeignKey(
        "OpenLink", on_delete=models.PROTECT, null=True, editable=False, related_name="raters"
    )
    added_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("rater")
        verbose_name_plural = _("raters")
        ordering = ["study", "added_at"]
        constraints = [
            models.UniqueConstraint(fields=["study", "code"], name="rater_code_once_a_study"),
            models.UniqueConstraint(
                fields=["study", "reading_list"], name="reading_list_once_a_rater"
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.code


class OpenLink(models.Model):
    """A link by which raters invite themselves, up to a number."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="open_links")
    token = models.CharField(max_length=43, unique=True, editable=False)
    cap = models.PositiveSmallIntegerField(_("raters at most"))
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"open link of {self.study.slug}"


class Invitation(models.Model):
    """A link for one rater."""

    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="invitations")
    token = models.CharField(max_length=43, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return f"invitation of {self.rater}"


def new_key() -> str:
    """Return 192 random bits, as text that fits into an address or a cookie."""
    return secrets.token_urlsafe(24)


class Session(models.Model):
    """One rater's reading of a study on one occasion, with an order of its own."""

    rater = models.ForeignKey(
        Rater, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("rater")
    )
    occasion = models.PositiveSmallIntegerField(_("occasion"), default=1)
    key = models.CharField(max_length=43, unique=True, default=new_key, editable=False)
    images = models.PositiveSmallIntegerField(help_text="Practice apart")
    practice_images = models.PositiveSmallIntegerField(default=0)
    consented_at = models.DateTimeField(_("consented"), null=True)
    consent_sha256 = models.CharField(max_length=64, blank=True)
    declined_at = models.DateTimeField(_("declined"), null=True)
    device = models.JSONField(null=True, help_text="What the screen is and shows")
    window = models.CharField(
        max_length=16, blank=True, help_text="The one that reads: the last that was opened"
    )
    debrief = models.JSONField(null=True, help_text="What the rater said at the end")
    head = models.CharField(max_length=64, help_text="The last link of the answers' chain")
    started_at = models.DateTimeField(_("started"), null=True)
    completed_at = models.DateTimeField(_("completed"), null=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["rater", "occasion"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "occasion"], name="occasion_once_a_rater"),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True) | Q(consented_at__isnull=False),
                name="no_reading_without_consent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater}, occasion {self.occasion}"

    @property
    def opens_at(self) -> datetime | None:
        """When this occasion may begin; None while the one before it is not completed."""
        if self.occasion == 1:
            return self.rater.added_at
        before = self.rater.sessions.get(occasion=self.occasion - 1)
        washout = timedelta(days=self.rater.study.washout_days)
        return before.completed_at + washout if before.completed_at else None

    @property
    def is_open(self) -> bool:
        """Whether the occasion has come."""
        opens_at = self.opens_at
        return opens_at is not None and opens_at <= timezone.now()


class Trial(models.Model):
    """One stimulus at one position of a session, under an address that only this trial has."""

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="trials")
    position = models.PositiveSmallIntegerField(help_text="1 is the first")
    stimulus = models.ForeignKey(Stimulus, on_delete=models.PROTECT)
    beside = models.ForeignKey(
        Stimulus, on_delete=models.PROTECT, null=True, related_name="+", help_text="To the right"
    )
    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in Kind])
    block = models.PositiveSmallIntegerField(default=0)
    exposure_ms = models.PositiveSmallIntegerField(
        null=True, help_text="Set anew by the answer before where it follows the answers"
    )
    token = models.CharField(max_length=43, unique=True)
    answered = models.BooleanField(default=False, help_text="Set with the first answer")
    postponed = models.PositiveSmallIntegerField(
        default=0, help_text="Goes to the end, since its image did not arrive"
    )
    void_reason = models.CharField(
        max_length=200, blank=True, help_text="Why the answer counts nowhere"
    )
    shown_at = models.DateTimeField(null=True)
    times_shown = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["session", "position"]
        indexes = [
            models.Index(
                fields=["session"], condition=Q(answered=False), name="trial_to_be_answered"
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["session", "position"], name="position_once_a_session"),
            models.UniqueConstraint(
                fields=["session", "stimulus", "kind"],
                # Practice may be taken again, and a case that is not learnt comes back.
                condition=~Q(kind__in=[Kind.PRACTICE, Kind.CASE]),
                name="stimulus_once_a_session_and_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.position}"


class Side(models.TextChoices):
    """Where an image of a pair stands."""

    LEFT = "left", _("left")
    RIGHT = "right", _("right")


class Answer(models.Model):
    """What a rater said in one trial. Rows are only ever inserted (see the triggers).

    Questions that the study does not ask are empty.
    """

    trial = models.ForeignKey(Trial, on_delete=models.PROTECT, related_name="answers")
    version = models.PositiveSmallIntegerField(default=1, help_text="A correction is a new version")
    key = models.UUIDField(unique=True)
    entity = models.CharField(max_length=16, blank=True)
    origin = models.CharField(max_length=9, choices=Origin, blank=True)
    side = models.CharField(max_length=5, choices=Side, blank=True, help_text="Of the AI image")
    confidence = models.PositiveSmallIntegerField(null=True)
    scale = models.PositiveSmallIntegerField(null=True, help_text="1 is definitely real")
    quality = models.PositiveSmallIntegerField(null=True)
    marks = models.JSONField(default=list, help_text="Places [x, y] in pixels of the stimulus")
    reason = models.TextField(blank=True)
    response_ms = models.PositiveIntegerField()
    timing = models.JSONField(default=dict, help_text="How the response time was measured")
    answered_at = models.DateTimeField(default=timezone.now)
    digest = models.CharField(max_length=64, help_text="The link that the answer adds")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(response_ms__gt=0, response_ms__lt=86_400_000),
                name="answer_takes_time_but_not_a_day",
            ),
            models.UniqueConstraint(fields=["trial", "version"], name="version_once_a_trial"),
            models.CheckConstraint(
                condition=Q(confidence__gte=1, scale=None)
                | Q(confidence=None, scale__gte=1)
                | Q(confidence=None, scale=None),
                name="confidence_or_scale_from_one_up",
            ),
            models.CheckConstraint(
                condition=Q(origin__in=["", *Origin.values]), name="answered_origin_is_one_of_two"
            ),
            models.CheckConstraint(
                condition=Q(side__in=["", *Side.values]), name="answered_side_is_one_of_two"
            ),
            models.CheckConstraint(
                condition=~Q(origin="", entity="", side="", scale=None),
                name="answer_says_something",
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.trial}"
