"""What the page that generates images asks, fitted to what the chosen generator honours."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from evaluation.entities import entity_title, known_entities
from evaluation.skin.tones import TONES
from evaluation.skin_names import SKIN_NAMES, skin_name
from generation.batches import OWN_WEIGHTS, Asked, next_seed, plan_batch
from generation.engine.colour import skin_of_tone
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.lesions import LONGEST
from generation.engine.prompts import entity_in, prompt_of
from generation.engine.registry import generator_names, template_of, vocabulary_of
from generation.engine.vocabulary import (
    ATTRIBUTES,
    GUIDANCE,
    LEAST_GUIDANCE,
    LEAST_STEPS,
    LEAST_TONE,
    MOST_TONE,
    OPEN,
    Vocabulary,
)
from generation.models import Batch
from generation.shapes import lesion_words, mask_field, mask_or_refused, written_or_refused

MOST = 24  # images at once
WORDS, CHOICES = "words", "choices"
HOW = ("guidance", "steps")
EXAMPLE = "melanoma on the back of a 60-year-old woman"
#: A typology angle within each class of `SKINS`.
SKIN_DEGREES = (-50.0, -10.0, 19.0, 34.0, 48.0, 65.0)
#: What the classes are called by Fitzpatrick's types and on the scale of Monk, by the typology
#: angles of both (of Monk's ten colours, computed; of Fitzpatrick's types, as is usual).
SKIN_SCALES = (
    ("VI", "8–10"),
    ("V", "7"),
    ("IV", "6"),
    ("III", "5–6"),
    ("II", "5"),
    ("I", "1–4"),
)
SEX_NAMES = {"female": _("female"), "male": _("male")}
#: What the sites that a generator may have learnt are called on the page.
SITE_NAMES = {
    "abdomen": _("abdomen"),
    "back": pgettext_lazy("body site", "back"),
    "chest": _("chest"),
    "ear": _("ear"),
    "face": _("face"),
    "foot": _("foot"),
    "genital": _("genital region"),
    "hand": _("hand"),
    "head or neck": _("head or neck"),
    "lower extremity": _("lower extremity"),
    "neck": _("neck"),
    "scalp": _("scalp"),
    "trunk": _("trunk"),
    "upper extremity": _("upper extremity"),
}


def known_generators() -> list[tuple[str, str]]:
    """Return all generators, as choices."""
    return [(name, name) for name in generator_names(OWN_WEIGHTS)]


class GenerateForm(forms.Form):
    """What to generate a few images of, in words or by choices.

    It offers what the generator that is chosen in its data honours; what was typed for another
    one is passed over. A valid form holds what is `asked` of its images, the `wanted_tone` of their
    skin, and the entity that it `shows`.
    """

    generator = forms.ChoiceField(label=_("Generator"), choices=known_generators)
    by = forms.ChoiceField(
        label=_("Describe the images"),
        choices=[(WORDS, _("In words")), (CHOICES, _("By choices"))],
        widget=forms.RadioSelect,
    )
    prompt = forms.CharField(
        label=_("Prompt, in English"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    named = forms.ChoiceField(label=_("Diagnosis"), required=False)
    entity = forms.ChoiceField(label=_("Diagnosis"), required=False)
    sex = forms.ChoiceField(
        label=_("Sex"), required=False, choices=[("", _("any")), *SEX_NAMES.items()]
    )
    age = forms.IntegerField(
        label=_("Age in years"),
        required=False,
        min_value=0,
        max_value=110,
        widget=forms.NumberInput(attrs={"placeholder": _("any")}),
    )
    site = forms.CharField(
        label=_("Body site"), required=False, max_length=60, help_text=_("In English")
    )
    tone = forms.TypedChoiceField(
        label=_("Skin"),
        required=False,
        coerce=float,
        empty_value=None,
        choices=[("", _("any")), *zip(SKIN_DEGREES, SKIN_NAMES, strict=True)],
    )
    lesion = forms.CharField(
        label=_("Lesion"),
        required=False,
        max_length=LONGEST,
        help_text=_(
            "Centre and size as shares of the side, x,y,width,height. Empty: as photographs have it"
        ),
        widget=forms.TextInput(attrs={"placeholder": _("any"), "spellcheck": "false"}),
    )
    mask = mask_field()
    count = forms.IntegerField(label=_("Images"), min_value=1, max_value=MOST)
    guidance = forms.FloatField(
        label=_("Guidance"),
        required=False,
        min_value=LEAST_GUIDANCE,
        max_value=20,
        help_text=_("1 is freest; higher is more typical of the diagnosis, and more alike"),
    )
    steps = forms.IntegerField(
        label=_("Steps"),
        required=False,
        min_value=LEAST_STEPS,
        max_value=200,
        help_text=_("More take longer"),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=2**63 - 1 - MOST,
        help_text=_("Empty: new images every time. A number: the same ones again"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "placeholder": _("new")}),
    )

    def __init__(
        self, given: Mapping[str, str], files: MultiValueDict[str, UploadedFile] | None = None
    ) -> None:
        """Fit the fields to the generator in `given`."""
        super().__init__(dict(given), files, label_suffix="")
        self.broken, self.vocabulary = "", OPEN
        name = given.get("generator", "")
        try:
            if name in generator_names(OWN_WEIGHTS):
                self.vocabulary = vocabulary_of(name, OWN_WEIGHTS)
                self.template = template_of(name, OWN_WEIGHTS)
        except GenerationError as problem:
            self.broken = str(problem)
        self._offer(self.vocabulary)

    def _offer(self, vocabulary: Vocabulary) -> None:
        titles = known_entities()
        entities = [(code, titles.get(code, code)) for code in vocabulary.entities]
        self.fields["entity"] = _choice(_("Diagnosis"), entities)
        self.fields["named"] = _choice(_("Diagnosis"), [("", _("as the prompt says")), *entities])
        if vocabulary.closed:
            del self.fields["named"]  # its prompts name one
            sites = [(site, SITE_NAMES.get(site, site)) for site in vocabulary.sites]
            sites.sort(key=lambda each: str(each[1]).casefold())
            self.fields["site"] = _choice(_("Body site"), [("", _("any")), *sites])
        for name in ATTRIBUTES:
            if name not in vocabulary.attributes:
                del self.fields[name]
        if vocabulary.shaped:
            self.fields["tone"] = forms.FloatField(
                label=_("Skin"),
                required=False,
                min_value=LEAST_TONE,
                max_value=MOST_TONE,
                help_text=_("Individual typology angle in degrees"),
                widget=forms.NumberInput(attrs={"step": 1, "placeholder": _("any")}),
            )
        else:
            del self.fields["lesion"], self.fields["mask"]
        if vocabulary.solved:
            self._show_usual(vocabulary)
        else:
            del self.fields["guidance"], self.fields["steps"]
        if not vocabulary.prompted:
            del self.fields["prompt"]
            self.data = {**self.data, "by": CHOICES}
        for name in {"entity", "named", "sex", "site", "tone"} & set(self.fields):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                codes = [str(code) for code, _title in cast(Any, field.choices)]
                if self.data.get(name) not in codes:  # it was chosen for another generator
                    self.data = {**self.data, name: codes[0]}

    def _show_usual(self, vocabulary: Vocabulary) -> None:
        """Show what is taken where nothing is typed."""
        suited = sorted({vocabulary.guidance.get(e, GUIDANCE) for e in vocabulary.entities})
        shown = f"{suited[0]:g}" if len(suited) == 1 else f"{suited[0]:g} – {suited[-1]:g}"
        self.fields["guidance"].widget.attrs["placeholder"] = shown
        self.fields["steps"].widget.attrs["placeholder"] = str(vocabulary.steps)

    def clean_lesion(self) -> str:
        """Take a mask of any size; a file takes the place of whatever stands here."""
        return "" if "mask" in self.files else written_or_refused(self.cleaned_data["lesion"])

    def clean_mask(self) -> str:
        """Let the mask be the lesion, in the form as well, which cannot keep the file."""
        mask = mask_or_refused(self.cleaned_data["mask"])
        if mask:
            self.cleaned_data["lesion"] = mask
            self.data = {**self.data, "lesion": mask}
        return mask

    def clean(self) -> dict[str, Any]:
        """Refuse what the generator does not honour, in its own words."""
        data = super().clean() or {}
        if self.broken:
            self.add_error("generator", self.broken)
        if self.errors:
            return data
        try:
            self.asked = self._asked(data)
            self.wanted_tone = data.get("tone") if data["by"] == CHOICES else None
            self.shows = self._entity(data)
            self.vocabulary.check(self._request())
        except GenerationError as problem:
            self.add_error(None, str(problem))
        return data

    def _asked(self, data: dict[str, Any]) -> Asked:
        if data["by"] == WORDS:
            return Asked(prompt=" ".join(data["prompt"].split()))
        told = {name: data.get(name) for name in ("sex", "age", "site", "lesion")}
        if told["age"] is not None:
            told["age"] = float(told["age"])
        return Asked(**{name: value for name, value in told.items() if value not in ("", None)})

    def _entity(self, data: dict[str, Any]) -> str:
        if data["by"] == CHOICES:
            return data["entity"]
        assert self.asked.prompt is not None
        said = entity_in(self.asked.prompt, self.vocabulary.entities) or data.get("named")
        if not said:
            raise GenerationError(
                gettext("The prompt names no diagnosis; put one in, such as melanoma.")
            )
        return said

    def _request(self) -> ImageRequest:
        return self.asked.request(self.shows, 0, tone=self.wanted_tone)

    def amounts_to(self) -> str:
        """Return the prompt that a valid form's choices amount to."""
        return prompt_of(self._request(), self.template)

    def tones(self) -> list[tuple[float, str, str, str, str]]:
        """Return the classes of skin tones: from how many degrees on, names, and a colour."""
        starts = (LEAST_TONE, *TONES)
        return [
            (start, str(name), *scales, _hex(degrees))
            for start, name, scales, degrees in zip(
                starts, SKIN_NAMES, SKIN_SCALES, SKIN_DEGREES, strict=True
            )
        ]

    def diagnosis(self) -> str:
        """Return what the images of a valid form are recorded to show."""
        return entity_title(self.shows)

    def problems(self) -> list[str]:
        """Return what is wrong, each with the name of its field."""
        return [
            f"{self.fields[name].label}: {problem}" if name in self.fields else str(problem)
            for name, found in self.errors.items()
            for problem in found
        ]

    def plan(self, actor: User) -> Batch:
        """Plan what a valid form asks for."""
        data = self.cleaned_data
        seed = data["seed"]
        return plan_batch(
            generator=data["generator"],
            per_entity=data["count"],
            entities=[self.shows],
            seed=next_seed(data["generator"]) if seed is None else seed,
            asked=self.asked,
            tones=[] if self.wanted_tone is None else [self.wanted_tone],
            **{name: data[name] for name in HOW if name in data},
            consecutive=True,
            actor=actor,
        )


