"""The form of a study: what decides it, while it is a draft."""

from pathlib import Path
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from evaluation.admin.base import on_disk
from evaluation.archive import import_study
from evaluation.design.questions import Question
from evaluation.entities import ENTITIES, entity_title, known_entities
from evaluation.errors import EvaluationError
from evaluation.material import generator_names
from evaluation.models import Dataset, Study
from evaluation.models.study import default_questions
from evaluation.studies import available_images, change_draft, count_lesions, create_study

#: A class begins a step of the form; what follows without one belongs to it.
FIELDSETS: tuple[tuple[Any, Any], ...] = (
    (
        _("Images"),
        {
            "fields": ("title", "slug", "dataset", "generators", "entities", "images_per_cell"),
            "classes": ("begins-step", "shows-stock"),
        },
    ),
    (
        _("Questions"),
        {
            "fields": ("questions", "shuffle_entities", "confidence_levels", "corrections"),
            "classes": ("begins-step",),
        },
    ),
    (
        _("Before and after the images"),
        {
            "fields": (
                "contact",
                "consent_text",
                "tell_share",
                "questionnaire",
                "device_check",
                "debrief",
                "tell_results",
            )
        },
    ),
    (
        _("Design"),
        {
            "fields": (
                "pairs",
                ("exposure_ms", "staircase"),
                ("step_up_ms", "step_down_ms"),
                "zoom",
                ("practice_images", "break_every"),
                "repeats_percent",
                ("checks", "checks_from", "checks_needed"),
                ("one_resolution", "turned", "round_mask"),
            ),
            "classes": ("begins-step",),
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
                "margin",
                "analysis_plan",
            ),
            "description": _(
                "Every rater has an order of their own. Left empty, it is purely random."
            ),
        },
    ),
    (
        _("Raters"),
        {
            "fields": (
                ("raters_at_most", "readings_per_image"),
                ("occasions", "washout_days"),
                ("opens_at", "closes_at"),
            ),
            "classes": ("begins-step", "shows-reach"),
        },
    ),
)


#: What each question is called on the desk.
QUESTIONS = {
    Question.ENTITY: _("diagnosis"),
    Question.ORIGIN: _("real or AI"),
    Question.SIDE: _("of a pair: which one is AI"),
    Question.CONFIDENCE: _("confidence in that"),
    Question.SCALE: _("instead of these two: one scale from real to AI"),
    Question.QUALITY: _("quality of the image"),
    Question.MARKS: _("places in the image that gave it away"),
    Question.REASON: _("reason, in words"),
}


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
    return [(name, name) for name in generator_names()]


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
        choices=list(QUESTIONS.items()),
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
            "shuffle_entities",
            "confidence_levels",
            "pairs",
            "exposure_ms",
            "staircase",
            "step_up_ms",
            "step_down_ms",
            "zoom",
            "one_resolution",
            "turned",
            "round_mask",
            "corrections",
            "break_every",
            "practice_images",
            "checks",
            "checks_from",
            "checks_needed",
            "contact",
            "consent_text",
            "tell_share",
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
            "margin",
            "analysis_plan",
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


class StockForm(forms.Form):
    """The choice of images while the form is filled in."""

    dataset = forms.ModelChoiceField(Dataset.objects.all())
    generators = forms.MultipleChoiceField(choices=generators_with_images)
    entities = forms.MultipleChoiceField(choices=lambda: list(known_entities().items()))
    images_per_cell = forms.IntegerField(min_value=1)
    study = forms.ModelChoiceField(Study.objects.all(), required=False)

    def stock(self) -> dict[str, Any]:
        """Return how many images there are of each entity and origin, and where they fall short."""
        given = self.cleaned_data
        dataset, generators = given.get("dataset"), given.get("generators", [])
        entities, wanted = given.get("entities", []), given.get("images_per_cell", 1)
        counts = count_lesions(
            available_images(dataset, generators, entities, besides=given.get("study"))
        )
        needed = {"": wanted * len(generators), **dict.fromkeys(generators, wanted)}
        arms = [arm for arm in needed if arm or dataset]
        return {
            "dataset": dataset,
            "generators": generators,
            "rows": [
                (
                    entity_title(entity),
                    [(counts[entity, arm], counts[entity, arm] < needed[arm]) for arm in arms],
                )
                for entity in entities
            ],
        }


class ArchiveForm(forms.Form):
    """The export of a study that was read on another server."""

    export = forms.FileField(
        label=_("Export"),
        help_text=_("The zip that “Download the data” gave on the other server"),
        widget=forms.FileInput(attrs={"accept": ".zip"}),
    )
    fingerprint = forms.CharField(
        label=_("Fingerprint"),
        required=False,
        max_length=64,
        help_text=_("As it was published before the first answer, if you have it"),
    )

    study: Study

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        """Remember who imports."""
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean(self) -> dict[str, Any]:
        """Verify and import it, so that what is wrong with it is said on the form."""
        data = super().clean() or {}
        if self.errors:
            return data
        known = [data["fingerprint"].strip()] if data["fingerprint"].strip() else []
        with on_disk(data["export"], ".zip") as path:
            try:
                self.study = import_study(Path(path), known, actor=self.actor)
            except EvaluationError as problem:
                self.add_error(None, str(problem).replace(path, data["export"].name))
        return data
