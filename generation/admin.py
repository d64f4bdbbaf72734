"""Batches in the admin: start one, watch it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from evaluation.admin.base import PlainAdmin, who
from evaluation.entities import ENTITIES, entity_title
from evaluation.skin_names import SKIN_NAMES
from generation.batches import Asked, images_of, plan_batch, progress_of
from generation.engine.generator import GenerationError
from generation.engine.lesions import LONGEST
from generation.engine.vocabulary import LEAST_GUIDANCE, LEAST_STEPS
from generation.forms import SEX_NAMES, SKIN_DEGREES, known_generators
from generation.models import Batch
from generation.shapes import (
    lesion_words,
    mask_field,
    mask_or_refused,
    picture_of,
    written_or_refused,
)
from generation.tasks import start_batch
from generation.tones import reached_tones

SHOWN = 120  # images on a batch's page
HOW = ("guidance", "seed", "steps")
ASKED = ("prompt", "sex", "age", "site", "lesion")


class BatchForm(forms.ModelForm):
    """What to generate."""

    generator = forms.ChoiceField(label=_("Generator"), choices=known_generators)
    entities = forms.MultipleChoiceField(
        label=_("Diagnoses"),
        widget=forms.CheckboxSelectMultiple,
        initial=list(ENTITIES),
        choices=list(ENTITIES.items()),
    )
    per_entity = forms.IntegerField(
        label=_("Images of each"),
        initial=10,
        min_value=1,
        max_value=10_000,
        help_text=_("About a second each on a plain computer"),
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        required=False,
        max_length=300,
        help_text=_("In words: melanoma on the back of a 60-year-old woman. Or choose below."),
        widget=forms.TextInput(attrs={"size": 60}),
    )
    sex = forms.ChoiceField(
        label=_("Sex"),
        required=False,
        choices=[("", _("any")), *SEX_NAMES.items()],
    )
    age = forms.FloatField(label=_("Age in years"), required=False, min_value=0, max_value=110)
    site = forms.CharField(
        label=_("Body site"), required=False, help_text=_("In English: back, face, foot, …")
    )
    tones = forms.TypedMultipleChoiceField(
        label=_("Skin"),
        required=False,
        coerce=float,
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (degrees, format_lazy("{} ({:+.0f}°)", name, degrees))
            for degrees, name in zip(SKIN_DEGREES, SKIN_NAMES, strict=True)
        ],
        help_text=_(
            "None: any. Several: as many images of each, in every diagnosis. Only generators that "
            "are told the tone, such as dermgan"
        ),
    )
    lesion = forms.CharField(
        label=_("Lesion"),
        required=False,
        max_length=LONGEST,
        help_text=_(
            "Centre and size as shares of the side, x,y,width,height, such as 0.5,0.5,0.4,0.3. "
            "Only generators that are told the lesion, such as dermgan"
        ),
        widget=forms.TextInput(attrs={"size": 30, "spellcheck": "false"}),
    )
    mask = mask_field()
    guidance = forms.FloatField(
        label=_("Guidance"),
        required=False,
        min_value=LEAST_GUIDANCE,
        max_value=20,
        help_text=_(
            "1 is freest; higher is more typical of the diagnosis, and more alike. Empty: as suits "
            "the generator"
        ),
    )
    steps = forms.IntegerField(
        label=_("Steps"),
        required=False,
        min_value=LEAST_STEPS,
        max_value=200,
        help_text=_("More take longer. Empty: as suits the generator"),
    )

    class Meta:
        model = Batch
        fields = ("generator", "entities", "per_entity", "seed", "guidance", "steps")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Let a prompt name the diagnosis instead of the boxes."""
        super().__init__(*args, **kwargs)
        self.fields["entities"].required = False

    def clean_lesion(self) -> str:
        """Take what is a lesion."""
        return written_or_refused(self.cleaned_data["lesion"])

    def clean_mask(self) -> str:
        """Return the mask as it is written down."""
        return mask_or_refused(self.cleaned_data["mask"])

    def clean(self) -> dict[str, Any]:
        """Plan the batch, so that what cannot be done is said beside the fields."""
        data = super().clean() or {}
        if not self.errors:
            try:
                if mask := data.pop("mask"):
                    if data["lesion"]:
                        raise GenerationError("a mask says where the lesion is; leave one out")
                    data["lesion"] = mask
                told = {name: data.pop(name) for name in ASKED}
                asked = Asked(**{name: v for name, v in told.items() if v not in ("", None)})
                if asked.prompt:
                    data["entities"] = []  # the prompt names the diagnosis
                self.instance = plan_batch(**data, asked=asked)
            except GenerationError as problem:
                self.add_error(None, str(problem))
        return data

    def save(self, commit: bool = True) -> Batch:
        """Return the batch: cleaning has planned it."""
        return self.instance

    def save_m2m(self) -> None:
        """Nothing is left to do."""

    def _post_clean(self) -> None:
        """Leave the instance alone: the service has filled it."""