def _hex(tone: float) -> str:
    return "#" + "".join(f"{round(255 * each):02x}" for each in skin_of_tone(tone))


def _choice(label: Any, choices: list[tuple[str, Any]]) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=choices)


def usual() -> dict[str, str]:
    """Return what the form holds before anybody has said anything."""
    return {
        "generator": next(iter(generator_names(OWN_WEIGHTS)), ""),
        "by": WORDS,
        "prompt": EXAMPLE,
        "count": "8",
    }


def filled_in(batch: Batch, **changes: object) -> dict[str, str]:
    """Return what the form holds for a batch that was made on the page, less its seed."""
    entity = batch.entities[0]
    given = {
        "generator": batch.generator,
        "by": WORDS if "prompt" in batch.asked else CHOICES,
        "entity": entity,
        "named": entity,
        **batch.asked,
        **({"tone": batch.tones[0]} if batch.tones else {}),
        "count": batch.per_entity,
        **{name: value for name in HOW if (value := getattr(batch, name)) is not None},
        **changes,
    }
    if "age" in batch.asked:
        given["age"] = round(batch.asked["age"])
    return {name: str(value) for name, value in given.items()}


def told(batch: Batch) -> list[tuple[str, str]]:
    """Return what was asked of a batch's images, in words of the page: what, and how."""
    asked = batch.asked
    rows = [(gettext("Diagnosis"), entity_title(batch.entities[0]))]
    if prompt := asked.get("prompt"):
        rows.insert(0, (gettext("Prompt"), prompt))
    if sex := asked.get("sex"):
        rows.append((gettext("Sex"), str(SEX_NAMES[sex])))
    if "age" in asked:
        rows.append((gettext("Age in years"), f"{asked['age']:.0f}"))
    if site := asked.get("site"):
        rows.append((gettext("Body site"), str(SITE_NAMES.get(site, site))))
    for tone in batch.tones:
        name = skin_name(tone)
        rows.append((gettext("Skin"), name if tone in SKIN_DEGREES else f"{name} ({tone:g}°)"))
    if lesion := asked.get("lesion"):
        rows.append((gettext("Lesion"), lesion_words(lesion)))
    return rows


def titled(batch: Batch) -> str:
    """Return in one line what a batch shows."""
    if prompt := batch.asked.get("prompt"):
        return str(prompt)
    years = gettext("Age in years")
    return " · ".join(
        gettext("%s years") % value if what == years else value for what, value in told(batch)
    )
