"""What raters fill in before they read."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

BLANK = ("", "–")


class OptionalForm(forms.Form):
    """Questions of which every one may be left empty."""

    def answers(self) -> dict[str, Any]:
        """Return what was filled in."""
        return {key: value for key, value in self.cleaned_data.items() if value not in ("", None)}


class AboutForm(OptionalForm):
    """Who reads, in eight questions at most."""

    role = forms.ChoiceField(
        label=_("You are"),
        required=False,
        choices=[
            BLANK,
            ("dermatologist", _("a dermatologist")),
            ("resident", _("a resident in dermatology")),
            ("other_physician", _("a physician of another field")),
            ("student", _("a student")),
            ("other", _("none of these")),
        ],
    )
    years_dermatology = forms.IntegerField(
        label=_("Years in dermatology"), required=False, min_value=0, max_value=70
    )
    years_dermoscopy = forms.IntegerField(
        label=_("Years of using dermoscopy"), required=False, min_value=0, max_value=70
    )
    dermoscopy_training = forms.ChoiceField(
        label=_("Training in dermoscopy"),
        required=False,
        choices=[
            BLANK,
            ("none", _("none")),
            ("course", _("a course")),
            ("certified", _("certified, or teaching it")),
        ],
    )
    skin_types = forms.ChoiceField(
        label=_("Skin types of your patients"),
        required=False,
        choices=[
            BLANK,
            ("light", _("mostly light (Fitzpatrick I–III)")),
            ("mixed", _("mixed")),
            ("dark", _("mostly dark (Fitzpatrick IV–VI)")),
        ],
    )
    knows_datasets = forms.ChoiceField(
        label=_("Have you worked with images of the ISIC Archive or HAM10000?"),
        required=False,
        choices=[BLANK, ("no", _("no")), ("seen", _("seen some")), ("worked", _("yes"))],
    )
    colour_vision = forms.ChoiceField(
        label=_("Colour vision"),
        required=False,
        choices=[
            BLANK,
            ("normal", _("normal")),
            ("deficient", _("a deficiency")),
            ("unknown", _("not known")),
        ],
    )
    screen = forms.ChoiceField(
        label=_("This screen"),
        required=False,
        choices=[
            BLANK,
            ("phone", _("a phone")),
            ("tablet", _("a tablet")),
            ("laptop", _("a laptop")),
            ("monitor", _("a monitor")),
            ("medical", _("a medical monitor")),
        ],
    )


class NameForm(forms.Form):
    """Whose name a certificate bears."""

    name = forms.CharField(label=_("Your name, as it shall be printed"), max_length=120)


class DebriefForm(OptionalForm):
    """What raters believe when they have seen all images, before anybody tells them."""

    ai_percent = forms.IntegerField(
        label=_("How many of the images were made by AI, in per cent?"),
        required=False,
        min_value=0,
        max_value=100,
    )
    gave_away = forms.CharField(
        label=_("What gave them away?"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class DeviceForm(forms.Form):
    """What the screen is and shows; `measured` is filled in by the page's script."""

    steps_seen = forms.TypedChoiceField(
        label=_("How many of the eight fields can you tell from the one beside it?"),
        coerce=int,
        choices=[(8, _("all eight")), *((n, str(n)) for n in range(7, 0, -1))],
    )
    bright = forms.BooleanField(label=_("The brightness is turned up."), required=False)
    unfiltered = forms.BooleanField(
        label=_("Night mode and colour filters are off."), required=False
    )
    measured = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)

    def clean_measured(self) -> dict[str, Any]:
        """Return the script's figures; none if there was no script."""
        try:
            measured = json.loads(self.cleaned_data["measured"] or "{}")
        except ValueError:
            return {}
        return measured if isinstance(measured, dict) else {}
