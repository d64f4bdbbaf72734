"""The form of a study: what decides it, while it is a draft."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from evaluation.design.questions import Question
from evaluation.entities import ENTITIES, known_entities
from evaluation.errors import EvaluationError
from evaluation.models import Image, Origin, Study
from evaluation.models.study import default_questions
from evaluation.studies import change_draft, create_study

FIELDSETS: tuple[tuple[Any, Any], ...] = (
    (None, {"fields": ("title", "slug", "dataset", "generators", "images_per_cell")}),
    (_("Questions"), {"fields": ("questions", "entities", "confidence_levels")}),
    (
        _("Reading"),
        {
            "fields": (
                "pairs",
                ("exposure_ms", "staircase"),
                ("step_up_ms", "step_down_ms"),
                ("practice_images", "break_every"),
                "zoom",
                "corrections",
                ("checks", "checks_from", "checks_needed"),
            ),
            "classes": ("collapse",),
        },
    ),
    (
        _("Before and after the images"),
        {
            "fields": (
                "contact",
                "consent_text",
                "questionnaire",
                "device_check",
                "debrief",
                "tell_results",
            )
        },
    ),
    (
        _("Raters and readings"),
        {
            "fields": (
                ("opens_at", "closes_at"),
                ("raters_at_most", "readings_per_image"),
                ("occasions", "washout_days"),
                "repeats_percent",
            ),
            "classes": ("collapse",),
        },
    ),
    (
        _("Order"),
        {
            "fields": (
                "block_size",
                "counterbalanced",
                ("run_of_origin", "run_of_entity"),
                "seed",
            ),
            "classes": ("collapse",),
            "description": _(
                "Every rater has an order of their own. Left empty, it is purely random."
            ),
        },
    ),
)


class OrderedChoices(forms.CheckboxSelectMultiple):
    """Boxes in an order of the coordinator's own, which buttons beside them change."""

    class Media:
        js = (forms.Script("evaluation/ordered.js", type="module"),)

    def __init__(self) -> None:
        """Tell the script which lists are its own."""
        super().__init__(attrs={"data-ordered": _("up")})

    def optgroups(
        self, name: str, value: list[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        """Return what is chosen first, as it was ordered."""
        groups = super().optgroups(name, value, attrs)
        places = {str(each): place for place, each in enumerate(value)}
        return sorted(groups, key=lambda group: places.get(group[1][0]["value"], len(places)))


def generators_with_images() -> list[tuple[str, str]]:
    """Return the generators that a study can draw from, as choices."""
    made = Image.objects.filter(origin=Origin.SYNTHETIC).values_list("generator", flat=True)
    return [(name, name) for name in sorted(set(made))]


class StudyForm(forms.ModelForm):
    """What decides a study, while it is a draft."""

    entities = forms.MultipleChoiceField(
        label=_("Diagnoses"),
        widget=OrderedChoices,
        initial=list(ENTITIES),
        choices=lambda: list(known_entities().items()),
    )
    questions = forms.MultipleChoiceField(
        label=_("Questions"),
        widget=OrderedChoices,
        initial=default_questions,
        choices=[
            (Question.ENTITY, _("diagnosis")),
            (Question.ORIGIN, _("real or AI")),
            (Question.SIDE, _("of a pair: which one is AI")),
            (Question.CONFIDENCE, _("confidence in that")),
            (
                Question.SCALE,
                _("instead of these two: one scale from real to AI"),
            ),
            (Question.QUALITY, _("quality of the image")),
            (Question.MARKS, _("places in the image that gave it away")),
            (Question.REASON, _("reason, in words")),
        ],
    )
    generators = forms.MultipleChoiceField(
        label=_("AI images by"),
        widget=forms.CheckboxSelectMultiple,
        choices=generators_with_images,
        help_text=_("One or several generators; there are as many real images as AI images"),
    )

    class Meta:
        model = Study
        fields = (
            "title",
            "slug",
            "dataset",
            "generators",
            "entities",
            "images_per_cell",
            "questions",
            "confidence_levels",
            "pairs",
            "exposure_ms",
            "staircase",
            "step_up_ms",
            "step_down_ms",
            "zoom",
            "corrections",
            "break_every",
            "practice_images",
            "checks",
            "checks_from",
            "checks_needed",
            "contact",
            "consent_text",
            "questionnaire",
            "device_check",
            "debrief",
            "tell_results",
            "opens_at",
            "closes_at",
            "raters_at_most",
            "readings_per_image",
            "occasions",
            "washout_days",
            "repeats_percent",
            "block_size",
            "run_of_origin",
            "run_of_entity",
            "counterbalanced",
            "seed",
        )

    #: Who fills the form in; set for each request.
    actor: User

    def clean(self) -> dict[str, Any]:
        """Draw the images already here, so that a shortage is said beside the fields."""
        data = super().clean() or {}
        if self.errors or "slug" not in data:
            return data
        try:
            if self.instance.pk:
                self.instance = change_draft(self.instance, data, actor=self.actor)
            else:
                self.instance = create_study(**data, actor=self.actor)
        except EvaluationError as problem:
            self.add_error(None, str(problem))
        return data

    def save(self, commit: bool = True) -> Study:
        """Return the study: cleaning has made it."""
        return self.instance

    def save_m2m(self) -> None:
        """Nothing is left to do."""

    def _post_clean(self) -> None:
        """Leave the instance alone: the services have filled and checked it."""
