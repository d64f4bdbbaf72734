"""Studies: what is asked about which images, and what sealing freezes."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evaluation.design.questions import DEFAULT
from evaluation.design.staircase import Staircase
from evaluation.models.catalogue import Dataset, Image
from evaluation.models.teaching import Collection
from evaluation.seal import Seal


def default_questions() -> list[str]:
    """Return the published study's questions."""
    return [str(question) for question in DEFAULT]


class Study(models.Model):
    """A study: a draft until it is sealed, open for reading until it is closed (unblinded).

    One that teaches is open from the first moment: its cases are those of a collection, and what
    they are is told after each answer. It has neither draft nor seal nor report.
    """

    class Kind(models.TextChoices):
        """What a study is for."""

        READING = "reading", _("reading")
        TEACHING = "teaching", _("teaching")

    class State(models.TextChoices):
        """Where a study stands."""

        DRAFT = "draft", _("draft")
        SEALED = "sealed", _("open for reading")
        CLOSED = "closed", _("closed and unblinded")

    kind = models.CharField(
        _("kind"), max_length=8, choices=Kind, default=Kind.READING, editable=False
    )
    collection = models.ForeignKey(
        Collection,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="classes",
        verbose_name=_("teaching collection"),
    )
    times_right = models.PositiveSmallIntegerField(
        _("times right"), null=True, editable=False, help_text="In a row, until a case is learnt"
    )
    slug = models.SlugField(
        _("short name"), max_length=48, unique=True, help_text=_("Names the study in commands")
    )
    title = models.CharField(_("title"), max_length=120, help_text=_("Raters see this"))
    contact = models.CharField(
        _("contact"), max_length=120, blank=True, help_text=_("Whom raters may ask: name, e-mail")
    )
    questionnaire = models.BooleanField(
        _("ask raters about themselves"),
        default=True,
        help_text=_("Role, experience, colour vision; every answer is optional"),
    )
    device_check = models.BooleanField(
        _("check the raters' screens"),
        default=True,
        help_text=_("Eight greys, brightness, window; kept with the session, stops nobody"),
    )
    tell_share = models.BooleanField(
        _("tell raters that half is AI"),
        default=False,
        help_text=_("Else they learn that some images are photographs and some AI"),
    )
    debrief = models.BooleanField(
        _("ask raters at the end"),
        default=True,
        help_text=_("How many images they took for AI, and what gave them away; optional"),
    )
    consent_text = models.TextField(_("consent text"), blank=True)

    entities = models.JSONField(_("entities"), help_text=_("Codes, in the order of the buttons"))
    images_per_cell = models.PositiveSmallIntegerField(
        _("images per entity and origin"), default=10, validators=[MinValueValidator(1)]
    )
    dataset = models.ForeignKey(
        Dataset,
        on_delete=models.PROTECT,
        null=True,
        verbose_name=_("real images"),
        related_name="studies",
    )
    generators = models.JSONField(
        _("AI images by"),
        help_text=_("One or several generators, each balanced against real images"),
    )
    questions = models.JSONField(
        _("questions"), default=default_questions, help_text=_("In the order of the page")
    )
    shuffle_entities = models.BooleanField(
        _("diagnoses in an order of each rater's own"),
        default=False,
        help_text=_("Else all raters see the buttons in the order above"),
    )
    pairs = models.BooleanField(
        _("show pairs"),
        default=False,
        help_text=_("A real and an AI image of one diagnosis side by side: which one is AI?"),
    )
    exposure_ms = models.PositiveSmallIntegerField(
        _("shown for, in ms"),
        null=True,
        blank=True,
        validators=[MinValueValidator(100), MaxValueValidator(10_000)],
        help_text=_("Then a mask covers the image; empty: shown until it is answered"),
    )
    staircase = models.BooleanField(
        _("the time follows the answers"),
        default=False,
        help_text=_("Longer after an error, shorter after a right answer, which is told (HYPE)"),
    )
    step_up_ms = models.PositiveSmallIntegerField(
        _("longer by, in ms"), default=30, validators=[MinValueValidator(1)]
    )
    step_down_ms = models.PositiveSmallIntegerField(
        _("shorter by, in ms"),
        default=10,
        validators=[MinValueValidator(1)],
        help_text=_("30 and 10 meet where three answers in four are right"),
    )
    zoom = models.BooleanField(
        _("images can be enlarged"),
        default=True,
        help_text=_("Never in pairs, and not while the time is limited"),
    )
    one_resolution = models.BooleanField(
        _("one resolution for all"),
        default=False,
        help_text=_("Every original is first shrunk to the smallest one's size"),
    )
    turned = models.BooleanField(
        _("turn and crop at random"),
        default=False,
        help_text=_("So that a search by image does not find the photographs so easily"),
    )
    round_mask = models.BooleanField(
        _("cover the corners"),
        default=False,
        help_text=_("Everything but a disc is grey, since dark corners are of photographs"),
    )
    corrections = models.BooleanField(
        _("the last answer may be corrected"),
        default=False,
        help_text=_("Until the next one is given; both are kept, the later one counts"),
    )
    break_every = models.PositiveSmallIntegerField(
        _("images between breaks"),
        default=35,
        null=True,
        blank=True,
        validators=[MinValueValidator(5)],
        help_text=_("A pause is offered after so many; empty: never"),
    )
    practice_images = models.PositiveSmallIntegerField(
        _("practice images"),
        default=0,
        validators=[MaxValueValidator(30)],
        help_text=_("Shown first, with the right answer after each; never part of the study"),
    )
    checks = models.PositiveSmallIntegerField(
        _("attention checks"),
        default=0,
        validators=[MaxValueValidator(20)],
        help_text=_("Obvious cases among the others; they enter no result"),
    )
    checks_from = models.CharField(
        _("obvious cases from"),
        max_length=64,
        blank=True,
        help_text=_("A dataset or generator that the study does not compare"),
    )
    checks_needed = models.PositiveSmallIntegerField(
        _("checks needed"),
        default=0,
        help_text=_("Raters with fewer right are left out of the results"),
    )
    confidence_levels = models.PositiveSmallIntegerField(
        _("levels of confidence"),
        default=5,
        help_text=_("The one scale from real to AI has twice as many"),
        validators=[MinValueValidator(2), MaxValueValidator(5)],
    )

    raters_at_most = models.PositiveSmallIntegerField(
        _("raters at most"),
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(500)],
        help_text=_("A reading list for each is drawn when the study is sealed"),
    )
    readings_per_image = models.PositiveSmallIntegerField(
        _("raters an image"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("By how many of the raters each image is read; empty: by all"),
    )
    occasions = models.PositiveSmallIntegerField(
        _("readings a rater"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(3)],
        help_text=_("How often each rater reads their images, each time in another order"),
    )
    washout_days = models.PositiveSmallIntegerField(
        _("days between readings"), default=14, validators=[MaxValueValidator(365)]
    )
    repeats_percent = models.PositiveSmallIntegerField(
        _("images shown twice, in percent"),
        default=0,
        validators=[MaxValueValidator(25)],
        help_text=_("Shown again far later in the same reading, to see how steady a rater is"),
    )
    block_size = models.PositiveSmallIntegerField(
        _("images a block"),
        null=True,
        blank=True,
        validators=[MinValueValidator(2)],
        help_text=_("Every block holds the same share of everything; empty: no blocks"),
    )
    run_of_origin = models.PositiveSmallIntegerField(
        _("most of one origin in a row"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    run_of_entity = models.PositiveSmallIntegerField(
        _("most of one diagnosis in a row"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    counterbalanced = models.BooleanField(
        _("blocks counterbalanced"),
        default=False,
        help_text=_("All raters read the same blocks, each rater in another order of the blocks"),
    )
    analysis_plan = models.TextField(
        _("analysis plan"),
        blank=True,
        help_text=_("What will be compared, and by which margin; frozen with the design"),
    )
    margin = models.DecimalField(
        _("margin of equivalence"),
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal("0.49"))],
        help_text=_(
            "How far from 0.5 still counts as guessing, 0.10 for example; frozen with the design. "
            "Empty: the report cannot say that images pass for real"
        ),
    )
    seed = models.BigIntegerField(
        _("seed"), default=0, help_text=_("The same seed draws the same images")
    )

    tell_results = models.BooleanField(
        _("tell raters their results"),
        default=False,
        help_text=_("Their own only, behind their link, once the study is closed"),
    )
    opens_at = models.DateTimeField(
        _("reading opens"), null=True, blank=True, help_text=_("Empty: as soon as it is sealed")
    )
    closes_at = models.DateTimeField(
        _("reading ends"),
        null=True,
        blank=True,
        help_text=_("May be moved later; empty: when the study is closed"),
    )

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sealed_at = models.DateTimeField(_("sealed"), null=True, editable=False)
    protocol = models.JSONField(_("protocol"), null=True, editable=False)
    protocol_sha256 = models.CharField(_("protocol hash"), max_length=64, editable=False)
    truth_sha256 = models.CharField(_("commitment to the truth"), max_length=64, editable=False)
    draw_sha256 = models.CharField(max_length=64, editable=False)
    nonce_sha256 = models.CharField(max_length=64, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=64, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)

    class Meta:
        verbose_name = _("study")
        verbose_name_plural = _("studies")
        permissions = [("unblind_study", "Can close a study and open its truth")]
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="reading", dataset__isnull=False, collection=None)
                | Q(
                    kind="teaching",
                    dataset=None,
                    collection__isnull=False,
                    times_right__gt=0,
                    sealed_at__isnull=False,
                ),
                name="study_draws_and_a_class_has_a_collection",
            ),
            models.CheckConstraint(
                condition=Q(sealed_at__isnull=True, protocol__isnull=True)
                | Q(sealed_at__isnull=False, protocol__isnull=False),
                name="study_is_sealed_with_its_protocol",
            ),
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=~Q(fingerprint=""),
                name="fingerprint_of_one_study",
            ),
            models.CheckConstraint(
                condition=Q(opens_at=None) | Q(closes_at=None) | Q(closes_at__gt=F("opens_at")),
                name="reading_ends_after_it_opens",
            ),
            models.CheckConstraint(
                condition=Q(margin=None) | Q(margin__gt=0, margin__lt=Decimal("0.5")),
                name="margin_leaves_room_on_both_sides",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("sealed_at")),
                name="study_is_closed_after_sealing",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def teaches(self) -> bool:
        """Whether every answer is followed by what is right."""
        return self.kind == self.Kind.TEACHING

    @property
    def takes_answers(self) -> bool:
        """Whether raters may read now."""
        now = timezone.now()
        begun = self.opens_at is None or self.opens_at <= now
        over = self.closes_at is not None and self.closes_at <= now
        return self.state == self.State.SEALED and begun and not over

    @property
    def nonce(self) -> str:
        """The secret number of a closed study."""
        return self.secret.nonce

    @property
    def seal(self) -> Seal:
        """What is published of a sealed study."""
        return Seal(self.protocol_sha256, self.truth_sha256, self.draw_sha256, self.nonce_sha256)

    @property
    def stairs(self) -> Staircase:
        """How the exposure follows the answers, where it does."""
        return Staircase(self.exposure_ms or 0, self.step_up_ms, self.step_down_ms)

    @property
    def zoomable(self) -> bool:
        """Whether raters can enlarge the images."""
        return self.zoom and not self.pairs and self.exposure_ms is None

    @property
    def state(self) -> State:
        """Where the study stands."""
        if self.closed_at:
            return self.State.CLOSED
        return self.State.SEALED if self.sealed_at else self.State.DRAFT


class Use(models.TextChoices):
    """What an image is drawn for."""

    STUDY = "study", _("study")
    PRACTICE = "practice", _("practice")
    CHECK = "check", _("attention check")


class StudyImage(models.Model):
    """An image drawn for a study."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="drawn")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="drawn_for")
    use = models.CharField(max_length=8, choices=Use, default=Use.STUDY)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "image"], name="image_once_a_study")
        ]

    def __str__(self) -> str:
        return f"{self.image} in {self.study.slug}"