@admin.register(Batch)
class BatchAdmin(PlainAdmin):
    """Batches with their progress; adding one starts it in the background."""

    form = BatchForm
    add_title = _("Generate AI images")
    list_display = ("__str__", "generator", "progress", "standing", "created_at")
    fieldsets = (
        (None, {"fields": ("generator", "entities", "per_entity")}),
        (_("What else the images shall show"), {"fields": (*ASKED, "mask", "tones")}),
        (_("How they are made"), {"fields": HOW}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Batch | None = None) -> Any:
        """Show of a batch what was asked for."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        shown = ("generator", "diagnoses", "per_entity", "asked_for", "tones", *HOW)
        return ((None, {"fields": shown}),)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the images with the photographs that they resemble most."""
        batch = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if batch:
            images = images_of(batch).order_by(F("likeness").desc(nulls_last=True), "pk")
            context = {
                "progress": progress_of(batch),
                "compared": images.exclude(likeness=None).exists(),
                "suspected": images.filter(suspected_copy=True).count(),
                "pairs": images[:SHOWN],
                "tones": reached_tones(batch),
            }
        context |= extra_context or {}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description=_("Diagnoses"))
    def diagnoses(self, batch: Batch) -> str:
        """What the images show."""
        return ", ".join(entity_title(code) for code in batch.entities)

    @admin.display(description=_("asked for"))
    def asked_for(self, batch: Batch) -> SafeString:
        """What was asked of every image, a mask as a picture."""
        asked = {**batch.asked}
        lesion = asked.pop("lesion", "")
        rows = [(BatchForm.base_fields[name].label, value) for name, value in asked.items()]
        if lesion:
            picture = picture_of(lesion, batch.seed)
            said = '{} <img src="{}" width="64" height="64" alt="">'
            label = BatchForm.base_fields["lesion"].label
            rows.append((label, format_html(said, lesion_words(lesion), picture)))
        return format_html_join(mark_safe("<br>"), "{}: {}", rows)

    @admin.display(description=_("made"))
    def progress(self, batch: Batch) -> SafeString:
        """How far it is."""
        done, total = progress_of(batch)
        return format_html(
            '<progress max="{}" value="{}"></progress> {} / {}', total, done, done, total
        )

    @admin.display(description=_("state"))
    def standing(self, batch: Batch) -> str:
        """Where it stands, or what hinders it."""
        done, total = progress_of(batch)
        if batch.problem and done < total:
            return batch.problem
        if batch.stopped and done < total:
            return str(_("stopped"))
        return str(_("finished") if done == total else _("being made") if done else _("waiting"))

    def save_model(
        self, request: HttpRequest, obj: Batch, form: forms.ModelForm, change: bool
    ) -> None:
        """Start the batch that the form has planned."""
        start_batch(obj, who(request))
        self.message_user(request, _("The images are being made. Reload this page to see how far."))

    def has_change_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """A batch is what was planned."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Batch | None = None) -> bool:
        """A batch says how its images were made."""
        return False
